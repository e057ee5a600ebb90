"""Restart, stop and health policy as numbers."""

from __future__ import annotations

import pytest

from ww.lifecycle.policy import (
    HealthCount,
    HealthPolicy,
    RestartHistory,
    RestartPolicy,
    StopBudget,
    count_health,
    judge_failure,
)


def delays(policy: RestartPolicy, times: list[int], healthy_ms: int = 0, spread: float = 0.0) -> list[int | None]:
    history, seen = RestartHistory(), []
    for now in times:
        verdict = judge_failure(history, policy, now, healthy_ms, spread)
        history = verdict.history
        seen.append(verdict.delay_ms)
    return seen


@pytest.mark.rule("D-restart-backoff")
def test_the_first_restart_is_at_once_then_the_wait_doubles_to_the_cap() -> None:
    policy = RestartPolicy(backoff_ms=1000, backoff_max_ms=5000, jitter=0, limit=99)
    assert delays(policy, [0, 1, 2, 3, 4, 5]) == [0, 1000, 2000, 4000, 5000, 5000]


@pytest.mark.rule("D-restart-backoff")
def test_jitter_spreads_both_ways_and_no_further() -> None:
    policy = RestartPolicy(backoff_ms=1000, jitter=0.1)
    assert delays(policy, [0, 1], spread=1.0) == [0, 1100]
    assert delays(policy, [0, 1], spread=-1.0) == [0, 900]


@pytest.mark.rule("D-restart-backoff")
def test_a_healthy_time_resets_the_backoff_but_not_the_window() -> None:
    policy = RestartPolicy(reset_after_ms=100, window_ms=10_000, limit=3)
    assert delays(policy, [0, 200, 400, 600], healthy_ms=150) == [0, 0, 0, None]


@pytest.mark.rule("D-exit-1")
def test_failures_outside_the_window_are_forgotten() -> None:
    policy = RestartPolicy(limit=2, window_ms=100, jitter=0)
    assert None not in delays(policy, [0, 60, 120, 180, 240])
    assert delays(policy, [0, 10, 20])[-1] is None


@pytest.mark.rule("D-stop-budget")
def test_the_stop_budget_keeps_its_reserve_for_the_sweep_and_the_goodbye() -> None:
    budget = StopBudget(started_ms=1000, total_ms=9000)
    assert budget.for_work(1000) == 7500
    assert budget.for_sweep(1000) == 8000
    assert budget.for_goodbye(9000) == 900
    assert budget.for_work(8600) == 0
    assert budget.left(99_999) == 0


@pytest.mark.rule("D-stop-budget")
@pytest.mark.parametrize("total_ms", [1000, 2000, 9000, 60_000])
def test_no_part_of_a_stop_may_reach_into_the_next(total_ms: int) -> None:
    """Announcement, interrupted hook and drain together leave svcdown at least a tenth of the work."""
    budget = StopBudget(0, total_ms, drain_ms=10**9)
    used = budget.for_announcement(0)
    used += budget.for_drain(used)
    used += budget.for_interrupted(used)
    assert budget.for_work(used) >= budget.for_work(0) // 10
    assert budget.for_work(0) + budget.reserve_ms == total_ms


@pytest.mark.rule("D-stop-second")
def test_a_hurried_budget_waits_for_nothing_and_keeps_its_end() -> None:
    budget = StopBudget(0, 9000, drain_ms=3000).hurried()
    assert (budget.for_work(0), budget.for_drain(0), budget.for_sweep(0)) == (0, 0, 0)
    assert budget.left(1000) == 8000


@pytest.mark.rule("WW-23", "D-monitor-thresholds")
def test_failures_count_in_a_row_until_enough_successes() -> None:
    policy = HealthPolicy(failure_threshold=3, success_threshold=2)
    count = HealthCount()
    for ok, failures in [(False, 1), (True, 1), (False, 2), (True, 2), (True, 0), (False, 1)]:
        count = count_health(count, policy, ok, up_for_ms=10**6)
        assert count.failures == failures


@pytest.mark.rule("D-monitor-thresholds")
def test_inside_the_grace_a_failure_is_shown_and_not_counted() -> None:
    policy = HealthPolicy(grace_ms=1000)
    early = count_health(HealthCount(), policy, ok=False, up_for_ms=999)
    assert (early.failures, early.healthy) == (0, False)
    late = count_health(HealthCount(), policy, ok=False, up_for_ms=1000)
    assert late.failures == 1


@pytest.mark.rule("D-reporter-last", "D-stop-budget", "D-stop-second")
def test_the_last_delivery_gets_what_it_wants_inside_the_budget_and_hardly_any_when_forced() -> None:
    budget = StopBudget(1000, 9000)
    assert budget.for_flush(2000, 1000) == 1000, "as little as it wants where there is time"
    assert budget.for_flush(9500, 1000) == 400, "what is left but a tenth of a second"
    assert budget.for_flush(9950, 1000) == 0
    assert budget.for_flush(20_000, 1000) == 0
    assert budget.hurried().for_flush(2000, 1000) == 200
    assert budget.hurried().for_flush(2000, 100) == 100
    assert budget.hurried().for_flush(9850, 1000) == 50
