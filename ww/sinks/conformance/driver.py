"""The reporter's delivery around a sink under examination, with short waits and a cursor that is written at once."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ww.events.spool import Cursors, Reader
from ww.events.wire import Boot
from ww.sinks.conformance.events import BOOT, INSTANCE, SERVICE
from ww.sinks.conformance.probe import NAME
from ww.sinks.delivery.deadletters import DeadLetters
from ww.sinks.delivery.options import DeliveryOptions
from ww.sinks.delivery.ports import Ports
from ww.sinks.delivery.thread import Delivery

if TYPE_CHECKING:
    from ww.events.position import Position
    from ww.sinks.base import Sink

_ROUND_S = 1.0
_LETTERS_BYTES = 1 << 20


class _Saved:
    """Cursors whose every change is on the disk before anything else happens: kills then tell the most."""

    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors

    def get(self, name: str) -> Position:
        return self._cursors.get(name)

    def set(self, name: str, position: Position) -> None:
        self._cursors.set(name, position)
        self._cursors.save(force=True)


def deliver_everything(sink: Sink, journal: str, max_events: int, limit: float) -> bool:
    """Until the journal is at its end; false if that is not so at `limit`, a value of time.monotonic()."""
    cursors = Cursors([journal])
    options = DeliveryOptions(
        name=NAME,
        type=NAME,
        max_events=max_events,
        wait_s=0.0,
        timeout_s=2.0,
        first_s=0.05,
        max_s=0.2,
        breaker_open_s=0.2,
    )
    ports = Ports(
        source=Reader([journal], cursors.get(NAME)),
        bookmarks=_Saved(cursors),
        letters=DeadLetters(journal, NAME, _LETTERS_BYTES, _say),
        present=Boot(SERVICE, INSTANCE, BOOT),
        say=_say,
    )
    delivery = Delivery(sink, options, ports)
    delivery.start()
    try:
        while time.monotonic() < limit:
            # A flush that is under way hurries; what has to wait for its receiver waits in between.
            if delivery.flush(time.monotonic() + _ROUND_S) == 0:
                return True
        return False
    finally:
        delivery.stop(time.monotonic() + _ROUND_S)


def _say(level: str, words: str) -> None:
    print(f"{level}: {words}", file=sys.stderr, flush=True)
