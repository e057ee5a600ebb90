"""A plugin's sink, imported and made at its first call: in its own thread, where it delays no other sink.

What it costs to import somebody's package nobody knows, nor whether it ever comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.config.sinktypes import Unusable
from ww.sinks.base import RetryAfter, Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.sinks.base import Answer, Item

AGAIN_S = 60.0
"""One that cannot be made is tried again so often: what it misses may be there by then."""


class LateSink(Sink):
    """Stands for what `make` gives."""

    def __init__(self, make: Callable[[], Sink | Unusable]) -> None:
        self._make = make
        self._made: Sink | None = None

    @property
    def idle_s(self) -> float | None:  # type: ignore[override]
        """That of the sink."""
        return self._made.idle_s if self._made is not None else None

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """By the sink."""
        sink = self._sink()
        if isinstance(sink, Unusable):
            return [RetryAfter(AGAIN_S, sink.words)] * len(batch)
        return sink.deliver(batch, deadline)

    def reach(self, deadline: float) -> str:
        """By the sink; why there is none."""
        sink = self._sink()
        return sink.words if isinstance(sink, Unusable) else sink.reach(deadline)

    def idle(self, deadline: float) -> None:
        """By the sink."""
        if self._made is not None:
            self._made.idle(deadline)

    def close(self, deadline: float) -> None:
        """By the sink."""
        if self._made is not None:
            self._made.close(deadline)

    def _sink(self) -> Sink | Unusable:
        if self._made is None:
            made = self._make()
            if isinstance(made, Unusable):
                return made
            self._made = made
        return self._made
