"""Time as a test may bound it on a machine that is busy with something else."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Self

TICK_S = 0.005
STALL_S = 0.02
"""From here on a tick was kept waiting. It is long against the tick: who is merely late with each of them loses nothing
that could be left out, as a timer ends no later for them; left out, they would hide more than half of all time."""


class Stopwatch:
    """The seconds of a block, without those in which the machine let nobody of this process go on.

    A thread beside is due every few milliseconds. If it comes late by more than `STALL_S`, that is no time of ours, but for
    what this process itself has computed meanwhile. It cannot see: whether others than this process ran in a stall (a child
    that takes all processors, what is tested perhaps, keeps this process waiting like anybody else: bound its processor
    time besides); a call that waits and keeps Python's lock meanwhile; that a process beside was held up alone; and
    stalls shorter than that, which all count as time.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        process_time: Callable[[], float] = time.process_time,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._process_time = process_time
        self._over = threading.Event()
        self._wait = wait if wait is not None else self._over.wait
        """Returns after the seconds, or with true when the block is over."""
        self.stalled_s = 0.0
        """What of it the machine kept."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._ended = math.inf
        self.seconds = 0.0
        self.elapsed_s = 0.0
        """All of them, for what must not be over too early."""

    def __enter__(self) -> Self:
        self._began, self._computed = self._monotonic(), self._process_time()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended = self._monotonic()
        self._over.set()
        self._thread.join()
        self.elapsed_s = self._ended - self._began
        self.seconds = self.elapsed_s - self.stalled_s

    def _watch(self) -> None:
        before, computed = self._began, self._computed
        over = False
        while not over:
            over = self._wait(TICK_S)
            now, used = min(self._monotonic(), self._ended), self._process_time()
            late = now - before - TICK_S - (used - computed)
            if late > STALL_S:
                self.stalled_s += late
            before, computed = now, used
