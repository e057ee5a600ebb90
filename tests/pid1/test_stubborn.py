"""What does not want to end, or cannot: stopped, deaf, daemonised, hidden, and without number. A stop keeps its budget."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.support.firstprocess import First
from tests.support.home import Home
from tests.support.pidslimit import PidsLimit
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until

BUDGET_S = 4
LATE_S = 1.5
"""What a machine under full load may add to a budget that is kept."""

DEAF = "trap '' TERM INT HUP QUIT; while :; do sleep 300; done"


def stopped(home: Home, name: str) -> str:
    """A script that stops itself, as ^Z would."""
    return f"echo stopping {name} >> {home.calls_file}; kill -STOP $$; exec sleep 300"


def timed_stop(first: First) -> float:
    """Seconds from TERM to the end; nothing may be left of the namespace."""
    with Stopwatch() as watch:
        assert first.stop() == 0
    return watch.seconds


@pytest.mark.rule("D-pid1-stopped", "D-stop-sweep")
@pytest.mark.parametrize("what", ["service", "hook", "stray", "everything"])
def test_who_is_stopped_is_ended_inside_the_budget(home: Home, what: str) -> None:
    home.settings(stop={"budget_s": BUDGET_S})
    wanted = {what} if what != "everything" else {"service", "hook", "stray"}
    if "service" in wanted:
        home.service("frozen", stopped(home, "service"))
    if "hook" in wanted:
        home.hook("monitor", stopped(home, "hook"))
    if "stray" in wanted:
        home.hook("svcup", f"setsid sh -c '{stopped(home, 'stray')}' &")
    first = First(home).up()
    until(lambda: sum(call.startswith("stopping") for call in home.calls()) == len(wanted), "all stopped")
    until(lambda: list(first.members().values()).count("T") == len(wanted), "state T")
    # Who is stopped is continued, so that it can act on its TERM: that takes no time, let alone the budget.
    assert timed_stop(first) < BUDGET_S / 2
    assert first.instance.states()[-2:] == ["STOPPING", "STOPPED"]


@pytest.mark.rule("D-pid1-stopped", "D-stop-sweep")
def test_who_is_deaf_and_stopped_is_killed_inside_the_budget(home: Home) -> None:
    home.settings(stop={"budget_s": BUDGET_S})
    home.service("deaf", f"trap '' TERM; kill -STOP $$; {DEAF}")
    home.service("stiff", DEAF)
    home.hook("monitor", DEAF)
    home.hook("svcup", f'setsid sh -c "{DEAF}" > /dev/null 2>&1 &')
    first = First(home).up()
    until(lambda: "monitor" in home.calls() and "T" in first.members().values(), "all of them")
    assert timed_stop(first) < BUDGET_S + LATE_S
    assert first.instance.states()[-2:] == ["STOPPING", "STOPPED"]
    assert "the stop budget is spent" not in first.instance.messages()


@pytest.mark.rule("D-pid1-strays", "D-stop-sweep")
def test_double_forks_and_hidden_strays_are_told_to_end_before_pid_1_does(home: Home) -> None:
    """They notice their TERM: the kernel, which ends a namespace with KILL, was not what ended them."""
    noted = home.root / "noted"
    noted.touch()

    def note(name: str) -> str:
        return f'trap "echo {name} >> {noted}; exit 0" TERM; echo up {name} >> {noted}; while :; do sleep 0.05; done'

    (home.root / "daemon.sh").write_text(note("daemon"))
    (home.root / "hidden.sh").write_text(note("hidden"))
    (home.root / "second.sh").write_text(note("second"))
    quiet = "> /dev/null 2>&1 < /dev/null"
    home.hook("svcup", f"(setsid sh {home.root}/daemon.sh {quiet} &)")
    home.service(
        "parent",
        f"(env -i /usr/bin/setsid /bin/sh {home.root}/hidden.sh {quiet} &)\n"
        f"(setsid sh -c '(sh {home.root}/second.sh {quiet} &)' &)\nexec sleep 300",
    )
    first = First(home).up()
    until(lambda: sorted(noted.read_text().splitlines()) == ["up daemon", "up hidden", "up second"], "three strays")
    assert first.stop() == 0
    assert set(noted.read_text().splitlines()[3:]) == {"daemon", "hidden", "second"}


@pytest.mark.rule("D-pid1-strays", "D-service-restart")
def test_what_a_dead_service_left_is_gone_before_its_next_life(home: Home) -> None:
    """Its group and its sessions go with it, also while its essential process is killed from outside."""
    left = home.root / "left"
    home.service(
        "parent",
        f"(setsid sh -c 'echo $$ >> {left}; exec sleep 300' > /dev/null 2>&1 &)\n"
        f"while ! [ -s {left} ]; do sleep 0.01; done\nsleep 300 &\nexec sleep 300",
        backoff_s=0,
    )
    first = First(home).up()
    until(lambda: left.exists() and len(left.read_text().split()) == 1, "the first stray")
    stray = first.outside(int(left.read_text()))
    main = home.status()["services"][0]["pid"]
    until(lambda: len(first.members()) == 3, "three sleepers")
    os.kill(first.outside(main), signal.SIGKILL)
    first.instance.wait_state("UP", 2)
    until(lambda: len(first.members()) == 3, "three sleepers of the second life")
    assert stray not in first.members()
    assert first.stop() == 0


BOMB = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
end = time.monotonic() + 30
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        time.sleep(0.05)
"""


@pytest.mark.rule("D-pid1-pids-limit", "D-stop-sweep")
def test_a_fork_bomb_under_a_pids_limit_is_ended_inside_the_budget(
    home: Home, record_property: pytest.RecordProperty
) -> None:
    """Every process of the bomb is deaf, in a session of its own, and there is no room to start anything."""
    home.settings(stop={"budget_s": BUDGET_S})
    (home.root / "bomb.py").write_text(BOMB)
    home.hook("svcdown")
    home.service("bomb", f"exec {sys.executable} -I -S {home.root}/bomb.py")
    with PidsLimit() as limit:
        record_property("pids limit by", limit.words)
        first = First(home, around=limit.prefix)
        limit.set(60)
        first.up()
        until(lambda: limit.full(first), "the limit is reached", 20)
        took = timed_stop(first)
    record_property("stop of a fork bomb of 60, s", round(took, 2))
    assert took < BUDGET_S + LATE_S
    assert first.instance.states()[-1] == "STOPPED"


@pytest.mark.rule("D-pid1-pids-limit", "D-service-restart")
def test_a_restart_that_finds_no_room_is_tried_again_until_there_is_some(home: Home) -> None:
    home.settings(restart={"backoff_s": 0.2, "backoff_max_s": 0.2, "limit": 1000})
    home.service("main")
    with PidsLimit() as limit:
        first = First(home, around=limit.prefix).up()
        until(lambda: home.calls() == ["run main"], "its first life")
        limit.set(1)
        os.kill(first.outside(home.status()["services"][0]["pid"]), signal.SIGKILL)
        first.instance.wait_message("Resource temporarily unavailable")
        until(lambda: home.status()["services"][0]["restarts"] >= 3, "three attempts")
        assert home.status()["state"] == "RESTARTING"
        assert home.status()["services"][0]["last"]["reason"] == "start"
        limit.set(500)
        first.instance.wait_state("UP", 2)
        until(lambda: home.calls() == ["run main"] * 2, "its second life")
        assert first.stop() == 0
