"""What became of the events of one sink so far: for `ww status`, `ww spool`, the metrics and the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ww.types import JsonObject


@dataclass(slots=True)
class Counts:
    """Since the reporter began. Written by the sink's thread only."""

    delivered: int = 0
    """Events that the receiver has."""
    duplicates: int = 0
    """Those of them that it had already."""
    retried: int = 0
    """Answers that said: not now."""
    rejected: int = 0
    """Events that the receiver will never take; they are in the dead-letter folder."""
    calls: int = 0
    failures: int = 0
    """Calls that achieved nothing."""
    faults: int = 0
    """Calls by which the sink itself broke its contract."""
    late: int = 0
    """Calls that came back after their deadline."""
    bytes: int = 0
    """Bytes of the events handed to the sink, those sent again included."""
    resent: int = 0
    """Events that the receiver asked for again."""

    def record(self) -> JsonObject:
        """As JSON."""
        return dict(asdict(self))
