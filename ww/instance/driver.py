"""Runs the plans that `ww.lifecycle.decide` returns: one action after the other, interrupted by what happens.

It knows no process and no file: actions are started by a `Performer`, which is real in `ww run` and a twin in tests.
"""

from __future__ import annotations

from ww.lifecycle.machine import Decision, Facts, Step, decide
from ww.lifecycle.model import Action, Done, Failed, Found, Kind, State, Trigger
from ww.lifecycle.policy import RestartHistory, RestartPolicy, StopBudget
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ww.clock import Clock
    from ww.lifecycle.model import Outcome
    from ww.types import Callback

    class Task(Protocol):
        """An action under way."""

        def cancel(self, grace_ms: int, gone: Callback) -> None:
            """End it: TERM, `grace_ms`, KILL; `gone` is called once when nothing of it is left. `done` is not called."""

    class Performer(Protocol):
        """Starts actions; the port that `perform.py` fills."""

        def start(self, action: Action, situation: Situation, done: Callable[[Outcome], None]) -> Task:
            """Start `action`; `done` is called once with its outcome, at once or later."""

        def entered(self, decision: Decision, situation: Situation) -> None:
            """A state was entered; called before the first action of its plan."""

        def tell(self, words: str) -> None:
            """Say something in the log."""

        def settings_known(self) -> RestartPolicy:
            """The restart policy, once the configuration is compiled."""

        def stop_budget(self, cause: Cause, now_ms: int) -> StopBudget:
            """The budget of a shutdown that begins now."""

        def ended(self, exit_code: int, situation: Situation) -> None:
            """The last plan has run: leave."""


class Cause(Value):
    """Why something happened: `words` for people, `detail` for events and exit.json, `exit_code` if it ends the run.

    own_end: a wrapped command ended by itself: its exit code says it all, and nobody need be alarmed.
    """

    __slots__ = ("words", "detail", "exit_code", "signal", "own_end")

    def __init__(
        self,
        words: str,
        detail: dict[str, object] | None = None,
        exit_code: int = 0,
        signal: int = 0,
        own_end: bool = False,
    ) -> None:
        self.words = words
        self.detail = detail or {}
        self.exit_code = exit_code
        self.signal = signal
        self.own_end = own_end


_WITH_REASON = (State.RESTARTING, State.STOPPING, State.STOPPED, State.ERROR)


class Situation:
    """Where the instance stands; written by the driver only, read by whoever performs."""

    __slots__ = (
        "state",
        "previous",
        "entered_ms",
        "previous_ms",
        "up_since_ms",
        "cause",
        "exit_code",
        "budget",
        "delay_ms",
        "history",
        "restarts",
        "collected",
    )

    def __init__(self, now_ms: int) -> None:
        self.state: State | None = None
        self.previous: State | None = None
        self.entered_ms = now_ms
        self.previous_ms = 0
        self.up_since_ms: int | None = None
        self.cause: Cause | None = None
        self.exit_code = 0
        self.budget: StopBudget | None = None
        self.delay_ms = 0
        self.history = RestartHistory()
        self.restarts = 0
        self.collected: list[str] = []
        """Failures of tolerant actions since the state was entered."""

    def reason(self) -> str:
        """Why it is in its state: nothing when it simply is UP for the first time."""
        told = self.state in _WITH_REASON or (self.state is State.UP and self.restarts > 0)
        return self.cause.words if self.cause and told else ""


_SERVICES_DOWN = Action(Kind.SERVICES_DOWN, tolerant=True)
RESTART_GRACE_MS = 2_000
"""Between TERM and KILL of what a restart interrupts."""


class _Running:
    """The action under way. `over` guards against an outcome that arrives after it was cancelled."""

    __slots__ = ("action", "task", "over")

    def __init__(self, action: Action) -> None:
        self.action = action
        self.task: Task | None = None
        self.over = False


class Driver:
    """Feeds triggers to the machine and plays its plans.

    Triggers and outcomes are queued and played one at a time, so that a performer may answer at once
    without the driver being entered twice.
    """

    def __init__(self, performer: Performer, clock: Clock, spread: Callable[[], float]) -> None:
        self._performer = performer
        self._clock = clock
        self._spread = spread
        self._queue: list[Callback] = []
        self._playing = False
        self._plan: list[Action] = []
        self._running: _Running | None = None
        self._interrupted: list[tuple[Task, Callback]] = []
        self._stops = 0
        self._waiting_for_interrupted: Callback | None = None
        self._finished = False
        self._whole = False
        self.situation = Situation(clock.mono_ms())

    @property
    def action_words(self) -> str:
        """What is being done just now, "" for nothing."""
        return self._running.action.words() if self._running is not None else ""

    @property
    def restarting_whole(self) -> bool:
        """Whether the whole instance is being restarted, and not some services alone."""
        return self.situation.state is State.RESTARTING and self._whole

    @property
    def restarting_all(self) -> bool:
        """Whether the plan under way has still to stop all services before it starts them again."""
        return self.situation.state is State.RESTARTING and _SERVICES_DOWN in self._plan

    def begin(self, plan: tuple[Action, ...]) -> None:
        """Start with the plan of the time before BOOT."""
        self._plan = list(plan)
        self._later(self._next)

    def feed(self, trigger: Trigger, cause: Cause) -> None:
        """Something happened. Raises ImpossibleTriggerError only for what the table does not know."""
        self._later(lambda: self._decide(trigger, cause))

    def _later(self, job: Callback) -> None:
        self._queue.append(job)
        if self._playing:
            return
        self._playing = True
        try:
            while self._queue:
                self._queue.pop(0)()
        finally:
            self._playing = False

    def _decide(self, trigger: Trigger, cause: Cause) -> None:
        if self._finished:
            return
        if trigger is Trigger.STOP and cause.signal:  # only a second signal forces: whoever asks twice is no such
            trigger = Trigger.FORCE if self._stops else Trigger.STOP
            self._stops += 1
        now = self._clock.mono_ms()
        at = self.situation
        healthy = now - at.up_since_ms if at.up_since_ms is not None else 0
        facts = Facts(now, healthy, cause.exit_code, self._spread(), whole=self._whole, down_ahead=self.restarting_all)
        decision = decide(at.state, trigger, at.history, self._performer.settings_known(), facts)
        if decision.why:
            self._performer.tell(f"{cause.words}: {decision.why}" if decision.step is Step.STAY else decision.why)
        at.history = decision.history
        if decision.step is Step.ABANDON:
            self._abandon(decision.exit_code or 0, cause)
        if decision.step is Step.HURRY:
            self._hurry()
        if decision.step is Step.ENTER:
            self._enter(decision, cause, now)

    def _enter(self, decision: Decision, cause: Cause, now: int) -> None:
        at = self.situation
        at.previous, at.previous_ms = at.state, now - at.entered_ms
        if decision.state is State.ERROR and decision.why:
            cause = Cause(f"{decision.why}; the last: {cause.words}", cause.detail, cause.exit_code)
        at.state, at.entered_ms, at.cause = decision.state, now, cause
        at.delay_ms = decision.delay_ms
        if decision.state is not State.STOPPED:  # what failed in STOPPING is what the end has to report
            at.collected = []
        at.up_since_ms = now if decision.state is State.UP else None
        if decision.state is State.RESTARTING:
            at.restarts += 1
        if decision.exit_code is not None:
            at.exit_code = decision.exit_code
            at.budget = self._performer.stop_budget(cause, now)
        self._whole = _SERVICES_DOWN in decision.actions
        self._plan = list(decision.actions)  # first: whatever raises from here on, the way down has a plan
        self._interrupt()
        self._performer.entered(decision, at)
        self._next()

    def _interrupt(self) -> None:
        running, self._running = self._running, None
        if running is None or running.over or running.task is None:
            return
        running.over = True
        task = running.task

        def gone() -> None:
            self._later(lambda: self._is_gone(task))

        self._interrupted.append((task, gone))
        budget = self.situation.budget
        task.cancel(budget.for_interrupted(self._clock.mono_ms()) if budget else RESTART_GRACE_MS, gone)

    def _is_gone(self, task: Task) -> None:
        # A task that was hurried may report twice.
        self._interrupted = [(held, gone) for held, gone in self._interrupted if held is not task]
        if not self._interrupted and self._waiting_for_interrupted:
            resume, self._waiting_for_interrupted = self._waiting_for_interrupted, None
            resume()

    def _abandon(self, exit_code: int, cause: Cause) -> None:
        at = self.situation
        at.exit_code = at.exit_code or exit_code
        at.collected.append(cause.words)
        running = self._running
        if running is not None and not running.over:
            running.over = True
            self._outcome_of(running.action, Done(), running)

    def _hurry(self) -> None:
        budget = self.situation.budget
        if budget is None or budget.forced:
            return
        self.situation.budget = budget.hurried()
        for task, gone in list(self._interrupted):
            task.cancel(0, gone)
        running = self._running
        if running is not None and running.task is not None and not running.over:
            running.over = True
            self.situation.collected.append(f"{running.action.words()} was cut short by a second stop signal")
            running.task.cancel(0, lambda: self._later(lambda: self._outcome_of(running.action, Done(), running)))

    def _next(self) -> None:
        if self._running is not None:
            return
        if not self._plan:
            self._plan_is_over()
            return
        action = self._plan.pop(0)
        running = _Running(action)
        self._running = running
        if action.kind is Kind.INTERRUPTED:
            self._await_interrupted(running)
            return

        def done(outcome: Outcome) -> None:
            if running.over:
                return
            running.over = True
            self._later(lambda: self._outcome_of(action, outcome, running))

        running.task = self._performer.start(action, self.situation, done)

    def _await_interrupted(self, running: _Running) -> None:
        def resume() -> None:
            if not running.over:
                running.over = True
                self._outcome_of(running.action, Done(), running)

        if self._interrupted:
            self._waiting_for_interrupted = resume
        else:
            resume()

    def _outcome_of(self, action: Action, outcome: Outcome, running: _Running | None = None) -> None:
        if running is not None and self._running is not running:
            return  # another state was entered between the outcome and its turn
        self._running = None
        if isinstance(outcome, Found):
            self._decide(outcome.trigger, Cause(action.words()))
        elif isinstance(outcome, Failed) and not action.tolerant:
            self._decide(Trigger.FAILED, Cause(outcome.words, outcome.detail, outcome.exit_code))
        else:
            if isinstance(outcome, Failed):
                self.situation.collected.append(outcome.words)
            self._next()

    def _plan_is_over(self) -> None:
        state = self.situation.state
        if state in (State.STOPPED, State.ERROR):
            self._finished = True
            self._performer.ended(self.situation.exit_code, self.situation)
        else:
            self._decide(Trigger.DONE, self.situation.cause or Cause("started"))
