"""Time as two numbers: monotonic milliseconds for waiting, wall milliseconds for stamps.

Nothing above may call `time` itself; deciders get a number. Tests pass `FakeClock`.
"""

from __future__ import annotations

import time


class Clock:
    """The machine's clocks."""

    __slots__ = ()

    def mono_ms(self) -> int:
        """Milliseconds that never jump; only differences mean anything."""
        return time.monotonic_ns() // 1_000_000

    def wall_ms(self) -> int:
        """Milliseconds since the epoch, as the machine believes; for stamps only."""
        return time.time_ns() // 1_000_000


class FakeClock(Clock):
    """A clock that stands still until a test moves it."""

    __slots__ = ("mono", "wall")

    def __init__(self, mono: int = 1_000_000, wall: int = 1_700_000_000_000) -> None:
        self.mono = mono
        self.wall = wall

    def mono_ms(self) -> int:
        """Where the test has put it."""
        return self.mono

    def wall_ms(self) -> int:
        """The same for stamps."""
        return self.wall

    def advance(self, ms: int) -> None:
        """Let `ms` milliseconds pass on both clocks."""
        self.mono += ms
        self.wall += ms


def stamp(wall_ms: int) -> str:
    """`wall_ms` as RFC 3339 in UTC with milliseconds: `2026-11-21T13:15:00.123Z`."""
    seconds, ms = divmod(wall_ms, 1000)
    y, mo, d, h, mi, s = time.gmtime(seconds)[:6]
    return f"{y:04d}-{mo:02d}-{d:02d}T{h:02d}:{mi:02d}:{s:02d}.{ms:03d}Z"
