"""`decide`: the only function that says what an instance does next."""

from __future__ import annotations

from ww.errors import EXIT_GAVE_UP, EXIT_HOOK, EXIT_OK
from ww.lifecycle.model import Action, Kind, State, Trigger
from ww.lifecycle.policy import RestartHistory, RestartPolicy, judge_failure
from ww.lifecycle.table import (
    EARLY_ENDS,
    PLANS,
    RECOVERY,
    TRANSITIONS,
    Abandon,
    Enter,
    Heal,
    Hurry,
    Ignore,
    Recover,
    Widen,
)
from ww.types import Enum, Value

LIVE = frozenset(state for state, edges in TRANSITIONS.items() if edges.get(Trigger.STOP) == Enter(State.STOPPING))
"""States (and None) from which a stop leads to STOPPING."""


class ImpossibleTriggerError(Exception):
    """The table has no entry: a bug in ww, never a user's mistake. Nothing has changed."""


class Facts(Value):
    """What `decide` may know besides state and trigger.

    now_ms:      monotonic time.
    healthy_ms:  how long the instance had been UP when the trigger came.
    exit_code:   what a failure would end the run with.
    spread:      a random number in [-1, 1] for the jitter.
    whole:       the plan under way restarts the whole instance.
    down_ahead:  the plan under way has still to stop all services.
    """

    __slots__ = ("now_ms", "healthy_ms", "exit_code", "spread", "whole", "down_ahead")

    def __init__(
        self,
        now_ms: int,
        healthy_ms: int = 0,
        exit_code: int = EXIT_HOOK,
        spread: float = 0.0,
        *,
        whole: bool = False,
        down_ahead: bool = False,
    ) -> None:
        self.now_ms = now_ms
        self.healthy_ms = healthy_ms
        self.exit_code = exit_code
        self.spread = spread
        self.whole = whole
        self.down_ahead = down_ahead


class Step(Enum):
    """How a decision goes on."""

    ENTER = "enter a state and start its plan"
    STAY = "go on with the present plan"
    HURRY = "go on, and wait for nothing any more"
    ABANDON = "give up the action under way, and go on"


class Decision(Value):
    """What happens next.

    state:      the state from now on (None: still before BOOT); ENTER may enter the same one anew.
    actions:    the plan to start; empty when the present one goes on.
    exit_code:  what the run will end with, when that was decided now; else None.
    delay_ms:   the wait before services start again, when RESTARTING was entered.
    history:    the failures counted so far.
    why:        one sentence for the log, "" when the state speaks for itself.
    """

    __slots__ = ("state", "history", "step", "actions", "exit_code", "delay_ms", "why")

    def __init__(
        self,
        state: State | None,
        history: RestartHistory,
        step: Step,
        actions: tuple[Action, ...] = (),
        exit_code: int | None = None,
        delay_ms: int = 0,
        why: str = "",
    ) -> None:
        self.state = state
        self.history = history
        self.step = step
        self.actions = actions
        self.exit_code = exit_code
        self.delay_ms = delay_ms
        self.why = why


def decide(
    state: State | None, trigger: Trigger, history: RestartHistory, policy: RestartPolicy, facts: Facts
) -> Decision:
    """The next state and its plan. Raises ImpossibleTriggerError, changing nothing, where the table has no entry."""
    edge = TRANSITIONS[state].get(trigger)
    if edge is None:
        name = state.value if state else "the time before BOOT"
        raise ImpossibleTriggerError(f"{trigger.name} cannot happen in {name}")
    if isinstance(edge, Ignore):
        return Decision(state, history, Step.STAY, why=f"{trigger.value}: ignored, {edge.why}")
    if isinstance(edge, Recover | Widen):
        return _restart_services(state, edge, history, policy, trigger, facts)
    if isinstance(edge, Abandon):
        return Decision(state, history, Step.ABANDON, exit_code=EXIT_HOOK, why="the action under way is given up")
    if isinstance(edge, Hurry):
        return Decision(state, history, Step.HURRY, why="a second stop signal: nothing is waited for any more")
    if isinstance(edge, Heal):
        return _heal(history, policy, facts)
    return _enter(state, edge.state, history, policy, trigger, facts)


def _restart_services(
    state: State | None,
    edge: Recover | Widen,
    history: RestartHistory,
    policy: RestartPolicy,
    trigger: Trigger,
    facts: Facts,
) -> Decision:
    """The dead ones alone, or the whole instance; whichever is under way already does the work of the other."""
    if isinstance(edge, Widen):
        if facts.whole:
            return Decision(state, history, Step.STAY, why=f"{trigger.value}: ignored, a restart is under way")
        return _enter(state, State.RESTARTING, history, policy, trigger, facts)
    if facts.down_ahead:
        return Decision(state, history, Step.STAY, why=f"{trigger.value}: the restart under way starts it again anyway")
    return Decision(State.RESTARTING, history, Step.ENTER, actions=_as_wanted(RECOVERY, policy))


def _heal(history: RestartHistory, policy: RestartPolicy, facts: Facts) -> Decision:
    verdict = judge_failure(history, policy, facts.now_ms, facts.healthy_ms, facts.spread)
    if verdict.delay_ms is None:
        return Decision(
            State.ERROR,
            verdict.history,
            Step.ENTER,
            actions=PLANS[State.ERROR],
            exit_code=EXIT_GAVE_UP,
            why=f"gave up: {len(verdict.history.failures_ms)} failures in {policy.window_ms / 1000:g} s"
            f" (ww.restart.limit is {policy.limit})",
        )
    return Decision(
        State.RESTARTING,
        verdict.history,
        Step.ENTER,
        actions=plan_of(State.RESTARTING, policy),
        delay_ms=verdict.delay_ms,
    )


def _enter(
    before: State | None,
    state: State,
    history: RestartHistory,
    policy: RestartPolicy,
    trigger: Trigger,
    facts: Facts,
) -> Decision:
    code: int | None = None
    if state is State.ERROR:
        code = facts.exit_code
    elif state is State.STOPPING:
        code = {Trigger.BUG: EXIT_HOOK, Trigger.FINISHED: facts.exit_code}.get(trigger, EXIT_OK)
    plan = EARLY_ENDS[state] if before is None and state in EARLY_ENDS else plan_of(state, policy)
    return Decision(state, history, Step.ENTER, plan, code)


def plan_of(state: State, policy: RestartPolicy) -> tuple[Action, ...]:
    """The plan of a state; RESTARTING without warmup where `ww.restart.warmup` is false (decisions, Lifecycle)."""
    return _as_wanted(PLANS[state], policy) if state is State.RESTARTING else PLANS[state]


def _as_wanted(plan: tuple[Action, ...], policy: RestartPolicy) -> tuple[Action, ...]:
    if policy.warmup:
        return plan
    return tuple(action for action in plan if action != Action(Kind.HOOK, "warmup"))
