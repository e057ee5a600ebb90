"""What one sink has to say in the log: little, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.sinks.delivery.answers import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ww.sinks.delivery.ports import Ports

_AGAIN_S = 900.0
_MOST_KINDS = 20
_MINUTE_S = 60.0
MOST_LINES = 20
"""What a sink itself may say in a minute."""


class Complaints:
    """Says that a sink fails when it begins, when the reason is another and every quarter of an hour; then that it is over.

    `pause_s` lies between two of them at least. Times are of one monotonic clock, in seconds.
    """

    def __init__(self, name: str, ports: Ports, pause_s: float) -> None:
        self._name = name
        self._ports = ports
        self._pause_s = pause_s
        self._said_at = -_AGAIN_S
        self._kinds: set[str] = set()
        self.since: float | None = None
        """Since when nothing is delivered."""
        self.last = ""
        """Why."""

    def fails(self, words: str, now: float) -> None:
        """It does not work now."""
        words = self._ports.mask(short(words))
        new = self.since is None or words != self.last
        if self.since is None:
            self.since = now
        self.last = words
        if (new and now - self._said_at >= self._pause_s) or now - self._said_at >= _AGAIN_S:
            self._said_at = now
            self._say("warn", f"cannot deliver, and goes on trying: {words}")

    def works(self, now: float) -> None:
        """It works (again)."""
        if self.since is not None:
            self._say("info", f"delivers again after {now - self.since:.1f} s")
        self.since = None
        self.last = ""

    def once(self, kind: str, words: str) -> None:
        """What is said a single time for each `kind`."""
        if kind not in self._kinds and len(self._kinds) < _MOST_KINDS:
            self._kinds.add(kind)
            self._say("warn", self._ports.mask(words))

    def _say(self, level: str, words: str) -> None:
        self._ports.say(level, f"sink {self._name}: {words}")


class LineLimit:
    """Lets `MOST_LINES` lines a minute pass, and says with the next one how many did not. `now` is in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since = -_MINUTE_S
        self._count = 0

    def allowed(self, line: str) -> Iterator[str]:
        """What of it is to be said."""
        now = self._now()
        if now - self._since >= _MINUTE_S:
            held = self._count - MOST_LINES
            self._since, self._count = now, 0
            if held > 0:
                yield f"{held} lines were left out"
        self._count += 1
        if self._count <= MOST_LINES:
            yield line
