"""What was read of the journal for a sink and is not finished: kept in order until each event has its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ww.events.position import Position
    from ww.sinks.base import Item


@dataclass(slots=True, eq=False)
class Entry:
    """One event on its way; `item` is None for one that this sink does not want, which is done as it is."""

    position: Position
    item: Item | None
    done: bool = False

    def __post_init__(self) -> None:
        self.done = self.done or self.item is None


class Batch:
    """The entries of one stretch of the journal. The cursor follows the finished ones at its beginning, and no others."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self.size = 0
        """Bytes of the events that wait."""

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entries: Iterable[Entry]) -> None:
        """What was read next."""
        for entry in entries:
            self._entries.append(entry)
            if entry.item is not None:
                self.size += len(entry.item.text)

    def waiting(self) -> list[Entry]:
        """Those without a final answer, in order."""
        return [entry for entry in self._entries if not entry.done]

    def finish(self, entry: Entry) -> None:
        """It is where it belongs, or never will be."""
        entry.done = True
        if entry.item is not None:
            self.size -= len(entry.item.text)

    def passed(self) -> Position | None:
        """Drop what is finished at the beginning; the position of the last of it, None if there is none."""
        count = next((number for number, entry in enumerate(self._entries) if not entry.done), len(self._entries))
        if not count:
            return None
        position = self._entries[count - 1].position
        del self._entries[:count]
        return position


def cut(entries: Sequence[Entry], max_events: int, max_bytes: int) -> list[Entry]:
    """The first of `entries`, at most so many events and bytes; one, if there is one, however long it is."""
    taken: list[Entry] = []
    size = 0
    for entry in entries[:max_events]:
        size += len(entry.item.text) if entry.item is not None else 0
        if taken and size > max_bytes:
            break
        taken.append(entry)
    return taken
