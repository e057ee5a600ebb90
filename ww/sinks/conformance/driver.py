"""Delivers a journal through one sink, with cursor and retries."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ww.events.wire import Boot, Wire
from ww.sinks.base import RetryAfter
from ww.sinks.conformance.events import BOOT, INSTANCE, SERVICE, item_of
from ww.sinks.conformance.probe import NAME

if TYPE_CHECKING:
    from ww.events.spool import Cursors, Reader, Stored
    from ww.sinks.base import Item, Sink

CALL_S = 2.0
PAUSE_S = 0.05


def deliver_everything(sink: Sink, reader: Reader, cursors: Cursors, max_events: int, limit: float) -> bool:
    """Until the journal is at its end; false if that is not so at `limit`, a value of time.monotonic()."""
    while batch := reader.read(max_events, 1 << 20):
        left = [_item(stored) for stored in batch]
        while left:
            if time.monotonic() > limit:
                return False
            left = _once(sink, left)
            if left:
                time.sleep(PAUSE_S)
        cursors.set(NAME, batch[-1].position)
        cursors.save(force=True)
    return True


def _once(sink: Sink, items: list[Item]) -> list[Item]:
    try:
        answers = list(sink.deliver(items, time.monotonic() + CALL_S))
    except Exception as error:  # noqa: BLE001 - whatever a stranger's code raises means: not delivered
        print(f"deliver raised {type(error).__name__}: {error}", file=sys.stderr)
        return items
    if len(answers) != len(items):
        return items
    return [item for item, answer in zip(items, answers, strict=True) if isinstance(answer, RetryAfter)]


def _item(stored: Stored) -> Item:
    wire = Wire(Boot(SERVICE, INSTANCE, stored.boot))
    return item_of(wire, stored.boot, stored.event, current=stored.boot == BOOT)
