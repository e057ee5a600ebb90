"""How long to wait after a failure: full jitter under a bound that doubles, or what the receiver asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_ASKED_S = 900.0
"""What a receiver may ask for (Retry-After) at once; it is asked again then, and may say so again."""


class Backoff:
    """Delays of one sink: each random between 0 and a bound that grows from `first_s` to `max_s`.

    `chance` is a number from 0 up to 1, so that a thousand instances whose receiver came back do not ask it all at once.
    """

    def __init__(self, first_s: float, max_s: float, chance: Callable[[], float]) -> None:
        self._first_s = first_s
        self._max_s = max(first_s, max_s)
        self._chance = chance
        self._bound_s = first_s

    def delay_s(self, asked_s: float | None = None) -> float:
        """Seconds until the next try. Never less than what the receiver asked for, up to LONGEST_ASKED_S."""
        bound, self._bound_s = self._bound_s, min(self._bound_s * 2, self._max_s)
        jitter = self._chance() * bound
        if asked_s is None:
            return jitter
        return min(asked_s, LONGEST_ASKED_S) + self._chance() * min(bound, self._first_s)

    def reset(self) -> None:
        """It works again."""
        self._bound_s = self._first_s


def asked(seconds: object) -> float | None:
    """What a sink says that its receiver asked for, if it is a time; None for anything else."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return float(seconds) if math.isfinite(seconds) and seconds >= 0 else None
