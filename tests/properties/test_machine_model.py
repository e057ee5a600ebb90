"""Hypothesis drives an instance with any triggers at any time; what must always hold is checked after each."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.twin import FAILURE, STOP, twin_instance
from ww.instance.driver import Cause
from ww.lifecycle.model import Kind, State, Trigger
from ww.lifecycle.policy import RestartPolicy
from ww.lifecycle.table import PLANS

AFTER = {
    None: {State.BOOT, State.STOPPING, State.ERROR},
    State.BOOT: {State.FIRSTBOOT, State.UPGRADING, State.STOPPING, State.ERROR},
    State.FIRSTBOOT: {State.UPGRADING, State.STOPPING, State.ERROR},
    State.UPGRADING: {State.WARMUP, State.STOPPING, State.ERROR},
    State.WARMUP: {State.UP, State.RESTARTING, State.STOPPING, State.ERROR},
    State.UP: {State.RESTARTING, State.STOPPING, State.ERROR},
    State.RESTARTING: {State.RESTARTING, State.UP, State.STOPPING, State.ERROR},
    State.STOPPING: {State.STOPPED},
    State.STOPPED: set(),
    State.ERROR: set(),
}


class Instance(RuleBasedStateMachine):
    """Every action is held until a rule finishes, fails or interrupts it."""

    @initialize(fresh=st.booleans(), limit=st.integers(1, 4))
    def start(self, fresh: bool, limit: int) -> None:
        self.driver, self.performer = twin_instance(fresh, pause_at=0)
        self.performer.policy = RestartPolicy(limit=limit)
        self.driver.begin(PLANS[None])

    @precondition(lambda self: self.performer.current is not None)
    @rule()
    def finish(self) -> None:
        if self.performer.current.action.kind is not Kind.WATCH:
            self.performer.pause_at = self.performer.started
            self.performer.finish()

    @precondition(lambda self: self.performer.current is not None)
    @rule()
    def fail(self) -> None:
        task = self.performer.current
        if task.action.kind in (Kind.HOOK, Kind.MARK, Kind.STEPS, Kind.BACKUP, Kind.COMPILE, Kind.LOCK):
            self.performer.pause_at = self.performer.started
            self.performer.current = None
            task.done(FAILURE)

    @rule()
    def stop(self) -> None:
        self.performer.pause_at = self.performer.started
        self.driver.feed(Trigger.STOP, STOP)

    @rule()
    def restart(self) -> None:
        self.performer.pause_at = self.performer.started
        self.driver.feed(Trigger.RESTART, Cause("asked"))

    @precondition(lambda self: self.driver.situation.state in (State.WARMUP, State.UP, State.RESTARTING))
    @rule()
    def unhealthy(self) -> None:
        self.performer.pause_at = self.performer.started
        self.driver.feed(Trigger.UNHEALTHY, Cause("sick"))

    @precondition(lambda self: self.services_started())
    @rule(trigger=st.sampled_from([Trigger.DIED, Trigger.DIED, Trigger.GAVE_UP, Trigger.FINISHED]))
    def service(self, trigger: Trigger) -> None:
        self.performer.pause_at = self.performer.started
        self.driver.feed(trigger, Cause("a service", exit_code=1 if trigger is Trigger.GAVE_UP else 0))

    def services_started(self) -> bool:
        """A service can die only between the start of the services and their stop."""
        last = [line.partition(": ")[2] for line in self.performer.log if line.endswith((" the services", " svcup"))]
        return bool(last) and last[-1] == "start the services"

    @rule(ms=st.integers(0, 10**6))
    def wait(self, ms: int) -> None:
        self.performer.clock.advance(ms)

    @invariant()
    def only_known_steps_between_states(self) -> None:
        states = [None, *self.performer.states]
        for before, after in itertools.pairwise(states):
            assert after in AFTER[before], (before, after)

    @invariant()
    def up_is_declared_only_after_everything_it_promises(self) -> None:
        if self.driver.situation.state is State.UP:
            done = "\n".join(self.performer.log)
            for needed in ("hook boot", "hook upgrade", "hook svcup", "hook warmup"):
                assert needed in done

    @invariant()
    def the_marker_needs_a_firstboot_that_succeeded(self) -> None:
        log = self.performer.log
        if "FIRSTBOOT: write the marker" in log:
            assert log.index("FIRSTBOOT: hook firstboot") < log.index("FIRSTBOOT: write the marker")

    @invariant()
    def an_end_is_an_end(self) -> None:
        ended = self.performer.exit_code is not None
        if ended:
            assert self.driver.situation.state in (State.STOPPED, State.ERROR)
            assert self.performer.exit_code == 0 or self.driver.situation.state is State.ERROR

    def teardown(self) -> None:
        """From wherever it is, one stop and time lead to the end."""
        if not hasattr(self, "performer"):
            return
        self.performer.pause_at = None
        self.driver.feed(Trigger.STOP, STOP)
        self.driver.feed(Trigger.STOP, STOP)
        if self.performer.current is not None and self.performer.exit_code is None:
            self.performer.finish()
        assert self.performer.exit_code is not None


TestInstance = pytest.mark.rule("D-machine-table", "D-stop-any-instant")(Instance.TestCase)
TestInstance.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
