"""How long hooks may take and how often they are tried: the settings as the runs and the watch take them."""

from __future__ import annotations

from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.lifecycle.policy import HealthPolicy


class HookLimits(Value):
    """`ww.hooks.NAME` of the settings, in milliseconds; a limit of 0 is none. `setting` is where the limit comes from."""

    __slots__ = ("limit_ms", "retries", "retry_delay_ms", "grace_ms", "setting")

    def __init__(self, limit_ms: int, retries: int, retry_delay_ms: int, grace_ms: int, setting: str) -> None:
        self.limit_ms = limit_ms
        self.retries = retries
        self.retry_delay_ms = retry_delay_ms
        self.grace_ms = grace_ms
        self.setting = setting

    def within(self, left_ms: int, setting: str) -> HookLimits:
        """The same limits inside `left_ms`, without retries: time to end it is taken out of what is left."""
        if self.limit_ms and self.limit_ms <= left_ms * 4 // 5:
            setting = self.setting
        limit = min(self.limit_ms, left_ms) if self.limit_ms else left_ms
        grace = min(self.grace_ms, limit // 5)
        return HookLimits(max(limit - grace, 0), 0, 0, grace, setting)


class WatchPolicy(Value):
    """How often to look (milliseconds between the starts of two monitors) and when to believe it."""

    __slots__ = ("interval_ms", "health")

    def __init__(self, interval_ms: int, health: HealthPolicy) -> None:
        self.interval_ms = interval_ms
        self.health = health
