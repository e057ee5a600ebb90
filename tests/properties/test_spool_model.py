"""Any course of writing, delivering, keeping and dying: nothing accepted is lost without a word."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.support.spooling import World

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# What a disk takes to sync is not in question here.
WORK = st.integers(17, 60)


class Spool(RuleBasedStateMachine):
    """Writer, reader, cursors and keeper on real files."""

    def __init__(self) -> None:
        super().__init__()
        self.root = tempfile.mkdtemp(dir=MEMORY)
        self.count = 0

    @initialize(numbered=st.booleans(), segments=st.integers(2, 4))
    def begin(self, numbered: bool, segments: int) -> None:
        self.world = World(self.root, numbered, segments << 20)

    @rule(size=st.sampled_from([0, 300]))
    def state(self, size: int) -> None:
        self.count += 1
        self.world.append("state", {"n": self.count, "x": "x" * size})

    @rule(many=st.integers(1, 40), size=st.sampled_from([10, 3000]), healthy=st.booleans())
    def health(self, many: int, size: int, healthy: bool) -> None:
        self._append(many, size, healthy)

    @rule(many=WORK, healthy=st.booleans())
    def much_health(self, many: int, healthy: bool) -> None:
        self._append(many, 60_000, healthy)

    @rule(many=WORK)
    def many_states(self, many: int) -> None:
        for _ in range(many):
            self.state(60_000)

    def _append(self, many: int, size: int, healthy: bool) -> None:
        for _ in range(many):
            self.count += 1
            self.world.append("health", {"n": self.count, "healthy": healthy, "x": "x" * size})

    @rule(events=st.integers(1, 30), size=st.integers(1, 200_000))
    def deliver(self, events: int, size: int) -> None:
        self.world.deliver(events, size)

    @rule(steps=st.integers(1, 6))
    def keep(self, steps: int) -> None:
        for _ in range(steps):
            self.world.keep()

    @rule()
    def a_while_passes(self) -> None:
        self.world.clock.advance(31_000)
        self.world.keep()

    @rule()
    def pid1_declares(self) -> None:
        self.world.declare_next()

    @rule(steps=st.integers(1, 60))
    def an_outage_goes_on(self, steps: int) -> None:
        self.world.clock.advance(31_000)
        for _ in range(steps):
            self.world.keep()
            self.world.declare_next()

    @rule()
    def the_line_breaks(self) -> None:
        self.world.queue.clear()

    @rule()
    def the_reporter_is_killed(self) -> None:
        self.world.kill_reporter()
        self.world.start_reporter()

    @rule()
    def everything_is_killed(self) -> None:
        self.world.boot()

    @rule(data=st.data())
    def the_power_fails(self, data: st.DataObject) -> None:
        self.world.lose_power(lambda low, high: data.draw(st.integers(low, high)))

    @precondition(lambda self: self.world.journal.where == "directory")
    @rule()
    def the_disk_becomes_slow(self) -> None:
        self.world.clock.slow_ms = 300
        self.count += 1
        try:
            self.world.append("state", {"n": self.count})
        finally:
            self.world.clock.slow_ms = 0
        self.world.accepted[self.world.running, self.world.journal.seq] = "journal"

    @rule()
    def settle(self) -> None:
        self.world.settle()
        self.world.check()

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.world.settle()
                self.world.check()
                for reason in {reason for _, _, _, reason in self.world.ranges}:
                    event(reason)
                for words in self.world.said:
                    event(words.rpartition(": ")[2][:30])
                self.world.journal.close()
                self.world.kill_reporter()
        finally:
            shutil.rmtree(self.root)


Spool.TestCase.settings = settings(
    max_examples=int(os.environ.get("SPOOL_EXAMPLES", "30")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.rule("D-spool-whole")
@pytest.mark.timeout(600)  # an interrupted course would look like a loss
class TestSpool(Spool.TestCase):  # type: ignore[name-defined,misc]
    pass
