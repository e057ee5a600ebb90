"""Numbers that decide: when to restart, when to give up, and how a stop spends its one budget."""

from __future__ import annotations

from ww.types import Value


class RestartPolicy(Value):
    """`ww.restart` of the settings, in milliseconds.

    The first failure after a healthy time restarts at once; the n-th in a row waits
    `backoff_ms * 2**(n-2)`, capped, spread by ± `jitter`. More than `limit` failures inside `window_ms` is giving up.
    `warmup`: whether a restart warms up again.
    """

    __slots__ = ("backoff_ms", "backoff_max_ms", "jitter", "reset_after_ms", "window_ms", "limit", "warmup")

    def __init__(
        self,
        backoff_ms: int = 1_000,
        backoff_max_ms: int = 60_000,
        jitter: float = 0.1,
        reset_after_ms: int = 300_000,
        window_ms: int = 600_000,
        limit: int = 10,
        warmup: bool = True,
    ) -> None:
        self.backoff_ms = backoff_ms
        self.backoff_max_ms = backoff_max_ms
        self.jitter = jitter
        self.reset_after_ms = reset_after_ms
        self.window_ms = window_ms
        self.limit = limit
        self.warmup = warmup


class RestartHistory(Value):
    """Failures that led, or would have led, to a restart: their monotonic times and how many came in a row."""

    __slots__ = ("failures_ms", "in_a_row")

    def __init__(self, failures_ms: tuple[int, ...] = (), in_a_row: int = 0) -> None:
        self.failures_ms = failures_ms
        self.in_a_row = in_a_row


class Verdict(Value):
    """What a failure leads to: restart after `delay_ms`, or give up when it is None."""

    __slots__ = ("history", "delay_ms")

    def __init__(self, history: RestartHistory, delay_ms: int | None) -> None:
        self.history = history
        self.delay_ms = delay_ms


def judge_failure(
    history: RestartHistory, policy: RestartPolicy, now_ms: int, healthy_ms: int, spread: float
) -> Verdict:
    """Count a failure at `now_ms` after `healthy_ms` of being UP.

    `spread` is a random number in [-1, 1]; it is an argument so that this stays a function.
    """
    recent = tuple(at for at in history.failures_ms if now_ms - at < policy.window_ms)
    failures = (*recent, now_ms)
    in_a_row = 1 if healthy_ms >= policy.reset_after_ms else history.in_a_row + 1
    counted = RestartHistory(failures, in_a_row)
    if len(failures) > policy.limit:
        return Verdict(counted, None)
    if in_a_row == 1:
        return Verdict(counted, 0)
    delay = min(policy.backoff_max_ms, policy.backoff_ms << min(in_a_row - 2, 30))
    return Verdict(counted, max(0, int(delay * (1 + policy.jitter * spread))))


RESERVE_MS = 1_500
"""The end of the stop budget that no hook may have (decisions, Lifecycle): sweep 0.5 s, last flush 1.0 s."""
LAST_MS = 1_000
"""The part of the reserve behind the sweep."""
LEAVING_MS = 100
"""What writing down the end and leaving may take."""
HURRIED_FLUSH_MS = 200
"""What a last delivery may take when nobody wants to wait any more."""


class StopBudget(Value):
    """One deadline for a whole shutdown, shared by plan (decisions, Lifecycle).

    `started_ms` is the monotonic time of the stop; all methods return milliseconds that are left at `now_ms`.
    A budget too small for the full reserve keeps a quarter of itself as reserve.
    """

    __slots__ = ("started_ms", "total_ms", "drain_ms", "forced")

    def __init__(self, started_ms: int, total_ms: int, drain_ms: int = 0, forced: bool = False) -> None:
        self.started_ms = started_ms
        self.total_ms = total_ms
        self.drain_ms = drain_ms
        self.forced = forced

    @property
    def reserve_ms(self) -> int:
        """The end of the budget that no hook may have."""
        return min(RESERVE_MS, self.total_ms // 4)

    @property
    def last_ms(self) -> int:
        """The part of the reserve behind the sweep."""
        return self.reserve_ms * LAST_MS // RESERVE_MS

    def left(self, now_ms: int) -> int:
        """Until the very end."""
        return max(0, self.started_ms + self.total_ms - now_ms)

    def for_work(self, now_ms: int) -> int:
        """For hooks: until the reserve begins."""
        return 0 if self.forced else max(0, self.left(now_ms) - self.reserve_ms)

    def for_announcement(self, now_ms: int) -> int:
        """For `lifecycle STOPPING`: it may not eat the time of svcdown."""
        return min(5_000, self.for_work(now_ms) * 2 // 5)

    def for_interrupted(self, now_ms: int) -> int:
        """Between TERM and KILL of the hook that the stop interrupted."""
        return min(2_000, self.for_work(now_ms) // 4)

    def for_drain(self, now_ms: int) -> int:
        """The pause for balancers; never more than half of what is left for work."""
        return min(self.drain_ms, self.for_work(now_ms) // 2)

    def for_sweep(self, now_ms: int) -> int:
        """Between TERM and KILL of what svcdown left: all that is left but the last part."""
        return 0 if self.forced else max(0, self.left(now_ms) - self.last_ms)

    def for_goodbye(self, now_ms: int) -> int:
        """For `lifecycle STOPPED`, the last hook: what is left but a tenth of a second for leaving."""
        return min(5_000, max(0, self.left(now_ms) - LEAVING_MS))

    def for_flush(self, now_ms: int, wanted_ms: int) -> int:
        """For the last delivery, of the `wanted_ms` that it would like; hardly any after a second stop signal."""
        return min(wanted_ms, HURRIED_FLUSH_MS if self.forced else wanted_ms, max(0, self.left(now_ms) - LEAVING_MS))

    def hurried(self) -> StopBudget:
        """The same deadline after a second stop signal: no hook, no drain, KILL at once."""
        return StopBudget(self.started_ms, self.total_ms, 0, forced=True)


class HealthPolicy(Value):
    """`ww.monitor` of the settings: how many results in a row change the mind, and the grace after UP."""

    __slots__ = ("failure_threshold", "success_threshold", "grace_ms")

    def __init__(self, failure_threshold: int = 1, success_threshold: int = 1, grace_ms: int = 0) -> None:
        self.failure_threshold = failure_threshold
        self.success_threshold = success_threshold
        self.grace_ms = grace_ms


class HealthCount(Value):
    """How the monitor's results stand: in a row, and whether the instance is believed healthy."""

    __slots__ = ("failures", "successes", "healthy")

    def __init__(self, failures: int = 0, successes: int = 0, healthy: bool = True) -> None:
        self.failures = failures
        self.successes = successes
        self.healthy = healthy


def count_health(count: HealthCount, policy: HealthPolicy, ok: bool, up_for_ms: int) -> HealthCount:
    """One monitor result. `failures >= failure_threshold` afterwards means: restart.

    Inside the grace a failure is shown as unhealthy and not counted. One success breaks a row of failures only
    when `success_threshold` of them came in a row, so that a flapping service does not look healthy.
    """
    if ok:
        successes = count.successes + 1
        recovered = successes >= policy.success_threshold
        return HealthCount(0 if recovered else count.failures, successes, count.healthy or recovered)
    if up_for_ms < policy.grace_ms:
        return HealthCount(count.failures, 0, healthy=False)
    return HealthCount(count.failures + 1, 0, healthy=False)
