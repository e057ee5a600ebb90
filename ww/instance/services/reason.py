"""Why a service ended, as people and programs are told; a kill for want of memory is told by the cgroup's counter."""

from __future__ import annotations

from ww.supervise import signals
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.clock import Clock
    from ww.instance.services.process import Ended
    from ww.supervise.oom import OomCounter


class Reason(Value):
    """Why a service last ended. name: exit, signal, oom, readiness, watchdog, start, dependency or asked."""

    __slots__ = ("name", "words", "wall_ms")

    def __init__(self, name: str, words: str, wall_ms: int) -> None:
        self.name = name
        self.words = words
        self.wall_ms = wall_ms


_SEEN_LATE_MS = 1_000


class Reasons:
    """Words ends; remembers the counter of kills, which is read before and after."""

    def __init__(self, clock: Clock, counter: OomCounter) -> None:
        self._clock = clock
        self._oom = counter
        self._kills: int | None = None
        self._earlier: tuple[int | None, int] = (None, 0)

    def look(self) -> int | None:
        """How many processes the kernel has killed for want of memory in this cgroup, None if it does not say.

        What it says now is what the next end is compared with; for a moment what it said before still counts, since
        the counter rises before the dead process is seen.
        """
        now = self._oom.read()
        self._earlier = (self._kills, self._clock.mono_ms())
        self._kills = now
        return now

    def of(self, ended: Ended) -> Reason:
        """The reason of an end that has just been seen."""
        name, words = ended.reason, ended.words
        if name == "signal" and ended.exit is not None and ended.exit.signal == signals.KILL:
            before, now = self._before(), self._oom.read()
            if before is not None and now is not None and now > before:
                name = "oom"
                self._kills, self._earlier = before + 1, (None, 0)  # one kill is one end
                words = f"{words}, out of memory (oom_kill of the cgroup went from {before} to {now})"
        return Reason(name, words, self._clock.wall_ms())

    def _before(self) -> int | None:
        earlier, at_ms = self._earlier
        fresh = earlier is not None and self._clock.mono_ms() - at_ms < _SEEN_LATE_MS
        return earlier if fresh else self._kills

    def plain(self, name: str, words: str) -> Reason:
        """A reason that is not the end of a process of its own accord."""
        return Reason(name, words, self._clock.wall_ms())
