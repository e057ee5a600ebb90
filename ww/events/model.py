"""One immutable fact about an instance."""

from __future__ import annotations

from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.types import JsonObject

STATE = "state"
HEALTH = "health"
GAP = "gap"
INTERNAL_ERROR = "internal_error"
NOTICE = "notice"
"""What changed no state and an operator should know: a service that stays down, maintenance, a reload; `data.about` says which."""
JOURNAL = "journal"
"""The journal has moved to another place; `data` says where and why."""


class Event(Value):
    """`seq` counts from 1 in each boot without holes; `wall_ms` is for stamps, `mono_ms` for durations of one boot."""

    __slots__ = ("data", "kind", "mono_ms", "seq", "wall_ms")

    def __init__(self, seq: int, kind: str, wall_ms: int, mono_ms: int, data: JsonObject) -> None:
        self.seq = seq
        self.kind = kind
        self.wall_ms = wall_ms
        self.mono_ms = mono_ms
        self.data = data
