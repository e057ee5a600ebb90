"""How much of the journal the slowest sink has not taken, and how old it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ww.events.spool import Cursors, Position, Stored
    from ww.types import JsonObject

_ONE_EVENT_BYTES = 64 << 10


class _Source(Protocol):
    def read(self, max_events: int, max_bytes: int) -> list[Stored]:
        """Events behind the position."""

    def close(self) -> None:
        """Let go of the file."""


class SpoolFigures:
    """`source` reads the journal behind a position."""

    def __init__(self, source: Callable[[Position], _Source], cursors: Cursors) -> None:
        self._source = source
        self._cursors = cursors

    def figures(self, waiting: Mapping[str, int]) -> JsonObject:
        """`depth` in events, by `waiting`: how many each sink has not taken; `oldest_ms` is the age of the first."""
        slowest = max(waiting, key=lambda name: waiting[name])
        found: JsonObject = {"depth": waiting[slowest], "oldest_ms": 0}
        if waiting[slowest]:
            oldest = self._oldest(self._cursors.get(slowest))
            found["oldest_ms"] = 0 if oldest is None else max(0, int(time.time() * 1000) - oldest)
        return found

    def _oldest(self, after: Position) -> int | None:
        reader = self._source(after)
        try:
            events = reader.read(1, _ONE_EVENT_BYTES)
        except OSError:
            return None
        finally:
            reader.close()
        return events[0].event.wall_ms if events else None
