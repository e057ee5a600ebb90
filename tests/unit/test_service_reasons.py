"""Which kill was one for want of memory: told by the cgroup's counter, before and after."""

from __future__ import annotations

import pathlib

import pytest

from ww.clock import FakeClock
from ww.instance.services.process import Ended
from ww.instance.services.reason import Reasons
from ww.supervise.exitcode import Exit
from ww.supervise.oom import OomCounter

KILLED = Ended(Exit(None, 9), "signal", "killed by SIGKILL", [])


class Cgroup:
    """A tree of files with one counter, as cgroup v2 shows it."""

    def __init__(self, place: pathlib.Path) -> None:
        self._events = place / "memory.events"
        (place / "membership").write_text("0::/\n")
        self.kills(0)
        self.clock = FakeClock()
        self.reasons = Reasons(self.clock, OomCounter(str(place), str(place / "membership")))
        self.reasons.look()
        self.clock.advance(5_000)

    def kills(self, count: int) -> None:
        self._events.write_text(f"low 0\noom 0\noom_kill {count}\n")


@pytest.fixture
def cgroup(tmp_path: pathlib.Path) -> Cgroup:
    return Cgroup(tmp_path)


@pytest.mark.rule("D-service-oom", "D-service-reason")
def test_a_kill_with_the_counter_risen_is_one_for_want_of_memory_and_no_other_is(cgroup: Cgroup) -> None:
    assert cgroup.reasons.of(KILLED).name == "signal"
    cgroup.kills(1)
    reason = cgroup.reasons.of(KILLED)
    assert reason.name == "oom"
    assert "from 0 to 1" in reason.words
    assert cgroup.reasons.of(KILLED).name == "signal", "that kill was counted once"


@pytest.mark.rule("D-service-oom")
def test_two_that_were_killed_together_are_both_told_so(cgroup: Cgroup) -> None:
    cgroup.kills(2)
    assert [cgroup.reasons.of(KILLED).name for _ in range(3)] == ["oom", "oom", "signal"]


@pytest.mark.rule("D-service-oom")
def test_a_look_between_the_kill_and_the_end_does_not_hide_it_and_an_old_rise_is_no_reason(cgroup: Cgroup) -> None:
    cgroup.kills(1)
    cgroup.reasons.look()
    cgroup.clock.advance(100)
    assert cgroup.reasons.of(KILLED).name == "oom"
    cgroup.kills(2)
    cgroup.reasons.look()
    cgroup.clock.advance(5_000)
    assert cgroup.reasons.of(KILLED).name == "signal", "somebody else was killed, long before"
