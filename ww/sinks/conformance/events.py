"""Events for a sink under examination: written to a real journal, read from it, and made into what every sink sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.clock import Clock
from ww.events.journal import Journal
from ww.events.spool import read_journal
from ww.events.wire import Boot, Wire
from ww.sinks.base import Item, Origin

if TYPE_CHECKING:
    from ww.events.model import Event
    from ww.types import JsonObject

SERVICE, INSTANCE = "conformance", "kit-1"
BOOT = "5eed0000000000000000000000000002"
EARLIER_BOOT = "5eed0000000000000000000000000001"
STATES = ("BOOT", "WARMUP", "UP", "RESTARTING")
EVERY = 3
"""Each third event is of a state, the others are of health."""
ORIGIN = Origin(SERVICE, INSTANCE, BOOT, {"kit": "yes"})
_MAX_BYTES = 1 << 26


def journal(directory: str, boot: str = BOOT, boot_no: int = 2) -> Journal:
    """A journal of that boot in `directory`."""
    return Journal(directory, boot_no, boot, Clock(), max_bytes=_MAX_BYTES, reserve_bytes=0)


def fill(into: Journal, count: int, first: int = 1) -> None:
    """Append `count` events: states, and health in between."""
    for number in range(first, first + count):
        if number % EVERY == 1:
            into.append("state", _state(number))
        else:
            into.append("health", {"healthy": True, "requests": number, "load": 0.25, "words": "grüße ✓"})


def _state(number: int) -> JsonObject:
    state = STATES[number // EVERY % len(STATES)]
    labels: JsonObject = {"kit": "yes"}
    return {"service": SERVICE, "instance": INSTANCE, "state": state, "previous": None, "labels": labels, "boot_no": 2}


def odd(into: Journal) -> None:
    """Append events such as a careless monitor makes: long, deep, with what some stores cannot keep."""
    deep: JsonObject = {"level": 0}
    for level in range(1, 30):
        deep = {"level": level, "in": deep}
    fill(into, 1)
    into.append("health", {"long": "x" * 60_000})
    into.append("health", {"nul": "before\0after", "controls": "\x01\x1f\x7f"})
    into.append("health", {"numbers": [2**53 + 1, -(2**63), 1e300, 1e-300, 0.1], "empty": {}, "": ""})
    into.append("health", {"words": "'; DROP TABLE x; -- \\ \" \r\n\t ☃ 🐳", "deep": deep})
    fill(into, 3, first=7)


def items(directory: str, boot: str = BOOT) -> list[Item]:
    """What is in the journal of that boot, as sinks see it."""
    wire = Wire(Boot(SERVICE, INSTANCE, boot))
    return [item_of(wire, boot, event, current=boot == BOOT) for event in read_journal(directory)]


def item_of(wire: Wire, boot: str, event: Event, *, current: bool) -> Item:
    """One event as a sink sees it."""
    made = wire.wired(event)
    return Item(boot, event.seq, made.kind, made.event, made.text, current)
