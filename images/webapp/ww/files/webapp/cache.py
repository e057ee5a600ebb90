"""Lists of notes in memory, for as long as nothing is written."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Cache:
    """At most `entries` results, the least used go first; may be used from any thread."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._results: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()
        self._generation = 0
        self.hits = 0
        self.misses = 0

    def get(self, key: Hashable, make: Callable[[], object]) -> tuple[object, bool]:
        """The result for `key`, by `make()` if there is none, and whether there was one."""
        with self._lock:
            if key in self._results:
                self.hits += 1
                self._results.move_to_end(key)
                return self._results[key], True
            self.misses += 1
            generation = self._generation
        result = make()
        with self._lock:
            # What was read before a note was written may lack it.
            if generation == self._generation and self._entries:
                self._results[key] = result
                if len(self._results) > self._entries:
                    self._results.popitem(last=False)
        return result, False

    def forget(self) -> None:
        """A note was written: nothing here is true any more."""
        with self._lock:
            self._generation += 1
            self._results.clear()

    def __len__(self) -> int:
        return len(self._results)
