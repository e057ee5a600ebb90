"""What delivery needs of the rest of the reporter, by form only: tests give it twins, the reporter the real things."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ww.events.position import Position, Stored
    from ww.events.wire import Boot
    from ww.sinks.base import Advice, Item
    from ww.types import Json


class Source(Protocol):
    """Reads the journal for one sink (`ww.events.spool.Reader`)."""

    def read(self, max_events: int, max_bytes: int) -> list[Stored]:
        """What follows, in order; nothing if there is nothing yet."""

    def fetch(self, boot: str, first: int, last: int) -> list[Stored]:
        """Those of `first` to `last` of a boot that are still there."""


class Bookmarks(Protocol):
    """Remembers how far each sink has come (`ww.events.spool.Cursors`)."""

    def get(self, name: str) -> Position:
        """Everything up to it is done."""

    def set(self, name: str, position: Position) -> None:
        """Everything up to `position` is done."""


class Letters(Protocol):
    """Keeps what a receiver refuses for good (`ww.sinks.delivery.deadletters.DeadLetters`)."""

    def put(self, item: Item, reason: str) -> None:
        """Keep it; never raises for what the disk does."""


_MOST_ADVICE = 100


def _nothing(*_: object) -> None:
    """Where nobody listens."""


def _as_it_is(text: str) -> str:
    return text


class AdviceBox:
    """Holds what a sink passes on of its receiver's wishes until its engine looks. Safe from any thread."""

    def __init__(self) -> None:
        self._held: list[Advice] = []

    def put(self, advice: Advice) -> None:
        """For `Context.advise`."""
        if len(self._held) < _MOST_ADVICE:
            self._held.append(advice)

    def take(self) -> list[Advice]:
        """What was put since the last time, in order."""
        taken = []
        while self._held:
            taken.append(self._held.pop(0))
        return taken


@dataclass(frozen=True, slots=True)
class Ports:
    """The surroundings of one delivery; each is called from its own thread only, but for `say`, `mask` and `declare`."""

    source: Source
    bookmarks: Bookmarks
    letters: Letters
    present: Boot
    """The boot that is running: whose are events of which nothing else is known."""
    say: Callable[[str, str], None] = _nothing
    """One line to the container log: its level (`info`, `warn`, `error`) and words."""
    mask: Callable[[str], str] = _as_it_is
    """A text without the secrets that are known."""
    declare: Callable[[Mapping[str, Json]], None] = _nothing
    """Has a gap event journalled by PID 1, which gives it its number."""
    reached: Callable[[str, bool, str], None] = _nothing
    """Whether a required sink, by name, was reached, and why not."""
    advised: AdviceBox = field(default_factory=AdviceBox)
