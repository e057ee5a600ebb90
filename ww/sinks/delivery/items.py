"""Items of journalled events: the CloudEvent of each, with the identity of the boot that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.events.wire import Boot, Wire, told_by
from ww.sinks.base import Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.events.position import Stored

_KNOWN_BOOTS = 64
_LOOKED_AT = 16
"""How many events of a boot are read to find out whose it was."""


class Items:
    """Makes items of what one reader gives; confined to its thread.

    Whose an earlier boot was is told by its own first state event, wherever the reader stands, so that an event sent
    again after a restart of the reporter is the same to the byte; where it tells nothing, the present identity stands.
    """

    def __init__(self, present: Boot, fetch: Callable[[str, int, int], list[Stored]]) -> None:
        self._present = present
        self._fetch = fetch
        self._wires: dict[str, Wire] = {}

    def item(self, stored: Stored) -> Item:
        """The item of one event."""
        wire = self._wires.get(stored.boot)
        if wire is None:
            if len(self._wires) >= _KNOWN_BOOTS:
                self._wires.clear()
            wire = self._wires[stored.boot] = Wire(self._whose(stored))
        made = wire.wired(stored.event)
        return Item(
            stored.boot,
            stored.event.seq,
            made.kind,
            made.event,
            made.text,
            current=stored.boot == self._present.boot,
        )

    def _whose(self, stored: Stored) -> Boot:
        present = Boot(self._present.service, self._present.instance, stored.boot)
        if stored.boot == self._present.boot:
            return present
        for earlier in self._fetch(stored.boot, 1, _LOOKED_AT):
            told = told_by(earlier.event, stored.boot)
            if told is not None:
                return told
        return told_by(stored.event, stored.boot) or present
