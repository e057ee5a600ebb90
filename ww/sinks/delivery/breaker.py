"""The circuit breaker: after enough failures in a row a receiver is left alone, then tried with a single event."""

from __future__ import annotations

from enum import Enum


class Circuit(Enum):
    """Where the breaker stands."""

    CLOSED = "closed"
    """Everything is sent."""
    OPEN = "open"
    """Nothing is sent until its time is over."""
    HALF_OPEN = "half-open"
    """One event is sent; what becomes of it decides."""


class Breaker:
    """Opens after `failures` in a row, for `open_s`. Times are of one monotonic clock, in seconds."""

    def __init__(self, failures: int, open_s: float) -> None:
        self._failures = failures
        self._open_s = open_s
        self._row = 0
        self._until = 0.0
        self.circuit = Circuit.CLOSED

    def failed(self, now: float) -> None:
        """A call that achieved nothing."""
        self._row += 1
        if self.circuit is Circuit.HALF_OPEN or self._row >= self._failures:
            self.circuit = Circuit.OPEN
            self._until = now + self._open_s

    def succeeded(self) -> None:
        """A call that achieved something."""
        self._row = 0
        self.circuit = Circuit.CLOSED

    def left_s(self, now: float) -> float:
        """Seconds that an open one stays open; 0 for any other."""
        return max(0.0, self._until - now) if self.circuit is Circuit.OPEN else 0.0

    def wait_s(self, now: float) -> float:
        """Seconds until something may be sent; 0 makes an open one half-open."""
        if self.circuit is not Circuit.OPEN:
            return 0.0
        if now < self._until:
            return self._until - now
        self.circuit = Circuit.HALF_OPEN
        return 0.0

    def hurry(self) -> None:
        """There is no time to wait: an open one may be tried now."""
        if self.circuit is Circuit.OPEN:
            self.circuit = Circuit.HALF_OPEN
