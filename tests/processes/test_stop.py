"""A stop is always a stop: from any state, through any hook, inside one budget, with the order kept."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest

from tests.support.home import Home
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until

DEAF = 'python3 -c \'import os,signal,time; signal.signal(15, signal.SIG_IGN); os.setsid(); open("{mark}","w").write(str(os.getpid())); time.sleep(300)\' &'
"""A grandchild in a session of its own that does not heed TERM."""


def alive(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pid_in(path: pathlib.Path) -> int:
    return int(until(lambda: path.exists() and path.read_text(), str(path)))


@pytest.mark.rule("D-stop-any-instant", "WW-25", "WW-26", "WWA-10")
@pytest.mark.parametrize(
    "hook", ["boot", "firstboot", "upgrade", "svcup", "warmup", "lifecycle", "monitor", "pushstats"]
)
def test_a_hanging_hook_does_not_hold_up_a_stop(home: Home, hook: str) -> None:
    """The hook heeds TERM: the stop takes a fraction of its budget."""
    home.all_hooks()
    home.hook(hook, 'test "$WW_STATE" = STOPPING && exit 0; test "$WW_STATE" = STOPPED && exit 0; sleep 300')
    instance = home.start()
    until(lambda: any(c.split()[0] == hook for c in home.calls()), hook)
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert stop.seconds < 4
    assert instance.states()[-2:] == ["STOPPING", "STOPPED"]
    assert "svcdown" in home.calls()


@pytest.mark.rule("D-stop-budget", "D-stop-any-instant")
@pytest.mark.parametrize("hook", ["boot", "svcup", "svcdown", "lifecycle"])
def test_a_hook_deaf_to_term_is_killed_inside_the_budget(home: Home, hook: str) -> None:
    home.all_hooks().settings(stop={"budget_s": 2})
    home.hook(
        hook,
        'trap "" TERM; case "$0-$WW_STATE" in *lifecycle-BOOT|*boot-*|*svcup-*|*svcdown-*) ;; *) exit 0;; esac\nwhile :; do sleep 1; done',
    )
    instance = home.start()
    if hook == "svcdown":
        instance.wait_state("UP")
    else:
        until(lambda: any(c.split()[0] == hook for c in home.calls()), hook)
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert stop.seconds < 2.6
    assert instance.states()[-2:] == ["STOPPING", "STOPPED"]


@pytest.mark.rule("D-stop-sweep", "D-stop-names-holder")
def test_a_deaf_stray_in_its_own_session_is_killed_and_named(home: Home) -> None:
    home.all_hooks().settings(stop={"budget_s": 2})
    mark = home.root / "stray"
    home.hook("svcup", DEAF.format(mark=mark))
    instance = home.start().wait_state("UP")
    stray = pid_in(mark)
    assert instance.stop() == 0
    assert not alive(stray)
    assert f"(pid {stray}) by KILL, it did not heed TERM" in instance.messages()


@pytest.mark.rule("D-stop-sweep")
def test_obedient_daemons_are_ended_at_once_and_the_stop_does_not_wait_longer(home: Home) -> None:
    home.all_hooks()
    home.hook("svcup", f"for i in 1 2 3; do setsid sleep 300 & done; echo $! > {home.root}/pid")
    instance = home.start().wait_state("UP")
    instance.wait_message("svcup left 3 running")
    assert instance.messages().count("sleep (pid ") == 3, "each under the name of its program"
    pid = pid_in(home.root / "pid")
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert stop.seconds < 2
    assert not alive(pid)


@pytest.mark.rule("D-stop-second")
def test_a_second_term_forces(home: Home) -> None:
    home.all_hooks().settings(stop={"budget_s": 60})
    home.hook("svcdown", 'trap "" TERM; while :; do sleep 1; done')
    mark = home.root / "stray"
    home.hook("svcup", DEAF.format(mark=mark))
    instance = home.start().wait_state("UP")
    stray = pid_in(mark)
    instance.signal()
    until(lambda: "svcdown" in home.calls(), "svcdown")
    with Stopwatch() as stop:
        instance.signal()
        assert instance.wait() == 0
    assert stop.seconds < 3
    assert not alive(stray)
    assert instance.states()[-1] == "STOPPED"


@pytest.mark.rule("D-stop-drain")
def test_a_drain_pauses_between_the_announcement_and_svcdown_but_not_on_ctrl_c(home: Home) -> None:
    home.all_hooks().settings(stop={"budget_s": 9, "drain_s": 1})
    for number, drained in ((signal.SIGTERM, True), (signal.SIGINT, False)):
        instance = home.start().wait_state("UP")
        with Stopwatch() as stop:
            instance.signal(number)
            assert instance.wait() == 0
        assert stop.elapsed_s >= 1 if drained else stop.seconds < 1
        assert ("draining for 1 s" in instance.messages()) is drained


@pytest.mark.rule("D-stop-any-instant")
def test_a_stop_in_restarting_during_the_backoff_does_not_wait_for_it(home: Home) -> None:
    home.all_hooks().settings(restart={"backoff_s": 60, "limit": 99})
    home.hook("monitor", "exit 1")
    instance = home.start().wait_message("before the services are started again")
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert stop.seconds < 3


@pytest.mark.rule("D-subreaper-own")
def test_a_bystander_outside_the_instance_is_never_signalled(home: Home) -> None:
    home.all_hooks()
    home.hook("svcup", "setsid sleep 300 &")
    import subprocess

    bystander = subprocess.Popen(["sleep", "300"], start_new_session=True)
    try:
        assert home.start().wait_state("UP").stop() == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_stop_while_the_data_lock_is_waited_for(home: Home) -> None:
    home.all_hooks()
    first = home.start().wait_state("UP")
    second = home.start(env={"WW_RUN": str(home.root / "run2")}).wait_message("waiting up to 30 s")
    with Stopwatch() as stop:
        assert second.stop() == 0
    assert stop.seconds < 3
    assert second.states() == ["STOPPING", "STOPPED"]
    assert first.states()[-1] == "UP"
    first.stop()


def test_what_boot_started_outlives_a_restart_and_what_svcup_started_does_not(home: Home) -> None:
    home.all_hooks()
    home.hook("boot", f"setsid sleep 300 & echo $! > {home.root}/cron")
    home.hook("svcup", f"setsid sleep 300 & echo $! >> {home.root}/svc")
    instance = home.start().wait_state("UP")
    instance.signal(signal.SIGHUP)
    instance.wait_state("UP", count=2)
    old, new = (int(line) for line in (home.root / "svc").read_text().split())
    assert alive(int((home.root / "cron").read_text()))
    assert not alive(old)
    assert alive(new)
    assert instance.stop() == 0
    assert not alive(new)


@pytest.mark.rule("D-daemon-ends")
def test_the_end_of_a_daemon_is_logged_and_a_declared_one_restarts_the_services(home: Home) -> None:
    home.all_hooks().settings(svcup={"pidfiles": ["/data/main.pid"]})
    home.hook(
        "svcup", f'setsid sleep 300 & echo $! > "$WW_DATA/main.pid"; setsid sleep 299 & echo $! > {home.root}/other'
    )
    instance = home.start().wait_state("UP")
    other = pid_in(home.root / "other")
    os.kill(other, signal.SIGKILL)
    instance.wait_message(f"(pid {other}) ended: killed by SIGKILL")
    assert "RESTARTING" not in instance.states()
    os.kill(pid_in(home.root / "data/main.pid"), signal.SIGKILL)
    instance.wait_state("UP", count=2)
    assert "main.pid ended: killed by SIGKILL" in instance.messages()
    assert instance.stop() == 0
