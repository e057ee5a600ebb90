"""What is read of the journal for one sink: the batch that waits, how long it waits for company, and the cursor behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.events import model
from ww.sinks.delivery.batch import Batch, Entry
from ww.sinks.delivery.items import Items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.events.position import Stored
    from ww.sinks.delivery.options import DeliveryOptions
    from ww.sinks.delivery.ports import Ports

NEVER = float("inf")


class Backlog:
    """Reads when nothing waits any more, so that memory holds one batch; what a sink does not want is passed over here.

    `max_events` and `max_bytes` bound a batch; health that is alone waits `interval_s` for company where that is not 0.
    """

    def __init__(self, options: DeliveryOptions, ports: Ports) -> None:
        self._options = options
        self._ports = ports
        self._items = Items(ports.present, ports.source.fetch)
        self._since = NEVER
        """Since when the batch waits for company; NEVER: it does not, or not any more."""
        self.batch = Batch()
        self.max_events = options.max_events
        self.max_bytes = options.max_bytes
        self.interval_s = 0.0
        self.cursor = ports.bookmarks.get(options.name)

    def entries(self, stored: Sequence[Stored]) -> list[Entry]:
        """Events on their way; those of kinds that are not wanted are done as they are."""
        made = []
        for one in stored:
            item = self._items.item(one)
            made.append(Entry(one.position, item if item.kind in self._options.kinds else None))
        return made

    def fill(self, now: float) -> None:
        """Read what there is room for. Raises OSError."""
        if self._since == NEVER and self.batch.waiting():
            return  # it is being worked
        while len(self.batch) < self.max_events and self.batch.size < self.max_bytes:
            stored = self._ports.source.read(self.max_events - len(self.batch), self.max_bytes - self.batch.size)
            if not stored:
                return
            self.batch.add(self.entries(stored))
            self.follow()
            if self._since == NEVER and self.batch.waiting():
                self._since = now

    def patience_s(self, now: float, limit: int) -> float:
        """Seconds that the batch may still wait for company, full with `limit` events; NEVER while there is none to wait."""
        waiting = self.batch.waiting()
        if not waiting:
            return NEVER
        if len(waiting) >= limit or self.batch.size >= self.max_bytes or self._since == NEVER:
            return 0.0
        health_only = all(entry.item is not None and entry.item.kind == model.HEALTH for entry in waiting)
        patience = self.interval_s if self.interval_s and health_only else self._options.wait_s
        return max(0.0, self._since + patience - now)

    def begin(self) -> Batch:
        """The batch, which waits for nothing any more."""
        self._since = NEVER
        return self.batch

    def follow(self) -> None:
        """Let the cursor follow what is finished at the beginning of the batch."""
        position = self.batch.passed()
        if position is not None:
            self.cursor = position
            self._ports.bookmarks.set(self._options.name, position)
