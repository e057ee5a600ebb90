"""Whether the sequence that the journal holds is whole: what is missing and was not declared is found here."""

from __future__ import annotations

from ww.events.declaring import gap_of
from ww.events.model import GAP
from ww.events.position import START, Position
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.events.model import Event
    from ww.events.position import Stored
    from ww.types import JsonObject

MOST_HOLES = 50
"""A journal full of holes is declared by fewer and wider gaps."""
_BOOTS = 256


class Hole(Value):
    """What is missing behind `before`, as the data of a gap event; found in the file at `path`."""

    __slots__ = ("before", "gap", "path")

    def __init__(self, before: Position, gap: JsonObject, path: str) -> None:
        self.before = before
        self.gap = gap
        self.path = path


class Audit:
    """Sees every event once, in order, from `after` on. Nothing is missing in front of the very first.

    `counted`: boots are numbered one by one, so that a number that is left out is a boot whose events are missing.
    """

    def __init__(self, after: Position, counted: bool = True) -> None:
        self._counted = counted
        self.holes: list[Hole] = []
        """Those that no gap event that was seen declares."""
        self._last = after
        self._path = ""
        self._declared: dict[str, list[tuple[int, int]]] = {}

    @property
    def position(self) -> Position:
        """Up to here nothing is open."""
        return self.holes[0].before if self.holes else self._last

    def see(self, stored: Stored) -> None:
        """The next event."""
        last = self._last
        if last != START:
            self._compare(last, stored)
        self._last, self._path = stored.position, stored.where[0]
        self.note(stored.event)

    def note(self, event: Event) -> None:
        """What a gap event declares is no open hole."""
        boot, first, last = (event.data.get(name) for name in ("boot", "from", "to"))
        if event.kind != GAP or not (isinstance(boot, str) and isinstance(first, int) and isinstance(last, int)):
            return
        self._declared[boot] = _merged([*self._declared.get(boot, []), (first, last)])
        if len(self._declared) > _BOOTS:
            del self._declared[next(iter(self._declared))]
        self.holes = [hole for hole in self.holes if not self._covered(hole.gap)]

    def _compare(self, last: Position, stored: Stored) -> None:
        seq = stored.event.seq
        if stored.boot == last.boot:
            if seq > last.seq + 1:
                self._hole(gap_of("missing", stored.boot_no, stored.boot, last.seq + 1, seq - 1))
            return
        if self._counted and 0 < last.boot_no < stored.boot_no - 1:
            gap = gap_of("missing", last.boot_no + 1, "", 0, 0)
            self._hole({**gap, "boot": None, "from": None, "to": None, "boots": stored.boot_no - last.boot_no - 1})
        if seq > 1:
            self._hole(gap_of("missing", stored.boot_no, stored.boot, 1, seq - 1))

    def _hole(self, gap: JsonObject) -> None:
        if self._covered(gap):
            return
        if len(self.holes) >= MOST_HOLES and self.holes[-1].gap["boot"] == gap["boot"] is not None:
            self.holes[-1].gap = {**self.holes[-1].gap, "to": gap["to"]}
            return
        self.holes.append(Hole(self._last, gap, self._path))

    def _covered(self, gap: JsonObject) -> bool:
        first, last = gap["from"], gap["to"]
        return any(one <= first and last <= other for one, other in self._declared.get(str(gap["boot"]), []))  # type: ignore[operator]


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same numbers in as few ranges as possible, in order."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
