"""What a journal holds and what of it each sink still lacks, counted at one moment: for tools."""

from __future__ import annotations

import os

from ww.events.model import GAP, HEALTH, JOURNAL
from ww.events.position import START, Position
from ww.events.records import parse_event
from ww.events.segmentfile import SegmentFile
from ww.events.shelf import Shelf, after
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.events.model import Event
    from ww.events.shelf import Place


class Pile(Value):
    """Some events: how many, how many of them are no health events, bytes, and the time of the oldest (wall ms; None: no event)."""

    __slots__ = ("bytes", "events", "lifecycle", "oldest_ms")

    def __init__(self) -> None:
        self.events = 0
        self.lifecycle = 0
        self.bytes = 0
        self.oldest_ms: int | None = None

    def add(self, event: Event, size: int) -> None:
        """One more."""
        self.events += 1
        self.lifecycle += event.kind != HEALTH
        self.bytes += size
        self.oldest_ms = event.wall_ms if self.oldest_ms is None else self.oldest_ms


class Missing(Value):
    """What the gap events of the journal declare: how many there are, and the events that they speak of."""

    __slots__ = ("gaps", "health", "lifecycle")

    def __init__(self) -> None:
        self.gaps = 0
        self.health = 0
        self.lifecycle = 0

    def add(self, event: Event) -> None:
        """One more."""
        self.gaps += 1
        for name in ("health", "lifecycle"):
            count = event.data.get(name)
            if isinstance(count, int):
                setattr(self, name, getattr(self, name) + count)


class Survey:
    """The journal in `directories`; `positions` are those of the sinks that are asked about.

    `last` is the position of the last event, `moved` what PID 1 said of moving to another place during the last boot.
    """

    def __init__(self, directories: Sequence[str], positions: Mapping[str, Position], running: str = "") -> None:
        self.all = Pile()
        self.missing = Missing()
        self.waiting = {name: Pile() for name in positions}
        self.segments = 0
        self.last = START
        self.directory: str | None = None
        """Where the newest segment is."""
        self.moved: Event | None = None
        self.unreadable: list[str] = []
        shelf = Shelf(directories, running)
        places = shelf.places()
        unread = {
            name: {place.path for place in after(places, position, running)} for name, position in positions.items()
        }
        for place in places:
            lacking = [
                (position, self.waiting[name]) for name, position in positions.items() if place.path in unread[name]
            ]
            self._count(place, lacking)
        self.unreadable += shelf.lost

    def _count(self, place: Place, lacking: list[tuple[Position, Pile]]) -> None:
        try:
            self._read(place, lacking)
        except FileNotFoundError:
            return  # Retention has just taken it.
        except OSError:
            self.unreadable.append(place.path)

    def _read(self, place: Place, lacking: list[tuple[Position, Pile]]) -> None:
        file = SegmentFile(place)
        try:
            self.segments += 1
            self.directory = os.path.dirname(place.path)
            while (text := file.peek()) is not None:
                file.skip(text)
                event = parse_event(text)
                if event is None:
                    continue
                self._see(place, event, len(text))
                for position, pile in lacking:
                    if place.boot != position.boot or event.seq > position.seq:
                        pile.add(event, len(text))
        finally:
            file.close()

    def _see(self, place: Place, event: Event, size: int) -> None:
        self.all.add(event, size)
        if place.boot != self.last.boot:
            self.moved = None
        self.last = Position(place.boot_no, place.boot, event.seq)
        if event.kind == GAP:
            self.missing.add(event)
        elif event.kind == JOURNAL:
            self.moved = event
