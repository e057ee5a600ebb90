"""How long something took, without what the machine kept from everybody: a limit then holds on a busy one too."""

from __future__ import annotations

import threading
import time
from typing import Self

STEP_S = 0.005
USUAL_S = 0.002
"""By how much a sleeper is late on a machine that has nothing else to do."""


class Stopwatch:
    """Use it as a context, then read `spent_s`.

    A thread that asks for nothing but to be woken every few milliseconds shows for how long nobody was: what is measured
    was not either.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.took_s = 0.0
        """By the clock."""
        self.stalled_s = 0.0
        """What of it the machine kept."""

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._sampler.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.took_s = time.monotonic() - self._began
        self._over.set()
        self._sampler.join()

    @property
    def spent_s(self) -> float:
        """What is left for what was measured."""
        return self.took_s - self.stalled_s

    def _sample(self) -> None:
        while not self._over.is_set():
            before = time.monotonic()
            time.sleep(STEP_S)
            late = time.monotonic() - before - STEP_S
            if late > USUAL_S:
                self.stalled_s += late
