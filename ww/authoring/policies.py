"""What the settings mean in numbers: healing, giving up, and how a stop spends its time. All computed, none typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.lifecycle.policy import RestartHistory, StopBudget, judge_failure

if TYPE_CHECKING:
    from ww.instance.settings import Settings
    from ww.types import Json, JsonObject

MOST_DELAYS = 12


def seconds(ms: int) -> Json:
    """Milliseconds as seconds, whole where they are."""
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def monitor(settings: Settings) -> JsonObject:
    """How often the service is looked at, and when that is believed."""
    policy = settings.watch()
    return {
        "interval_s": seconds(policy.interval_ms),
        "failure_threshold": policy.health.failure_threshold,
        "success_threshold": policy.health.success_threshold,
        "grace_s": seconds(policy.health.grace_ms),
    }


def restart(settings: Settings) -> JsonObject:
    """The delays before restarts that follow each other, as the policy itself decides them, without jitter."""
    policy = settings.restart()
    history, delays = RestartHistory(), []
    for _ in range(min(policy.limit, MOST_DELAYS)):
        verdict = judge_failure(history, policy, 0, 0, 0.0)
        history = verdict.history
        if verdict.delay_ms is not None:
            delays.append(seconds(verdict.delay_ms))
    return {
        "delays_s": delays,
        "jitter": policy.jitter,
        "reset_after_s": seconds(policy.reset_after_ms),
        "limit": policy.limit,
        "window_s": seconds(policy.window_ms),
        "warmup": policy.warmup,
    }


def stop(settings: Settings) -> JsonObject:
    """The stop budget: when what happens at the latest, in seconds from the signal, for a stop of an UP instance."""
    budget = stop_budget(settings)
    work = budget.for_work(0)
    down = settings.svcdown(work - budget.for_drain(0))
    drained = budget.for_drain(0)
    return {
        "budget_s": seconds(budget.total_ms),
        "lifecycle_s": seconds(budget.for_announcement(0)),
        "drain_s": seconds(drained),
        "svcdown_term_s": seconds(drained + down.limit_ms),
        "svcdown_kill_s": seconds(drained + down.limit_ms + down.grace_ms),
        "sweep_kill_s": seconds(work + budget.for_sweep(work)),
        "end_s": seconds(budget.total_ms),
    }


def stop_budget(settings: Settings) -> StopBudget:
    """The budget of a stop that begins now."""
    return StopBudget(0, settings.ms("stop.budget_s"), settings.ms("stop.drain_s"))
