"""Holes in a sequence are made only after the journal itself says so, in a gap event that a power loss does not take."""

from __future__ import annotations

from ww.events.model import GAP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.clock import Clock
    from ww.events.model import Event
    from ww.types import JsonObject

    Key = tuple[object, ...]

AGAIN_MS = 5000
"""PID 1 has dropped it, or was not reached: it is asked again."""
_MEMBERS = ("reason", "boot_no", "boot", "from", "to", "boots", "health", "lifecycle")
_REMEMBERED = 4096


class Declarations:
    """What was asked of PID 1 to declare, and what it has journalled by now. `send` hands it a gap event's data."""

    def __init__(self, send: Callable[[JsonObject], None], clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._sent: dict[Key, int] = {}
        self._seen: dict[Key, None] = {}

    def declared(self, gap: JsonObject) -> bool:
        """True once the journal holds `gap`; until then it is sent, now and every few seconds."""
        key = _key(gap)
        if key in self._seen:
            return True
        now_ms = self._clock.mono_ms()
        if key not in self._sent or now_ms - self._sent[key] >= AGAIN_MS:
            self._sent[key] = now_ms
            self._send(gap)
        return False

    def note(self, event: Event) -> None:
        """An event of the journal: a gap in it is declared."""
        if event.kind != GAP:
            return
        key = _key(event.data)
        self._sent.pop(key, None)
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]


def _key(gap: JsonObject) -> Key:
    return tuple(repr(gap.get(member)) for member in _MEMBERS)


def gap_of(reason: str, boot_no: int, boot: str, first: int, last: int) -> JsonObject:
    """The data of a gap event: within `first` to `last` of that boot events are missing, and why."""
    return {"reason": reason, "boot_no": boot_no, "boot": boot, "from": first, "to": last}
