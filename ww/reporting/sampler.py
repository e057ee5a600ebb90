"""The thread that measures: a disk that hangs holds up neither the line nor a sink."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.reporting.known import Known
    from ww.types import JsonObject

REST = 20
"""How many times as long as a sample took of the processor nothing is measured after it."""


class Sampler:
    """Calls `measure` after each `wake`, remembers it in `known`, and hands it to `send`.

    What nobody expected of a kernel ends neither the thread nor the reporter: it is said once, and tried again.
    """

    def __init__(
        self,
        measure: Callable[[], JsonObject],
        known: Known,
        send: Callable[[JsonObject], object],
        say: Callable[[str], None],
    ) -> None:
        self._say = say
        self._said = ""
        self._measure = measure
        self._known = known
        self._send = send
        self._wake = threading.Event()
        self._not_before = 0.0

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="sampler", daemon=True).start()

    def wake(self) -> None:
        """PID 1 would like to know."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if time.monotonic() < self._not_before:
                continue
            before = time.thread_time()
            data = self._look()
            self._not_before = time.monotonic() + REST * (time.thread_time() - before)
            if data:
                self._known.sample = dict(data)
                self._send({"t": "sample", "data": data})

    def _look(self) -> JsonObject:
        try:
            return self._measure()
        except Exception as error:  # noqa: BLE001
            words = f"cannot measure the instance: {type(error).__name__}: {error}"
            if words != self._said:
                self._said = words
                self._say(words)
            return {}
