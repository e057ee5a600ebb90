"""What a receiver misses and asks for again: each range once, what is gone declared by a gap event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.events.declaring import gap_of
from ww.sinks.delivery.ranges import merged, missing, without

if TYPE_CHECKING:
    from ww.events.position import Position, Stored
    from ww.sinks.delivery.ports import Ports
    from ww.sinks.delivery.ranges import Range

GONE = "gone"
"""Why: a receiver asked for it, and the journal has it no more."""
LONGEST = 100_000
"""Sequences of one range; more than that is a receiver that has lost everything, or its mind."""
MOST = 64
"""Ranges that wait."""
_BOOTS = 16
"""Boots of which it is remembered what was sent again."""


class Wants:
    """The ranges that wait, and what was asked for before."""

    def __init__(self, name: str, ports: Ports) -> None:
        self._name = name
        self._ports = ports
        self._waiting: list[tuple[str, int, int]] = []
        self._asked: dict[str, list[Range]] = {}
        self._boot_nos: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, boot: str, first: int, last: int, cursor: Position) -> None:
        """A range that the receiver misses, as far as it is behind the cursor: the rest is on its way anyhow."""
        if boot == cursor.boot:
            last = min(last, cursor.seq)
        first, last = max(first, 1), min(last, first + LONGEST)
        known = self._asked.get(boot, [])
        for part in without((first, last), known) if first <= last else ():
            if len(self._waiting) < MOST:
                self._waiting.append((boot, *part))
                known = merged([*known, part])
        self._asked[boot] = known
        if boot == cursor.boot:
            self._boot_nos[boot] = cursor.boot_no
        while len(self._asked) > _BOOTS:
            oldest = next(iter(self._asked))
            del self._asked[oldest]
            self._boot_nos.pop(oldest, None)

    def next(self, max_events: int) -> list[Stored]:
        """The next events to send again, at most so many; what the journal no longer has is declared."""
        boot, first, last = self._waiting[0]
        until = min(last, first + max_events - 1)
        found = self._ports.source.fetch(boot, first, until)
        if until < last:
            self._waiting[0] = (boot, until + 1, last)
        else:
            del self._waiting[0]
        boot_no = found[0].boot_no if found else self._boot_nos.get(boot, 0)
        for low, high in missing((first, until), (stored.event.seq for stored in found)):
            self._ports.declare({**gap_of(GONE, boot_no, boot, low, high), "sink": self._name})
        return found
