"""The driver on the twin performer: order, interruption at every action, and what counts as the end."""

from __future__ import annotations

import pytest

from tests.support.twin import FAILURE, STOP, booted, twin_instance
from ww.instance.driver import Cause
from ww.lifecycle.model import State, Trigger
from ww.lifecycle.policy import RestartPolicy
from ww.lifecycle.table import PLANS

GOING_UP = [State.BOOT, State.FIRSTBOOT, State.UPGRADING, State.WARMUP, State.UP]
ACTIONS_OF_A_BOOT = sum(len(PLANS[state]) for state in (None, *GOING_UP))


@pytest.mark.rule("WW-16", "WWA-1")
def test_a_first_boot_goes_through_all_states_in_order() -> None:
    _, performer = booted()
    assert performer.states == GOING_UP
    assert performer.started == ACTIONS_OF_A_BOOT


@pytest.mark.rule("WWA-2")
def test_a_second_boot_has_no_firstboot() -> None:
    _, performer = booted(fresh=False)
    assert performer.states == [s for s in GOING_UP if s is not State.FIRSTBOOT]


@pytest.mark.rule("D-stop-any-instant", "WWA-10", "WW-26")
@pytest.mark.parametrize("index", range(ACTIONS_OF_A_BOOT))
def test_a_stop_during_every_action_of_a_boot_ends_stopped_with_0(index: int) -> None:
    """The action under way is cancelled, nothing after it is started, and the way down is complete."""
    driver, performer = twin_instance(pause_at=index)
    driver.begin(PLANS[None])
    assert performer.current is not None
    held = performer.current.action
    before = len(performer.log)
    driver.feed(Trigger.STOP, STOP)
    assert performer.log[before] == f"cancel {held.words()}"
    assert performer.states[-2:] == [State.STOPPING, State.STOPPED]
    before_boot = index < len(PLANS[None])
    assert performer.log[before + 1 :] == [
        "STOPPING: record the state",
        "STOPPING: hook lifecycle",
        *(
            []
            if before_boot
            else ["STOPPING: let balancers drain", "STOPPING: stop the services", "STOPPING: hook svcdown"]
        ),
        "STOPPING: end everything left",
        "STOPPED: record the state",
        "STOPPED: hook lifecycle",
        "STOPPED: deliver the last events",
    ]
    assert performer.exit_code == 0


@pytest.mark.rule("D-stop-any-instant")
@pytest.mark.parametrize("index", range(ACTIONS_OF_A_BOOT))
def test_svcdown_waits_until_what_the_stop_interrupted_is_gone(index: int) -> None:
    driver, performer = twin_instance(pause_at=index)
    performer.holds_cancelled = True
    driver.begin(PLANS[None])
    driver.feed(Trigger.STOP, STOP)
    assert "STOPPING: hook svcdown" not in performer.log
    assert performer.exit_code is None
    _, grace_ms, gone = performer.cancelled[0]
    assert 0 < grace_ms < 9000
    gone()
    assert performer.exit_code == 0


@pytest.mark.rule("D-up-stops-at-first-error")
@pytest.mark.parametrize("hook", ["boot", "firstboot", "upgrade", "svcup", "warmup"])
def test_a_failed_hook_on_the_way_up_is_an_error_that_goes_down_in_order(hook: str) -> None:
    driver, performer = twin_instance()
    performer.answers[f"hook {hook}"] = [FAILURE]
    driver.begin(PLANS[None])
    assert performer.states[-1] is State.ERROR
    assert performer.exit_code == 70
    after = performer.log[next(i for i, line in enumerate(performer.log) if line.endswith(f"hook {hook}")) + 1 :]
    assert after == [
        "ERROR: record the state",
        "ERROR: hook lifecycle",
        "ERROR: stop the services",
        "ERROR: hook svcdown",
        "ERROR: end everything left",
        "ERROR: deliver the last events",
    ]


@pytest.mark.rule("WWA-9", "WW-20")
def test_a_failed_firstboot_never_writes_the_marker() -> None:
    driver, performer = twin_instance()
    performer.answers["hook firstboot"] = [FAILURE]
    driver.begin(PLANS[None])
    assert not [line for line in performer.log if "marker" in line]


@pytest.mark.rule("D-lifecycle-first")
def test_a_failed_notification_changes_nothing() -> None:
    driver, performer = twin_instance()
    performer.answers["hook lifecycle"] = [FAILURE] * 5
    driver.begin(PLANS[None])
    assert driver.situation.state is State.UP


@pytest.mark.rule("WW-22", "WWA-6", "WWA-7")
@pytest.mark.parametrize("trigger", [Trigger.UNHEALTHY, Trigger.RESTART])
def test_a_restart_takes_the_services_down_and_up_and_is_up_again(trigger: Trigger) -> None:
    driver, performer = booted()
    before = len(performer.log)
    driver.feed(trigger, Cause("asked"))
    assert [line for line in performer.log[before:] if "hook" in line] == [
        "RESTARTING: hook lifecycle",
        "RESTARTING: hook svcdown",
        "RESTARTING: hook svcup",
        "RESTARTING: hook warmup",
        "UP: hook lifecycle",
    ]
    assert driver.situation.state is State.UP
    assert driver.situation.restarts == 1


@pytest.mark.rule("WW-23", "D-exit-1")
def test_a_service_that_never_comes_back_is_given_up_with_exit_code_1() -> None:
    driver, performer = booted()
    performer.policy = RestartPolicy(limit=3)
    performer.answers["hook svcup"] = [FAILURE] * 99
    driver.feed(Trigger.UNHEALTHY, Cause("monitor failed"))
    assert performer.states[5:] == [State.RESTARTING] * 3 + [State.ERROR]
    assert performer.exit_code == 1


@pytest.mark.rule("D-up-stops-at-first-error")
def test_a_failed_svcdown_does_not_keep_a_stop_from_ending() -> None:
    driver, performer = booted()
    performer.answers["hook svcdown"] = [FAILURE]
    driver.feed(Trigger.STOP, STOP)
    assert performer.exit_code == 0
    assert driver.situation.collected == ["it failed"], "and the end reports it"
    assert performer.states[-1] is State.STOPPED


@pytest.mark.rule("D-stop-second")
def test_a_second_stop_cancels_what_is_waited_for_and_goes_on_without_waiting() -> None:
    driver, performer = booted()
    performer.pause_at = performer.started + 4  # svcdown
    driver.feed(Trigger.STOP, STOP)
    assert performer.log[-1] == "STOPPING: hook svcdown"
    driver.feed(Trigger.STOP, STOP)
    assert "cancel hook svcdown" in performer.log
    assert performer.cancelled[-1][1] == 0
    assert driver.situation.budget is not None
    assert driver.situation.budget.forced
    assert driver.situation.collected == ["hook svcdown was cut short by a second stop signal"]
    assert performer.exit_code == 0


@pytest.mark.rule("D-stop-second")
def test_a_second_stop_also_hurries_what_the_first_one_interrupted() -> None:
    driver, performer = twin_instance(pause_at=5)
    performer.holds_cancelled = True
    driver.begin(PLANS[None])
    driver.feed(Trigger.STOP, STOP)
    assert [grace > 0 for _, grace, _ in performer.cancelled] == [True]
    driver.feed(Trigger.STOP, STOP)
    assert performer.cancelled[-1][1] == 0
    for _, _, gone in performer.cancelled:
        gone()
    assert performer.exit_code == 0


@pytest.mark.rule("D-stop-second")
def test_in_error_the_first_stop_is_patient_and_the_second_is_not() -> None:
    driver, performer = twin_instance()
    performer.answers["hook boot"] = [FAILURE]
    performer.pause_at = 10  # svcdown of ERROR
    driver.begin(PLANS[None])
    assert performer.log[-1] == "ERROR: hook svcdown"
    driver.feed(Trigger.STOP, STOP)
    assert performer.exit_code is None
    driver.feed(Trigger.STOP, STOP)
    assert performer.exit_code == 70


@pytest.mark.rule("D-bug-orderly")
def test_a_bug_on_the_way_down_gives_up_one_action_and_ends_with_70() -> None:
    driver, performer = booted()
    performer.pause_at = performer.started + 4  # svcdown
    driver.feed(Trigger.STOP, STOP)
    assert performer.log[-1] == "STOPPING: hook svcdown"
    driver.feed(Trigger.BUG, Cause("internal error: KeyError"))
    assert performer.states[-1] is State.STOPPED
    assert performer.exit_code == 70
    assert driver.situation.collected == ["internal error: KeyError"]


def test_an_outcome_that_comes_after_the_interruption_is_not_believed() -> None:
    driver, performer = twin_instance(pause_at=5)
    driver.begin(PLANS[None])
    held = performer.current
    assert held is not None
    driver.feed(Trigger.STOP, STOP)
    log = list(performer.log)
    held.done(FAILURE)
    assert performer.log == log
    assert performer.exit_code == 0


@pytest.mark.rule("D-bug-orderly")
def test_an_internal_error_stops_in_order_with_exit_code_70() -> None:
    driver, performer = booted()
    driver.feed(Trigger.BUG, Cause("internal error"))
    assert performer.states[-2:] == [State.STOPPING, State.STOPPED]
    assert performer.exit_code == 70


def test_a_hup_before_up_is_ignored_and_said() -> None:
    driver, performer = twin_instance(pause_at=5)
    driver.begin(PLANS[None])
    driver.feed(Trigger.RESTART, Cause("SIGHUP received"))
    assert "restart asked: ignored" in performer.log[-1]
    performer.finish()
    assert driver.situation.state is State.UP
