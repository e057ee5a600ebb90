"""The last events of an instance in etcd: numbered slots and an index, written as one.

The index says which events have been written, by boot and sequence: an event that comes twice is written once, also
when the answer to its first writing was lost.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ww.clients.errors import UnknownOutcome
from ww.clients.etcd import MAX_OPERATIONS
from ww.clients.etcd_wire import Put, Read, Unchanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.clients.etcd import Etcd
    from ww.clients.etcd_wire import Operation
    from ww.sinks.base import Item

FORMAT = 1
_BYTES = 1 << 19
"""A transaction holds so much, and at least one event."""
_BOOTS = 8
"""Of so many boots it is known what was written."""
_TRIES = 8


class Ring:
    """The slots KEY/0000 … and their index KEY; `size` events at most."""

    def __init__(self, client: Etcd, key: str, size: int) -> None:
        self._client = client
        self._key = key
        self._size = size
        self._known: int | None = None
        self._next = 0
        self._boots: dict[str, int] = {}
        self._other_size = False

    def add(self, items: Sequence[Item], deadline: float) -> Sequence[Item]:
        """Put what is new into the ring; what was there already. Raises ClientError."""
        old: list[Item] = []
        left = list(items)
        lost = False
        for _ in range(_TRIES + len(items)):
            if self._known is None:
                self._read(deadline)
            fresh = [item for item in left if item.seq > self._boots.get(item.boot, 0)]
            # What this very call has written is not told as a duplicate, even if it was told so late.
            old += [item for item in left if item not in fresh] if not lost else []
            left = fresh
            if not left:
                return old
            chunk = self._chunk(left)
            try:
                if self._write(chunk, deadline):
                    left = left[len(chunk) :]
                lost = False
            except UnknownOutcome:
                self._known = None
                lost = True
                if time.monotonic() >= deadline:
                    raise
        raise UnknownOutcome(f"{self._key}: others write it all the time")

    def _chunk(self, items: Sequence[Item]) -> Sequence[Item]:
        most = min(self._size, MAX_OPERATIONS - 2)
        size = 0
        for number, item in enumerate(items[:most]):
            size += len(item.text)
            if size > _BYTES and number:
                return items[:number]
        return items[:most]

    def _read(self, deadline: float) -> None:
        found = self._client.read(self._key, deadline)
        self._known = found[0].mod_revision if found else 0
        index = _index(found[0].value) if found else {}
        self._next = int(index.get("next", 0))
        self._boots = {str(boot): int(seq) for boot, seq in index.get("boots", {}).items()}
        self._other_size = bool(index) and index.get("size") != self._size

    def _write(self, chunk: Sequence[Item], deadline: float) -> bool:
        """One transaction; whether it was the one that wrote."""
        boots = dict(self._boots)
        for item in chunk:
            boots.pop(item.boot, None)
            boots[item.boot] = item.seq
        boots = dict(list(boots.items())[-_BOOTS:])
        # Slots of another size are in another order: the ring begins anew.
        first = 0 if self._other_size else self._next
        if self._other_size:
            self._client.delete(f"{self._key}/", deadline, prefix=True)
        index = {"format": FORMAT, "size": self._size, "next": first + len(chunk), "boots": boots}
        puts: list[Operation] = [
            Put(f"{self._key}/{(first + number) % self._size:04d}", item.text) for number, item in enumerate(chunk)
        ]
        puts.append(Put(self._key, json.dumps(index).encode()))
        answer = self._client.transaction([Unchanged(self._key, self._known or 0)], puts, [Read(self._key)], deadline)
        if not answer.succeeded:
            self._known = None
            return False
        self._known, self._next, self._boots, self._other_size = answer.revision, first + len(chunk), boots, False
        return True


def _index(value: bytes) -> dict[str, Any]:
    try:
        index = json.loads(value)
        if isinstance(index, dict) and index.get("format") == FORMAT and isinstance(index.get("boots"), dict):
            return index
    except ValueError:
        pass
    return {"boots": {}}
