"""The table, exhaustively: every state and every trigger, and what each plan promises."""

from __future__ import annotations

import itertools

import pytest

from ww.errors import EXIT_CONFIG, EXIT_GAVE_UP, EXIT_HOOK, EXIT_OK
from ww.lifecycle.machine import LIVE, Decision, Facts, ImpossibleTriggerError, Step, decide
from ww.lifecycle.model import Kind, State, Trigger
from ww.lifecycle.policy import RestartHistory, RestartPolicy
from ww.lifecycle.table import EARLY_ENDS, PLANS, RECOVERY, TRANSITIONS

STATES: tuple[State | None, ...] = (None, *State)
NO_HISTORY = RestartHistory()

ENTERED = {
    (None, Trigger.DONE): State.BOOT,
    (None, Trigger.FAILED): State.ERROR,
    (None, Trigger.STOP): State.STOPPING,
    (None, Trigger.BUG): State.STOPPING,
    (State.BOOT, Trigger.FRESH): State.FIRSTBOOT,
    (State.BOOT, Trigger.MARKED): State.UPGRADING,
    (State.BOOT, Trigger.FAILED): State.ERROR,
    (State.BOOT, Trigger.STOP): State.STOPPING,
    (State.BOOT, Trigger.BUG): State.STOPPING,
    (State.FIRSTBOOT, Trigger.DONE): State.UPGRADING,
    (State.FIRSTBOOT, Trigger.FAILED): State.ERROR,
    (State.FIRSTBOOT, Trigger.STOP): State.STOPPING,
    (State.FIRSTBOOT, Trigger.BUG): State.STOPPING,
    (State.UPGRADING, Trigger.DONE): State.WARMUP,
    (State.UPGRADING, Trigger.FAILED): State.ERROR,
    (State.UPGRADING, Trigger.STOP): State.STOPPING,
    (State.UPGRADING, Trigger.BUG): State.STOPPING,
    (State.WARMUP, Trigger.DONE): State.UP,
    (State.WARMUP, Trigger.FAILED): State.ERROR,
    (State.WARMUP, Trigger.UNHEALTHY): State.RESTARTING,
    (State.WARMUP, Trigger.STOP): State.STOPPING,
    (State.WARMUP, Trigger.BUG): State.STOPPING,
    (State.UP, Trigger.UNHEALTHY): State.RESTARTING,
    (State.UP, Trigger.RESTART): State.RESTARTING,
    (State.UP, Trigger.STOP): State.STOPPING,
    (State.UP, Trigger.BUG): State.STOPPING,
    (State.RESTARTING, Trigger.DONE): State.UP,
    (State.RESTARTING, Trigger.FAILED): State.RESTARTING,
    (State.RESTARTING, Trigger.UNHEALTHY): State.RESTARTING,
    (State.RESTARTING, Trigger.STOP): State.STOPPING,
    (State.RESTARTING, Trigger.BUG): State.STOPPING,
    (State.RESTARTING, Trigger.RESTART): State.RESTARTING,
    (State.STOPPING, Trigger.DONE): State.STOPPED,
    **{(state, Trigger.GAVE_UP): State.ERROR for state in (State.WARMUP, State.UP, State.RESTARTING)},
    **{(state, Trigger.FINISHED): State.STOPPING for state in (State.WARMUP, State.UP, State.RESTARTING)},
}
"""Written by hand from the product's table of states, not from the code's."""

RECOVERED = {(state, Trigger.DIED) for state in (State.WARMUP, State.UP, State.RESTARTING)}
"""Pairs that lead to RESTARTING for the service processes alone."""

IGNORED = {
    *((state, Trigger.RESTART) for state in STATES if state not in (State.UP, State.RESTARTING)),
    *(
        (state, trigger)
        for state in (State.STOPPING, State.STOPPED, State.ERROR)
        for trigger in (Trigger.UNHEALTHY, Trigger.DIED, Trigger.GAVE_UP, Trigger.FINISHED)
    ),
    (State.STOPPING, Trigger.STOP),
    (State.STOPPED, Trigger.STOP),
    (State.ERROR, Trigger.STOP),
}
GOING_DOWN = (State.STOPPING, State.STOPPED, State.ERROR)
HURRIED = {(state, Trigger.FORCE) for state in GOING_DOWN}
ABANDONED = {(state, Trigger.BUG) for state in GOING_DOWN}


def ask(state: State | None, trigger: Trigger, facts: Facts | None = None) -> Decision:
    return decide(state, trigger, NO_HISTORY, RestartPolicy(), facts or Facts(now_ms=0))


@pytest.mark.rule("WW-27", "D-machine-table")
@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(STATES, Trigger)))
def test_every_state_and_every_trigger(state: State | None, trigger: Trigger) -> None:
    """Each pair does what the product says; a pair the product does not know is an error that changes nothing."""
    pair = (state, trigger)
    if pair in ENTERED:
        decision = ask(state, trigger)
        assert decision.step is Step.ENTER
        assert decision.state is ENTERED[pair]
        early = EARLY_ENDS if state is None else {}
        assert decision.actions == early.get(ENTERED[pair], PLANS[ENTERED[pair]])
    elif pair in RECOVERED:
        decision = ask(state, trigger)
        assert (decision.step, decision.state, decision.actions) == (Step.ENTER, State.RESTARTING, RECOVERY)
    elif pair in IGNORED | HURRIED | ABANDONED:
        decision = ask(state, trigger)
        step = Step.HURRY if pair in HURRIED else Step.ABANDON if pair in ABANDONED else Step.STAY
        assert (decision.step, decision.state) == (step, state)
        assert decision.why
    else:
        with pytest.raises(ImpossibleTriggerError, match=trigger.name):
            ask(state, trigger)


def test_the_expectations_cover_the_table() -> None:
    known = {(state, trigger) for state, edges in TRANSITIONS.items() for trigger in edges}
    assert known == set(ENTERED) | RECOVERED | IGNORED | HURRIED | ABANDONED


@pytest.mark.rule("WW-17")
@pytest.mark.parametrize("state", list(State))
def test_a_state_is_recorded_then_notified_then_acted_on(state: State) -> None:
    """The record comes first, the lifecycle hook second, anything else after them; but BOOT waits for required sinks."""
    kinds = [action.kind for action in PLANS[state]]
    if state is State.BOOT:
        assert kinds.pop(1) is Kind.REACH
    assert kinds[:2] == [Kind.RECORD, Kind.NOTIFY]
    assert Kind.RECORD not in kinds[2:]
    assert Kind.NOTIFY not in kinds[2:]


@pytest.mark.rule("D-service-restart", "D-journal-written")
def test_a_recovery_is_recorded_first_then_acted_on_and_told_before_its_hook() -> None:
    kinds = [action.kind for action in RECOVERY]
    assert kinds[:3] == [Kind.RECORD, Kind.RECOVER, Kind.NOTIFY]
    assert [action.hook for action in RECOVERY if action.kind is Kind.HOOK] == ["warmup"]
    assert Kind.SERVICES_DOWN not in kinds, "nothing else is restarted"


@pytest.mark.rule("D-service-restart")
def test_a_restart_of_the_whole_instance_is_neither_repeated_nor_narrowed() -> None:
    """What dies while all services have still to be stopped is started again with them: the daemons of svcup, too."""
    whole = ask(State.RESTARTING, Trigger.RESTART, Facts(0, whole=True))
    assert (whole.step, whole.state) == (Step.STAY, State.RESTARTING)
    died = ask(State.RESTARTING, Trigger.DIED, Facts(0, whole=True, down_ahead=True))
    assert (died.step, died.state) == (Step.STAY, State.RESTARTING)
    later = ask(State.RESTARTING, Trigger.DIED, Facts(0, whole=True))
    assert later.actions == RECOVERY


@pytest.mark.rule("D-refused-start-harmless")
def test_a_start_that_never_reached_boot_runs_no_svcdown() -> None:
    """What a svcdown would find can only be another instance's services."""
    for trigger in (Trigger.STOP, Trigger.FAILED, Trigger.BUG):
        assert Kind.HOOK not in {action.kind for action in ask(None, trigger).actions}


@pytest.mark.rule("WW-16")
def test_the_hooks_of_a_first_boot_in_order() -> None:
    order = (State.BOOT, State.FIRSTBOOT, State.UPGRADING, State.WARMUP, State.UP)
    hooks = [a.hook for state in order for a in PLANS[state] if a.kind is Kind.HOOK]
    assert hooks == ["boot", "firstboot", "upgrade", "svcup", "warmup"]


@pytest.mark.rule("WW-20", "WWA-9")
def test_the_marker_comes_after_the_firstboot_hook() -> None:
    kinds = [(a.kind, a.hook) for a in PLANS[State.FIRSTBOOT]]
    assert kinds.index((Kind.HOOK, "firstboot")) < kinds.index((Kind.MARK, ""))


@pytest.mark.rule("D-up-stops-at-first-error")
@pytest.mark.parametrize("state", list(State))
def test_going_up_stops_at_the_first_error_and_going_down_never(state: State) -> None:
    """Only the notification and what goes down may fail without ending the plan."""
    for action in PLANS[state]:
        sweeps = (Kind.SWEEP_ALL, Kind.SWEEP_SERVICES)
        down = action.kind in (Kind.INTERRUPTED, Kind.DRAIN, Kind.SERVICES_DOWN, Kind.FLUSH, *sweeps)
        expected = action.kind is Kind.NOTIFY or action.hook == "svcdown" or down
        assert action.tolerant is expected, action


@pytest.mark.rule("D-reporter-last")
def test_the_last_events_are_delivered_when_everything_else_is_done() -> None:
    for plan in (PLANS[State.STOPPED], PLANS[State.ERROR], EARLY_ENDS[State.ERROR]):
        assert plan[-1].kind is Kind.FLUSH


@pytest.mark.rule("D-stop-any-instant")
def test_every_live_state_leads_to_stopping() -> None:
    assert {s for s in STATES if s not in (State.STOPPING, State.STOPPED, State.ERROR)} == LIVE


@pytest.mark.rule("D-exit-0", "D-exit-70", "D-exit-78", "WW-24")
@pytest.mark.parametrize(
    ("state", "trigger", "facts", "code"),
    [
        (State.UP, Trigger.STOP, Facts(0), EXIT_OK),
        (State.FIRSTBOOT, Trigger.STOP, Facts(0), EXIT_OK),
        (None, Trigger.FAILED, Facts(0, exit_code=EXIT_CONFIG), EXIT_CONFIG),
        (State.BOOT, Trigger.FAILED, Facts(0, exit_code=EXIT_HOOK), EXIT_HOOK),
        (State.UP, Trigger.BUG, Facts(0), EXIT_HOOK),
        (State.UP, Trigger.GAVE_UP, Facts(0, exit_code=EXIT_GAVE_UP), EXIT_GAVE_UP),
        (State.UP, Trigger.FINISHED, Facts(0, exit_code=143), 143),
    ],
)
def test_the_exit_code_is_decided_when_the_end_begins(
    state: State | None, trigger: Trigger, facts: Facts, code: int
) -> None:
    assert ask(state, trigger, facts).exit_code == code


@pytest.mark.rule("D-exit-1")
def test_a_spent_restart_budget_is_an_error_with_exit_code_1() -> None:
    policy = RestartPolicy(limit=2, window_ms=1000)
    spent = RestartHistory((10, 20), in_a_row=2)
    decision = decide(State.UP, Trigger.UNHEALTHY, spent, policy, Facts(now_ms=30))
    assert (decision.state, decision.exit_code) == (State.ERROR, EXIT_GAVE_UP)
    assert "3 failures" in decision.why


def test_an_asked_restart_neither_waits_nor_counts() -> None:
    history = RestartHistory((1, 2, 3), in_a_row=3)
    decision = decide(State.UP, Trigger.RESTART, history, RestartPolicy(), Facts(now_ms=5))
    assert (decision.delay_ms, decision.history) == (0, history)


@pytest.mark.rule("D-restart-warmup")
def test_a_restart_without_warmup_where_the_settings_say_so() -> None:
    cold = decide(State.UP, Trigger.RESTART, NO_HISTORY, RestartPolicy(warmup=False), Facts(0))
    warm = ask(State.UP, Trigger.RESTART)
    assert [a.hook for a in warm.actions if a.kind is Kind.HOOK] == ["svcdown", "svcup", "warmup"]
    assert [a.hook for a in cold.actions if a.kind is Kind.HOOK] == ["svcdown", "svcup"]
