"""What svcup leaves behind: counted, named, and followed by its pidfile however it ends."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest

from tests.support.home import Home
from tests.support.waiting import until

MAIN = 'setsid sleep 300 & echo $! > "$WW_DATA/main.pid"'
WHEN_GONE = "while kill -0 {} 2>&-; do :; done"
"""What a process begins with that goes on when its hook has ended, and then at once."""


@pytest.fixture
def declared(home: Home) -> Home:
    return home.all_hooks().settings(svcup={"pidfiles": ["/data/main.pid"]}, restart={"backoff_s": 0.1, "limit": 2})


def pid_in(path: pathlib.Path) -> int:
    return int(until(lambda: path.exists() and path.read_text().strip(), f"a pid in {path}"))


@pytest.mark.rule("D-daemon-ends", "D-hook-harmless")
def test_a_pidfile_that_is_a_fifo_holds_nobody_up_and_is_warned_of(declared: Home) -> None:
    declared.hook("svcup", 'mkfifo "$WW_DATA/main.pid"')
    instance = declared.start().wait_state("UP")
    instance.wait_message("main.pid does not exist after svcup, or is no file with a new pid in it")
    assert instance.stop() == 0


@pytest.mark.rule("D-daemon-ends")
def test_a_declared_pidfile_that_is_not_there_is_warned_of_and_followed_when_it_comes(declared: Home) -> None:
    declared.settings(monitor={"interval_s": 0.2})
    declared.hook("svcup", f"setsid sleep 300 & echo $! > {declared.root}/pid")
    instance = declared.start().wait_state("UP")
    instance.wait_message("main.pid does not exist after svcup")
    pid = pid_in(declared.root / "pid")
    (declared.root / "data/main.pid").write_text(f"{pid}\n")
    seen = declared.calls().count("monitor")
    until(lambda: declared.calls().count("monitor") > seen + 1, "another monitor")
    os.kill(pid, signal.SIGKILL)
    instance.wait_state("RESTARTING")
    assert instance.stop() == 0


@pytest.mark.rule("D-daemon-ends")
def test_a_declared_process_that_is_dead_before_svcup_ends_restarts_the_services(declared: Home) -> None:
    once = 'if [ ! -e "$WW_DATA/once" ]; then : > "$WW_DATA/once"; sleep 0 & wait; echo $! > "$WW_DATA/main.pid"; '
    declared.hook("svcup", f"{once} else {MAIN}; fi")
    instance = declared.start().wait_state("UP")
    assert instance.states().count("RESTARTING") == 1
    assert "main.pid is not there any more" in instance.messages()
    assert instance.stop() == 0


@pytest.mark.rule("D-daemon-ends", "D-maintenance")
def test_in_maintenance_a_declared_process_that_has_ended_is_told_of_once(declared: Home) -> None:
    declared.settings(monitor={"interval_s": 0.1})
    declared.hook("svcup", MAIN)
    instance = declared.start().wait_state("UP")
    assert declared.ww("maintenance", "on").returncode == 0
    os.kill(pid_in(declared.root / "data/main.pid"), signal.SIGKILL)
    instance.wait_message("left as it is in maintenance")
    seen = declared.calls().count("monitor")
    until(lambda: declared.calls().count("monitor") > seen + 3, "monitors that look again")
    assert instance.messages().count("main.pid") == 1
    assert declared.ww("maintenance", "off").returncode == 0
    instance.wait_state("RESTARTING").wait_state("UP", 2)
    assert instance.stop() == 0


@pytest.mark.rule("D-daemon-ends")
def test_a_pidfile_of_an_earlier_life_is_no_failure_and_the_new_one_is_followed_when_it_comes(declared: Home) -> None:
    pidfile = declared.root / "data/main.pid"
    pidfile.write_text("4194303\n")
    os.utime(pidfile, (1_000_000_000, 1_000_000_000))
    declared.hook(
        "svcup", f"setsid sh -c '{WHEN_GONE.format('$0')}; echo $$ > \"$WW_DATA/main.pid\"; exec sleep 300' $$ &"
    )
    instance = declared.start().wait_state("UP").wait_message("svcup left 1 running")
    assert "RESTARTING" not in instance.states()
    assert "does not exist after svcup" not in instance.messages()
    os.kill(pid_in(pidfile), signal.SIGKILL)
    instance.wait_state("RESTARTING")
    assert instance.stop() == 0


@pytest.mark.rule("D-daemon-ends")
def test_the_end_of_a_declared_process_is_noticed_though_its_parent_reaps_it(declared: Home) -> None:
    parent = "setsid sh -c 'sleep 300 & echo $! > \"$WW_DATA/main.pid\"; wait; sleep 300' &"
    pidfile = declared.root / "data/main.pid"
    declared.hook("svcup", f'rm -f "$WW_DATA/main.pid"; {parent} while [ ! -s "$WW_DATA/main.pid" ]; do :; done')
    instance = declared.start().wait_state("UP")
    os.kill(pid_in(pidfile), signal.SIGKILL)
    instance.wait_state("RESTARTING")
    instance.wait_state("UP", count=2)
    assert instance.stop() == 0


@pytest.mark.rule("D-daemon-ends")
def test_a_process_that_hands_over_to_another_is_no_failure_and_the_other_is_followed(declared: Home) -> None:
    declared.hook("svcup", f"{MAIN}; setsid sleep 301 & echo $! > {declared.root}/next")
    instance = declared.start().wait_state("UP")
    pidfile = declared.root / "data/main.pid"
    first, second = pid_in(pidfile), pid_in(declared.root / "next")
    pidfile.write_text(f"{second}\n")
    os.kill(first, signal.SIGTERM)
    instance.wait_message(f"names pid {second} in place of {first}")
    assert "RESTARTING" not in instance.states()
    os.kill(second, signal.SIGKILL)
    instance.wait_state("RESTARTING")
    assert instance.stop() == 0


@pytest.mark.rule("D-daemon-ends")
def test_a_daemon_is_named_after_its_program_and_not_after_the_hook_that_forked_it(home: Home) -> None:
    home.all_hooks().hook("svcup", f"({WHEN_GONE.format('$$')}; exec setsid sleep 300) &")
    instance = home.start().wait_message("svcup left 1 running: sleep (pid ")
    assert instance.stop() == 0


@pytest.mark.rule("D-hook-timeout")
def test_a_child_that_drops_environment_and_session_does_not_escape_the_time_limit(home: Home) -> None:
    home.all_hooks().settings(hooks={"boot": {"timeout_s": 2}}, kill_grace_s=0.5)
    mark = home.root / "pid"
    deaf = f'trap "" TERM; echo $$ > {mark}; while :; do sleep 1; done'
    home.hook("boot", f"env -i /usr/bin/setsid /bin/sh -c '{deaf}' & wait")
    instance = home.run_to_end()
    assert "boot was still running after 2 s" in instance.messages()
    assert f"(pid {pid_in(mark)}) by KILL" not in instance.messages(), "it was left to the sweep at the end"
    assert not pathlib.Path(f"/proc/{pid_in(mark)}").exists()


@pytest.mark.rule("D-hook-timeout")
def test_what_a_stray_starts_right_before_its_end_does_not_escape_the_time_limit(home: Home) -> None:
    """It has neither the environment nor the parent of the hook any more, and was not there yet at the last look."""
    home.all_hooks().settings(hooks={"boot": {"timeout_s": 1}}, kill_grace_s=0.3)
    sleeper = f"sleep 97{os.getpid()}"
    restless = (
        f"{sleeper} & old=$!; while :; do {sleeper} & new=$!; kill -9 $old; wait $old; old=$new; done 2> /dev/null"
    )
    some = f"for n in 1 2 3 4; do env -i /usr/bin/setsid /bin/sh -c '{restless}' & done; sleep 0.1"
    many = "for n in $(seq 200); do sleep 300 & done"  # to look at them all takes its time
    home.hook("boot", f'trap "" TERM; {some}; {many}; wait')
    home.hook("lifecycle", f'[ "$1" != ERROR ] || pgrep -f "^{sleeper}$" > {home.root}/left || :')
    instance = home.run_to_end()
    assert "boot was still running after 1 s" in instance.messages()
    assert "lifecycle ERROR" in home.calls()
    assert (home.root / "left").read_text() == ""


@pytest.mark.rule("D-hook-harmless")
def test_outputs_that_strays_of_monitors_hold_open_are_bounded_and_a_daemons_is_kept(home: Home) -> None:
    home.all_hooks().settings(monitor={"interval_s": 0.1})
    home.hook("svcup", "setsid sh -c 'while [ ! -e \"$WW_DATA/speak\" ]; do sleep 0.1; done; echo still heard' &")
    home.hook("monitor", "sleep 300 & echo '{}'")
    instance = home.start().wait_message("the oldest output is closed each time", within_s=60)
    descriptors = len(os.listdir(f"/proc/{instance.process.pid}/fd"))
    seen = home.calls().count("monitor")
    until(lambda: home.calls().count("monitor") > seen + 5, "more monitors")
    assert len(os.listdir(f"/proc/{instance.process.pid}/fd")) <= descriptors + 4
    assert instance.messages().count("the oldest output is closed each time") == 1
    (home.root / "data/speak").touch()
    instance.wait_message("still heard")
    assert instance.stop() == 0


@pytest.mark.rule("D-daemon-ends")
def test_an_old_pidfile_that_names_a_younger_process_is_nobodys(home: Home) -> None:
    """In a container the pids of one boot recur in the next, and a pidfile on the volume outlives both."""
    home.all_hooks().settings(svcup={"pidfiles": ["/data/app.pid"]})
    pidfile = home.root / "data/app.pid"
    home.hook("boot", f'sleep 1.2 & echo $! > {pidfile}; touch -d "1 hour ago" {pidfile}')
    home.hook("warmup", f"until ! kill -0 $(cat {pidfile}) 2>/dev/null; do sleep 0.05; done; sleep 0.3")
    instance = home.start().wait_state("UP")
    assert "RESTARTING" not in instance.states()
    assert instance.stop() == 0
