"""Where an event stands among all that a journal holds."""

from __future__ import annotations

from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.events.model import Event


class Position(Value):
    """Everything up to and including `seq` of this boot, and all of the boots before it."""

    __slots__ = ("boot", "boot_no", "seq")

    def __init__(self, boot_no: int, boot: str, seq: int) -> None:
        self.boot_no = boot_no
        self.boot = boot
        self.seq = seq


START = Position(0, "", 0)
"""Before everything."""


class Stored(Value):
    """One event of a journal, and `where` it was read: a path and an offset in bytes."""

    __slots__ = ("boot", "boot_no", "event", "where")

    def __init__(self, boot_no: int, boot: str, event: Event, where: tuple[str, int]) -> None:
        self.boot_no = boot_no
        self.boot = boot
        self.event = event
        self.where = where

    @property
    def position(self) -> Position:
        """Where the reader stands once this one is done."""
        return Position(self.boot_no, self.boot, self.event.seq)
