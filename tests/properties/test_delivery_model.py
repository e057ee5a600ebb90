"""Whatever a sink answers and whenever the reporter is killed: nothing is lost, order holds, the cursor passes no unfinished event."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.sinktwins import Scripted, World
from ww.sinks.base import Accepted, Advice, Rejected, RetryAfter

pytestmark = pytest.mark.rule("D-delivery-order", "D-delivery-answers", "D-delivery-crash")

ANSWERS = st.sampled_from(
    [
        Accepted(),
        Accepted(),
        Accepted(duplicate=True),
        RetryAfter(),
        RetryAfter(3.0, "429"),
        RetryAfter(None, "413", too_large=True),
        Rejected("no"),
    ]
)
FAULTS = st.sampled_from(["raises", "few", "many", "strange"])


class Receiver(Scripted):
    """Answers as the test says; after a fault nobody knows what it has stored: here nothing."""

    plan: ClassVar[list[object]] = []

    def deliver(self, batch, deadline):
        self.calls.append([(item.boot, item.seq) for item in batch])
        planned = self.plan.pop(0) if self.plan else Accepted()
        if planned == "raises":
            raise RuntimeError("broken")
        if planned == "few":
            return [Accepted()] * (len(batch) - 1)
        if planned == "many":
            return [Accepted()] * (len(batch) + 1)
        if planned == "strange":
            return ["ok"] * len(batch)
        pool = planned if isinstance(planned, list) else [planned]
        answers = [pool[number % len(pool)] for number in range(len(batch))]
        for item, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Accepted):
                self.accepted.append((item.boot, item.seq))
        return answers


class Deliveries(RuleBasedStateMachine):
    @initialize(
        max_events=st.integers(1, 5),
        max_bytes=st.sampled_from([400, 1000, 1 << 20]),
        kinds=st.sampled_from([{"state", "health", "gap", "notice"}, {"state"}, {"health", "notice"}]),
        failures=st.integers(1, 4),
        chance=st.floats(0, 0.999),
    )
    def begin(self, max_events, max_bytes, kinds, failures, chance):
        Receiver.plan = []
        options = {
            "max_events": max_events,
            "max_bytes": max_bytes,
            "kinds": frozenset(kinds),
            "breaker_failures": failures,
            "breaker_open_s": 5.0,
            "max_s": 4.0,
        }
        self.world = World(Receiver(), options, chance=chance)
        self.kinds = kinds
        self.crashes = 0
        self.rejected_again = 0

    def wanted(self):
        return [
            (one.boot, one.event.seq)
            for one in self.world.journal.events
            if {"internal_error": "notice"}.get(one.event.kind, one.event.kind) in self.kinds
        ]

    @rule(kinds=st.lists(st.sampled_from(["state", "health", "gap", "notice", "internal_error"]), max_size=6))
    def journal(self, kinds):
        for kind in kinds:
            self.world.journal.add(1, kind=kind, state="UP")

    @rule(answers=st.lists(ANSWERS, min_size=1, max_size=5))
    def answers(self, answers):
        Receiver.plan.append(answers)

    @rule(fault=FAULTS)
    def fault(self, fault):
        Receiver.plan.append(fault)

    @rule(seconds=st.sampled_from([0.0, 0.1, 2.0, 10.0]))
    def time(self, seconds):
        self.world.run(seconds)

    @rule()
    def one_step(self):
        self.world.step()

    @rule(seconds=st.floats(0.0, 2.0))
    def flush(self, seconds):
        self.world.engine.flush(self.world.now + seconds)

    @rule()
    def killed(self):
        """The reporter is killed and started again: only the cursor is left."""
        self.crashes += 1
        self.world.boot()

    @rule(limit=st.integers(-1, 9))
    def advice(self, limit):
        self.world.advice.put(Advice(max_events=limit))

    @invariant()
    def the_cursor_passes_no_unfinished_event(self):
        if not hasattr(self, "world"):
            return
        finished = set(self.world.sink.accepted) | {(boot, seq) for boot, seq, _ in self.world.folder.kept}
        cursor = self.world.bookmarks.get("hub")
        passed = [key for key in self.wanted() if key[1] <= cursor.seq]
        assert all(key in finished for key in passed)

    @invariant()
    def the_cursor_never_goes_back(self):
        if hasattr(self, "world"):
            seqs = [position.seq for position in self.world.bookmarks.history]
            assert seqs == sorted(seqs)

    @invariant()
    def batches_are_bounded_and_in_order(self):
        if hasattr(self, "world"):
            for call in self.world.sink.calls:
                assert len(call) <= self.world.options["max_events"]
                assert [seq for _, seq in call] == sorted(seq for _, seq in call)
            assert self.world.engine.waiting <= self.world.options["max_events"]

    @invariant()
    def what_was_accepted_is_not_sent_again_unless_the_reporter_was_killed(self):
        if hasattr(self, "world") and not self.crashes:
            assert len(self.world.sink.accepted) == len(set(self.world.sink.accepted))

    def teardown(self):
        """When the receiver takes everything again, everything arrives."""
        if not hasattr(self, "world"):
            return
        Receiver.plan = []
        self.world.run(10_000)
        arrived = set(self.world.sink.accepted) | {(boot, seq) for boot, seq, _ in self.world.folder.kept}
        assert arrived == set(self.wanted())
        first_times = list(dict.fromkeys(key for call in self.world.sink.calls for key in call))
        assert first_times == self.wanted()


Deliveries.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestDeliveries = Deliveries.TestCase
