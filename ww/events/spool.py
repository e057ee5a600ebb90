"""The spool: what the reporter and the tools do with a journal; PID 1 never reads one (runtime.md 17).

`Reader` follows the events across segments, boots and directories, `Cursors` remembers how far each sink has come, and
`Keeper` syncs, bounds and repairs. What a record is stands in `records`.
"""

from __future__ import annotations

from ww.events.cursors import Cursors
from ww.events.keeper import Keeper, Ports
from ww.events.position import START, Position, Stored
from ww.events.reader import Reader
from ww.events.records import Segment, parse_event, read_journal, read_segment, read_segments
from ww.events.retention import Limits
from ww.events.shelf import Place, Shelf

__all__ = [
    "START",
    "Cursors",
    "Keeper",
    "Limits",
    "Place",
    "Ports",
    "Position",
    "Reader",
    "Segment",
    "Shelf",
    "Stored",
    "parse_event",
    "read_journal",
    "read_segment",
    "read_segments",
]
