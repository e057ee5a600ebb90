"""The verified twin of the real performer: plays plans in memory, on a fake clock, and writes down what was asked."""

from __future__ import annotations

from collections.abc import Callable

from ww.clock import FakeClock
from ww.instance.driver import Cause, Driver, Situation
from ww.lifecycle.machine import Decision
from ww.lifecycle.model import Action, Done, Failed, Found, Kind, Outcome, State, Trigger
from ww.lifecycle.policy import RestartPolicy, StopBudget
from ww.lifecycle.table import PLANS


class TwinTask:
    """An action under way in the twin; ends when the test says so."""

    def __init__(self, twin: TwinPerformer, action: Action, done: Callable[[Outcome], None]) -> None:
        self._twin = twin
        self.action = action
        self.done = done

    def cancel(self, grace_ms: int, gone: Callable[[], None]) -> None:
        self._twin.log.append(f"cancel {self.action.words()}")
        self._twin.cancelled.append((self.action, grace_ms, gone))
        if not self._twin.holds_cancelled:
            gone()


class TwinPerformer:
    """`answers` maps an action's words to outcomes to give, in order; anything else is Done.

    `pause_at` is the index of the action that stays under way until `finish()`.
    """

    def __init__(self, clock: FakeClock, fresh: bool = True, pause_at: int | None = None) -> None:
        self.clock = clock
        self.fresh = fresh
        self.pause_at = pause_at
        self.answers: dict[str, list[Outcome]] = {}
        self.log: list[str] = []
        self.states: list[State] = []
        self.cancelled: list[tuple[Action, int, Callable[[], None]]] = []
        self.holds_cancelled = False
        self.current: TwinTask | None = None
        self.exit_code: int | None = None
        self.policy = RestartPolicy()
        self.started = 0

    def start(self, action: Action, situation: Situation, done: Callable[[Outcome], None]) -> TwinTask:
        task = TwinTask(self, action, done)
        index, self.started = self.started, self.started + 1
        state = situation.state.value if situation.state else "START"
        self.log.append(f"{state}: {action.words()}")
        if action.kind is Kind.RECORD and situation.state is not None:
            self.states.append(situation.state)
        if index == self.pause_at or action.kind is Kind.WATCH:
            self.current = task
            return task
        done(self._answer(action))
        return task

    def _answer(self, action: Action) -> Outcome:
        given = self.answers.get(action.words())
        if given:
            return given.pop(0)
        if action.kind is Kind.INSPECT:
            return Found(Trigger.FRESH if self.fresh else Trigger.MARKED)
        return Done()

    def finish(self) -> None:
        """Let the paused action end as it would have."""
        task, self.current = self.current, None
        assert task is not None
        task.done(self._answer(task.action))

    def entered(self, decision: Decision, situation: Situation) -> None:
        assert decision.state is situation.state

    def tell(self, words: str) -> None:
        self.log.append(f"say {words}")

    def settings_known(self) -> RestartPolicy:
        return self.policy

    def stop_budget(self, cause: Cause, now_ms: int) -> StopBudget:
        return StopBudget(now_ms, 9000)

    def ended(self, exit_code: int, situation: Situation) -> None:
        self.exit_code = exit_code


def twin_instance(fresh: bool = True, pause_at: int | None = None) -> tuple[Driver, TwinPerformer]:
    """A driver on a twin performer; call `driver.begin(PLANS[None])` to start."""
    clock = FakeClock()
    performer = TwinPerformer(clock, fresh, pause_at)
    return Driver(performer, clock, lambda: 0.0), performer


def booted(fresh: bool = True) -> tuple[Driver, TwinPerformer]:
    """A twin instance that is UP."""
    driver, performer = twin_instance(fresh)
    driver.begin(PLANS[None])
    assert driver.situation.state is State.UP
    return driver, performer


FAILURE = Failed(70, "it failed")
STOP = Cause("SIGTERM received", signal=15)
