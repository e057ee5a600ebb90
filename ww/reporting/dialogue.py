"""What PID 1 says, and what is done about it."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

from ww.reporting import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.reporting.line import Line
    from ww.types import JsonObject

LOOK_S = 1.0
"""How old what PID 1 knows of the sinks may be."""
_CHANGING = ("retry_in_s", "failing_for_s")


class Work(Protocol):
    """What a reporter does besides talking to PID 1; made by the wiring module."""

    def start(self) -> None:
        """Begin to deliver."""

    def wake(self, seq: int) -> None:
        """There are events up to `seq` of the running boot."""

    def urge(self, sink: str) -> None:
        """Somebody waits for what is left for this sink: no back-off holds it up now."""

    def stats(self) -> JsonObject:
        """What to tell of each sink, by name."""

    def spool(self) -> JsonObject:
        """How much waits to be delivered."""

    def finish(self, deadline: float) -> int:
        """Deliver until `deadline` (`time.monotonic()`) and end everything; how many events are left."""


class Dialogue:
    """Answers PID 1 at once, whatever the others do; `make` builds the work, and may wait as long as it likes."""

    def __init__(self, line: Line, make: Callable[[], Work]) -> None:
        self._line = line
        self._make = make
        self._work: Work | None = None
        self._ready = threading.Event()
        self._seq = 0
        self.state: JsonObject = {}
        """What PID 1 said last of the instance's state."""
        self.over = False
        """Whether the last word was said."""

    def start(self) -> None:
        """Begin the work beside the line."""
        threading.Thread(target=self._begin, name="begin", daemon=True).start()

    def heard(self, message: JsonObject) -> None:
        """One message of PID 1; what a newer one may say besides is passed over."""
        match message["t"]:
            case "position":
                self._wake(message)
            case "state":
                self.state = message
                self._wake(message)
            case "ping":
                self._line.send({"t": "pong", "n": message["n"]})
            case "drain":
                self._urge(str(message["sink"]))
            case "flush":
                self._wake(message)
                within_s = float(str(message["within_ms"])) / 1000
                process.end_within(within_s)
                self.finish(time.monotonic() + within_s)

    def stats(self) -> JsonObject:
        """How each sink stands, as soon as there are any."""
        return self._work.stats() if self._work is not None else {}

    def spool(self) -> JsonObject:
        """How much waits to be delivered, as soon as that is known."""
        return self._work.spool() if self._work is not None else {}

    def finish(self, deadline: float) -> None:
        """Deliver what can be delivered until `deadline`, and say what is left."""
        left = None
        if self._ready.wait(max(0.0, deadline - time.monotonic())) and self._work is not None:
            left = self._work.finish(deadline)
        self._line.send({"t": "flushed", "left": left})
        self.over = True

    def _wake(self, message: JsonObject) -> None:
        seq = message.get("seq")
        self._seq = max(self._seq, seq) if isinstance(seq, int) else self._seq
        if self._work is not None:
            self._work.wake(self._seq)

    def _urge(self, sink: str) -> None:
        if self._work is not None:
            self._work.urge(sink)

    def _begin(self) -> None:
        try:
            work = self._make()
            work.start()
        except BaseException as error:  # noqa: BLE001 - one that cannot work ends, so that PID 1 starts another
            process.say("error", f"the reporter cannot begin: {type(error).__name__}: {error}")
            os._exit(1)
        self._work = work
        self._ready.set()
        work.wake(self._seq)
        self._tell(work)

    def _tell(self, work: Work) -> None:
        """Say how the sinks stand whenever that has changed; nobody is woken by what stays as it is."""
        told: object = None
        while not self.over:
            stats = work.stats()
            if _lasting(stats) != told:
                told = _lasting(stats)
                self._line.send({"t": "stats", "sinks": stats})
            time.sleep(LOOK_S)


def _lasting(stats: JsonObject) -> object:
    """The figures without those that change by themselves."""
    kept = {name: dict(figures) for name, figures in stats.items() if isinstance(figures, dict)}
    for figures in kept.values():
        for name in _CHANGING:
            figures.pop(name, None)
    return kept
