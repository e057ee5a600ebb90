"""A configured sink that cannot be made: nothing is delivered to it, and what waits for it is counted all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ww.events.position import Position
    from ww.types import JsonObject


class Unmade:
    """`words` say why there is no such sink; `cursor` is how far it had come, `boot` the one that is running."""

    def __init__(self, name: str, type_name: str, words: str, cursor: Position, boot: str) -> None:
        self.name = name
        self._type = type_name
        self._words = words
        self._cursor = cursor
        self._boot = boot
        self._newest = 0

    def wake(self, seq: int) -> None:
        """PID 1 has written up to `seq`."""
        self._newest = max(self._newest, seq)

    @property
    def depth(self) -> int:
        """Events of the running boot that wait for it."""
        return max(0, self._newest - (self._cursor.seq if self._cursor.boot == self._boot else 0))

    def stats(self) -> JsonObject:
        """How it stands, as JSON (docs/sinks.md, "How a sink stands")."""
        return {"type": self._type, "state": "unusable", "depth": self.depth, "last_error": self._words}
