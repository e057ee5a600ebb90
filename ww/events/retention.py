"""What goes when the journal is too large or too old. Decides only; the keeper does it."""

from __future__ import annotations

from ww.events.rewriting import KEEP_OF_HEALTH
from ww.events.segment import SEGMENT_BYTES
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from ww.events.shelf import Place

LIFECYCLE_AGES = 4
"""So many times as old as anything else may become what no sink has taken and is no health event."""

_IMPLAUSIBLE_MS = 20 * 365 * 86_400_000
"""So old is nothing: the clock was not set yet, as on a board without a battery, when the segment was written."""

DELETE = "delete"
THIN = "thin"
DROP = "drop"


class Limits(Value):
    """`ww.journal`: the most bytes of all segments together, and the most milliseconds since a segment was written."""

    __slots__ = ("max_age_ms", "max_bytes")

    def __init__(self, max_bytes: int, max_age_ms: int) -> None:
        self.max_bytes = max_bytes
        self.max_age_ms = max_age_ms


class Stock(Value):
    """A segment that is not written any more: its size, when it was written last (wall ms), and whether every sink is past it."""

    __slots__ = ("passed", "place", "size", "wall_ms")

    def __init__(self, place: Place, size: int, wall_ms: int, passed: bool) -> None:
        self.place = place
        self.size = size
        self.wall_ms = wall_ms
        self.passed = passed


class Step(Value):
    """`what` to do: delete what is delivered, thin its health (one event is kept of `keep_one_of`), or drop it undelivered."""

    __slots__ = ("keep_one_of", "stock", "what")

    def __init__(self, what: str, stock: Stock, keep_one_of: int = 0) -> None:
        self.what = what
        self.stock = stock
        self.keep_one_of = keep_one_of


def next_step(stocks: Sequence[Stock], limits: Limits, now_ms: int, thinned: Container[tuple[str, int]]) -> Step | None:
    """What to do next with `stocks`, oldest first; `thinned`: (path, keep_one_of) by which nothing is to be had any more."""
    # The segment that is being written counts as full, which it will be.
    excess = sum(stock.size for stock in stocks) + SEGMENT_BYTES - limits.max_bytes
    for stock in stocks:
        if stock.passed and (excess > 0 or _older(stock, now_ms, limits.max_age_ms)):
            return Step(DELETE, stock)
    waiting = [stock for stock in stocks if not stock.passed]
    for keep_one_of in KEEP_OF_HEALTH:
        for stock in waiting:
            wanted = excess > 0 or (not keep_one_of and _older(stock, now_ms, limits.max_age_ms))
            if wanted and (stock.place.path, keep_one_of) not in thinned:
                return Step(THIN, stock, keep_one_of)
    oldest = waiting[0] if waiting else None
    if oldest and (excess > 0 or _older(oldest, now_ms, LIFECYCLE_AGES * limits.max_age_ms)):
        return Step(DROP, oldest)
    return None


def _older(stock: Stock, now_ms: int, age_ms: int) -> bool:
    return age_ms < now_ms - stock.wall_ms < _IMPLAUSIBLE_MS
