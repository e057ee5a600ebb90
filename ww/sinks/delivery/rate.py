"""The byte rate: a bucket of tokens, one per byte, filled at the rate allowed."""

from __future__ import annotations


class ByteRate:
    """At most `per_s` bytes per second over time (0: no limit). Times are of one monotonic clock, in seconds.

    A batch may be larger than what is in the bucket, which then has to be filled up again first: so a single event
    larger than a second's worth still gets through.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._tokens = per_s
        self._at: float | None = None

    def wait_s(self, now: float) -> float:
        """Seconds until a batch may be sent."""
        if self._per_s <= 0:
            return 0.0
        if self._at is not None:
            self._tokens = min(self._per_s, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        return 0.0 if self._tokens > 0 else max(-self._tokens / self._per_s, 1 / self._per_s)

    def spend(self, size: int) -> None:
        """`size` bytes were sent."""
        self._tokens -= size
