"""Clocks that jump: whatever the wall clock does, waiting is done by the monotonic one, in a real process and by audit."""

from __future__ import annotations

import ast
import os
import signal
import sys

import pytest

from tests.support.firstprocess import UNSHARE, First
from tests.support.home import Home
from tests.support.paths import PACKAGE
from tests.support.services import need
from tests.support.source import modules
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.clock import FakeClock
from ww.events.spool import read_journal
from ww.supervise.loop import Loop

YEAR_MS = 365 * 24 * 3600 * 1000
LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
)


@pytest.mark.rule("D-pid1-clocks")
@pytest.mark.parametrize("jump_ms", [-10 * YEAR_MS, -1_000, 1_000, 10 * YEAR_MS])
def test_a_jump_of_the_wall_clock_makes_no_timer_due_and_delays_none(jump_ms: int) -> None:
    clock = FakeClock()
    loop = Loop(clock)
    due: list[int] = []
    loop.call_later(1_000, lambda: due.append(clock.mono))
    clock.wall += jump_ms
    clock.mono += 999
    loop.turn(wait=False)
    assert due == []
    clock.mono += 1
    loop.turn(wait=False)
    loop.close()
    assert due == [1_001_000]


@pytest.mark.rule("D-pid1-clocks")
@pytest.mark.timeout(90)
def test_a_real_instance_lives_through_jumps_of_its_wall_clock(home: Home) -> None:
    """The library of faketime moves the wall clock of PID 1 and of all its children while they run, and no other."""
    need("faketime")
    library = next((path for path in LIBRARIES if os.path.exists(path)), "")
    if not library:
        pytest.skip("faketime: its library is in none of the known places")
    offset = home.root / "offset"
    offset.write_text("+0\n")
    home.settings(
        monitor={"interval_s": 0.2}, restart={"backoff_s": 0.6, "backoff_max_s": 0.6, "jitter": 0}, stop={"budget_s": 4}
    )
    home.hook("monitor")
    home.service("main")
    env = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }
    first = First(home, env=env, command=[sys.executable, "-IS", str(PACKAGE / "launch.py"), "run"]).up()
    for life, jump in enumerate(("-3650d", "+3650d", "-1h", "+0"), 1):
        offset.with_suffix(".new").write_text(f"{jump}\n")
        offset.with_suffix(".new").rename(offset)
        looks = home.calls().count("monitor")
        until(lambda looks=looks: home.calls().count("monitor") >= looks + 3, f"three looks after {jump}", 6)  # type: ignore[misc]
        main = first.outside(home.status()["services"][0]["pid"])
        with Stopwatch() as watch:
            os.kill(main, signal.SIGKILL)
            until(lambda life=life: home.calls().count("run main") == life + 1, f"its next life after {jump}", 6)  # type: ignore[misc]
        # The first restart is at once, each further one waits.
        assert watch.seconds < 0.5 if life == 1 else watch.elapsed_s >= 0.5
        first.instance.wait_state("UP", life + 1)
        assert home.status()["for_s"] < 60
    offset.write_text("-3650d\n")
    with Stopwatch() as watch:
        assert first.stop() == 0
    assert watch.seconds < 4
    stamps = [event.wall_ms for event in read_journal(str(home.root / "data/.ww/journal"))]
    assert max(stamps) - min(stamps) > 19 * YEAR_MS, "the clock has really jumped"


@pytest.mark.rule("D-pid1-clocks")
@pytest.mark.parametrize(("monotonic", "boottime"), [(3_000_000_000, 3_000_000_000), (0, 100_000), (100_000, 0)])
def test_any_reading_of_the_monotonic_clock_will_do(home: Home, monotonic: int, boottime: int) -> None:
    """A time namespace: a machine that has been up for a century, and one that has slept for a day."""
    offsets = ("--time", f"--monotonic={monotonic}", f"--boottime={boottime}")
    home.settings(monitor={"interval_s": 0.2}, stop={"budget_s": 4})
    home.hook("monitor")
    home.service("main", backoff_s=0.3)
    first = First(home, unshare=(*UNSHARE, *offsets)).up()
    for life in (1, 2):
        until(lambda life=life: home.calls().count("run main") == life, "its life")  # type: ignore[misc]
        os.kill(first.outside(home.status()["services"][0]["pid"]), signal.SIGKILL)
        first.instance.wait_state("UP", life + 1)
    looks = home.calls().count("monitor")
    until(lambda: home.calls().count("monitor") >= looks + 3, "three looks", 5)
    assert home.status()["uptime_s"] < 60
    assert first.stop() == 0


STAMPS_ONLY = {
    "ww.events.journal.append",  # the time in the event
    "ww.events.tidying._retain",  # compared with the times of segments, which are by the same clock
    "ww.instance.perform._back_up",  # the name of a backup
    "ww.instance.outlet.state",  # since when, for the probes
    "ww.instance.pidfiles._pid_in",  # compared with the times of files, which are by the same clock
    "ww.instance.services.reason.of",
    "ww.instance.services.reason.plain",
    "ww.instance.strays.snapshot",  # for the pidfiles
    "ww.instance.voice._say",  # the time of a line that is said later
}
"""Where the wall clock is read for something that is not made a stamp of on the spot. None of them waits."""
OF_THE_REPORTER = ("ww.reporter", "ww.reporting", "ww.sinks", "ww.clients")
CLOCKS = {"ww.check", "ww.clock", "ww.instance.pidfiles"}
"""Where `time` is used: pidfiles asks how long the machine is up, as processes are dated by that; check is a child that
sleeps."""


@pytest.mark.rule("D-pid1-clocks")
def test_no_deadline_is_by_the_wall_clock() -> None:
    found = {
        place
        for module in modules()
        if not _is_a_command(module.name)
        for place in wall_readers(module.name, module.tree)
    }
    assert found == STAMPS_ONLY
    importers = {module.name for module in modules() if not _is_a_command(module.name) and _imports_time(module.tree)}
    assert importers == CLOCKS


def _is_a_command(name: str) -> bool:
    """Programs that people start, and the reporter, which waits for other machines; none of them is PID 1."""
    return name.startswith(("ww.cli", "ww.authoring", "ww.drain", "ww.ondemand", *OF_THE_REPORTER))


def _imports_time(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Import) and any(alias.name == "time" for alias in node.names) for node in ast.walk(tree)
    )


def wall_readers(module: str, tree: ast.AST) -> set[str]:
    """`MODULE.FUNCTION` of every call of `wall_ms` outside of the arguments of `stamp`."""
    found: set[str] = set()

    def look(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "stamp":
                return
            if isinstance(node.func, ast.Attribute) and node.func.attr == "wall_ms":
                found.add(f"{module}.{function}")
        for child in ast.iter_child_nodes(node):
            look(child, function)

    look(tree, "")
    return found


def test_the_audit_sees_a_deadline_by_the_wall_clock() -> None:
    tree = ast.parse("def wait(self):\n    self.loop.call_at(self.clock.wall_ms() + 5, self.due)\n")
    assert wall_readers("m", tree) == {"m.wait"}
    assert wall_readers("m", ast.parse("def say(self):\n    return stamp(self.clock.wall_ms())\n")) == set()
