"""The segments of all directories of a journal, in the order in which their events happened.

Boots are ordered by their number. One without a volume has number 0, and copied data can bring a number twice: those
are ordered by the time of their first event. The boot that runs now is the last, whatever its clock says.
Of what holds no event (any more) nobody can tell when it was: it stands as early as it may, so that to a cursor in it
nothing counts as delivered that is not.
"""

from __future__ import annotations

import os
from itertools import pairwise

from ww.events.position import START, Position
from ww.events.records import parse_event
from ww.events.segment import parse_name
from ww.events.segmentfile import SegmentFile
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.events.model import Event

_UNREADABLE_MS = 1 << 62
_EMPTY_MS = 0


class Place(Value):
    """One segment: `rank` is the index of its directory, so that the fallback follows what it took over from."""

    __slots__ = ("boot", "boot_no", "first_seq", "path", "rank")

    def __init__(self, boot_no: int, boot: str, first_seq: int, rank: int, path: str) -> None:
        self.boot_no = boot_no
        self.boot = boot
        self.first_seq = first_seq
        self.rank = rank
        self.path = path


class Shelf:
    """Lists the segments; `running` is the id of the boot that is under way ("": none is known to be)."""

    def __init__(self, directories: Sequence[str], running: str = "") -> None:
        self.directories = list(dict.fromkeys(directories))
        self.running = running
        self.lost: list[str] = []
        """Directories that cannot be listed at present though they were, or though they are there."""
        self._listed: set[str] = set()
        self._began: dict[str, int] = {}
        self._empty: dict[str, int] = {}
        """Paths in which there was no event, and how many bytes."""

    def places(self) -> list[Place]:
        """Every segment, oldest first. A directory that cannot be read holds none, and is `lost`."""
        found: dict[str, list[Place]] = {}
        self.lost.clear()
        for rank, directory in enumerate(self.directories):
            for name in self._names(directory):
                parts = parse_name(name)
                if parts is not None:
                    boot_no, boot, first_seq = parts
                    found.setdefault(boot, []).append(Place(boot_no, boot, first_seq, rank, f"{directory}/{name}"))
        for of_boot in found.values():
            of_boot.sort(key=lambda place: (place.first_seq, place.rank))
        return [place for boot in self._order(found) for place in found[boot]]

    def after(self, position: Position) -> list[Place]:
        """The segments that may hold something behind `position`, oldest first."""
        return after(self.places(), position, self.running)

    def _names(self, directory: str) -> list[str]:
        try:
            names = os.listdir(directory)
        except OSError as error:
            if directory in self._listed or not isinstance(error, FileNotFoundError | NotADirectoryError):
                self.lost.append(directory)
            return []
        self._listed.add(directory)
        return names

    def _order(self, found: dict[str, list[Place]]) -> list[str]:
        numbers = {boot: places[0].boot_no for boot, places in found.items() if boot != self.running}
        numbered = [number for number in numbers.values() if number > 0]
        last = [self.running] if self.running in found else []
        if len(numbered) == len(numbers) == len(set(numbered)):
            return sorted(numbers, key=lambda boot: numbers[boot]) + last
        began = {boot: self._begin(places) for boot, places in found.items()}
        keys: list[tuple[int, bool, int, str]] = [
            (began[boot], False, 0, boot) for boot in numbers if not numbers[boot]
        ]
        latest = 0
        of_number = [boot for boot in numbers if numbers[boot]]
        for index, boot in enumerate(sorted(of_number, key=lambda boot: (numbers[boot], began[boot], boot))):
            # A number is worth more than a clock that was set back meanwhile.
            latest = max(latest, began[boot])
            keys.append((latest, True, index, boot))
        return [key[3] for key in sorted(keys)] + last

    def _begin(self, places: list[Place]) -> int:
        """The wall time in milliseconds of the first event that this boot still has, as first seen."""
        boot = places[0].boot
        began_ms = _EMPTY_MS
        for place in places if boot not in self._began else ():
            try:
                event = self._first_event(place)
            except OSError:
                began_ms = _UNREADABLE_MS
                continue
            if event is not None:
                self._began[boot] = event.wall_ms
                break
        return self._began.get(boot, began_ms)

    def _first_event(self, place: Place) -> Event | None:
        """None if the segment holds none, or is deleted by now. Raises OSError if the disk does not give it."""
        try:
            file = SegmentFile(place)
        except FileNotFoundError:
            return None
        try:
            size = file.size()
            if self._empty.get(place.path) == size:
                return None
            while (text := file.peek()) is not None:
                file.skip(text)
                event = parse_event(text)
                if event is not None:
                    return event
            self._empty[place.path] = size
            return None
        finally:
            file.close()


def after(places: Sequence[Place], position: Position, running: str) -> list[Place]:
    """Those of `places`, which are in order, that may hold something behind `position`; the boot `running` is behind all."""
    if position == START:
        return list(places)
    boots = list(dict.fromkeys(place.boot for place in places))
    if position.boot in boots:
        index = boots.index(position.boot)
    else:
        # Its files are gone. What has a smaller number came before it; of all others nobody knows.
        numbers = {place.boot: place.boot_no for place in places}
        earlier = [
            index for index, boot in enumerate(boots) if 0 < numbers[boot] < position.boot_no and boot != running
        ]
        index = earlier[-1] if earlier else -1
    of_boot = [place for place in places if place.boot == position.boot]
    unread = [place for place, following in pairwise(of_boot) if following.first_seq > position.seq + 1]
    later = set(boots[index + 1 :])
    return unread + of_boot[-1:] + [place for place in places if place.boot in later]
