"""Time as a test may bound it on a machine that is busy with something else."""

from __future__ import annotations

import math
import threading
import time
from typing import Self

TICK_S = 0.005
STALL_S = 0.002
"""By how much a sleeper is late on a machine that has nothing else to do."""


class Stopwatch:
    """The seconds of a block, without those in which the machine let nobody of this process go on.

    A thread beside is due every few milliseconds. What it comes late is no time of ours, but for what this process itself
    has computed meanwhile.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self.stalled_s = 0.0
        """What of it the machine kept."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._ended = math.inf
        self.seconds = 0.0
        self.elapsed_s = 0.0
        """All of them, for what must not be over too early."""

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended = time.monotonic()
        self._over.set()
        self._thread.join()
        self.elapsed_s = self._ended - self._began
        self.seconds = self.elapsed_s - self.stalled_s

    def _watch(self) -> None:
        before, computed = self._began, time.process_time()
        over = False
        while not over:
            over = self._over.wait(TICK_S)
            now, used = min(time.monotonic(), self._ended), time.process_time()
            late = now - before - TICK_S - (used - computed)
            if late > STALL_S:
                self.stalled_s += late
            before, computed = now, used
