"""Named defects, each put into a copy of ww: a suite that stays green on one of them proves nothing."""

from __future__ import annotations

import pathlib

import pytest

from tests.support.mutant import mutant, run_tests

LIFE = "tests/processes/test_life.py"
SERVICES = "tests/processes/test_service_processes.py"
STOP = "tests/processes/test_stop.py"
DATA = "tests/processes/test_data.py"

SPOOL = ["tests/unit/test_spool_reader.py", "tests/unit/test_spool_keeper.py"]

MUTATIONS = {
    "marker before success": (
        "lifecycle/table.py",
        'Action(Kind.ATTEMPT), _hook("firstboot"), Action(Kind.MARK)',
        'Action(Kind.ATTEMPT), Action(Kind.MARK), _hook("firstboot")',
        [LIFE, "-k", "failed_firstboot"],
    ),
    "exit code ignored": (
        "instance/hookrun.py",
        "if isinstance(result, Ran) and result.exit.ok:",
        "if isinstance(result, Ran):",
        [LIFE, "-k", "any_failed_hook"],
    ),
    "merge shallow": (
        "config/merge.py",
        "plain(result[key], value) if key in result else value",
        "value",
        ["tests/unit", "tests/properties", "-k", "merge"],
    ),
    "stop waits for the monitor tick": (
        "instance/signalling.py",
        'self._feed(Trigger.STOP, Cause(f"{name} received", {"signal": name}, signal=number))',
        'cause = Cause(f"{name} received", signal=number)\n'
        "        self._crew.system.loop.call_later(30_000, lambda: self._feed(Trigger.STOP, cause))",
        [STOP, "-k", "hanging_hook and monitor"],
    ),
    "notification after the hook": (
        "lifecycle/table.py",
        'State.BOOT: (_RECORD, Action(Kind.REACH), _NOTIFY, _hook("boot"), Action(Kind.INSPECT))',
        'State.BOOT: (_RECORD, Action(Kind.REACH), _hook("boot"), _NOTIFY, Action(Kind.INSPECT))',
        [LIFE, "-k", "clean_start"],
    ),
    "UP before warmup": (
        "lifecycle/table.py",
        "State.WARMUP: (_RECORD, _NOTIFY, *_SERVICES_UP)",
        "State.WARMUP: (_RECORD, _NOTIFY, *_SERVICES_UP[:-1])",
        [LIFE, "-k", "clean_start"],
    ),
    "UP before the services are ready": (
        "lifecycle/table.py",
        '_READY = (Action(Kind.SERVICES_READY), _hook("warmup"))',
        '_READY = (_hook("warmup"),)',
        [SERVICES, "-k", "start_by_readiness"],
    ),
    "a replacement before its event": (
        "lifecycle/table.py",
        "RECOVERY = (_RECORD, Action(Kind.RECOVER), _NOTIFY",
        "RECOVERY = (Action(Kind.RECOVER), _RECORD, _NOTIFY",
        ["tests/unit", "-k", "recovery_is_recorded_first"],
    ),
    "everybody restarts with a dead one": (
        "lifecycle/services.py",
        "return {name for name in dependents(rules, names) if phases[name] in repeated}",
        "return {rule.name for rule in rules if phases[rule.name] in repeated}",
        [SERVICES, "-k", "dependents_only"],
    ),
    "a wrapped code is lost": (
        "instance/services/ends.py",
        "end(words, detail, ended.code)  # a command",
        "end(words, detail, 1)  # a command",
        ["tests/processes/test_wrap.py", "-k", "commands_own"],
    ),
    "nothing is swept": (
        "instance/perform.py",
        "return self.strays.sweep_all(budget.for_sweep(self._now()), done).start()",
        "return at_once(done)",
        [STOP, "-k", "deaf_stray or obedient"],
    ),
    "second TERM ignored": (
        "instance/driver.py",
        "trigger = Trigger.FORCE if self._stops else Trigger.STOP",
        "pass",
        [STOP, "-k", "second_term"],
    ),
    "newer data accepted": (
        "home/steps.py",
        "return tuple(step for step in held if step not in image_steps)",
        "return ()",
        [DATA, "-k", "newer_than_the_image"],
    ),
    "event not written": (
        "instance/record.py",
        'self._journal().append("state", data)',
        "pass",
        [DATA, "-k", "journalled_in_order"],
    ),
    "lock not taken": (
        "home/lock.py",
        "fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n        both = (fd, *_lock_directory(directory))",
        "both = (fd,)",
        [DATA, "-k", "second_instance"],
    ),
    "step not journalled": (
        "instance/upgrade.py",
        'return self._data.record_step(os.path.basename(file.path), "done", self._to, then)',
        "from ww.instance.tasks import at_once\n        return at_once(then)",
        [DATA, "-k", "new_steps_run_once"],
    ),
    "time limit forgotten": (
        "instance/execution.py",
        "if self._order.limit_ms:",
        "if False:",
        [LIFE, "-k", "hanging_monitor"],
    ),
    "restarts for ever": (
        "lifecycle/policy.py",
        "if len(failures) > policy.limit:",
        "if False:",
        [LIFE, "-k", "stays_sick"],
    ),
    "backup after the upgrade": (
        "instance/perform.py",
        "return self._upgrade().back_up(self._crew.system.clock.wall_ms(), self._crew.system.voice.info, done)",
        "return at_once(done)",
        [DATA, "-k", "backup_is_made"],
    ),
    "thinned before it was declared": (
        "events/tidying.py",
        "return all(declared) and sync() and self._perform(self.plan)",
        "return sync() and self._perform(self.plan)",
        [*SPOOL, "-k", "outage"],
    ),
    "lifecycle thinned like health": (
        "events/rewriting.py",
        "if event.kind == HEALTH:",
        "if event.kind:",
        [*SPOOL, "-k", "thinning or lifecycle"],
    ),
    "a removed sink holds the journal": (
        "events/tidying.py",
        "positions = [self._cursors.get(name) for name in self.sinks]",
        "positions = [self._cursors.get(name) for name in self._cursors.names()]",
        [*SPOOL, "-k", "removed_sink"],
    ),
    "the end of a full segment missed": (
        "events/reader.py",
        "            return self._sealed\n",
        "            if not self._sealed:\n                return False\n",
        ["tests/processes/test_spool_following.py"],
    ),
    "a half-written record taken for the end of the file": (
        "events/segmentfile.py",
        "        self._fill(self.offset)\n",
        "        if not self._buffer:\n            self._fill(self.offset)\n",
        [*SPOOL, "-k", "last_byte or as_they_come"],
    ),
    "the present boot ordered by its clock": (
        "events/shelf.py",
        "last = [self.running] if self.running in found else []",
        "last: list[str] = []",
        [*SPOOL, "-k", "whatever_its_clock_says"],
    ),
    "what one sink has counts as delivered": (
        "events/tidying.py",
        "            passed = all(\n",
        "            passed = any(\n",
        [*SPOOL, "-k", "slowest_sink"],
    ),
}


@pytest.mark.timeout(180)
@pytest.mark.rule("D-mutations")
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_defect_turns_a_test_red(name: str, tmp_path: pathlib.Path) -> None:
    file, old, new, selection = MUTATIONS[name]
    done = run_tests(mutant(tmp_path, file, old, new), selection)
    assert done.returncode == 1, f"{name}: pytest ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert " failed" in done.stdout
