"""The sink `stdout`: one line of JSON per event to the container log, by way of the reporter's standard output."""

from __future__ import annotations

import os
import select
import threading
import time
from typing import TYPE_CHECKING

from ww.config.sinktypes import own_schema
from ww.sinks.base import Accepted, Guarantee, RetryAfter, Sink, SinkType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.sinks.base import Answer, Context, Item
    from ww.types import Json

_STDOUT = 1
_FULL = "the container log takes nothing now"
_ONE_AT_A_TIME = threading.Lock()
"""Two sinks of this type share one descriptor."""


class Stdout(Sink):
    """Writes to the descriptor `fd`. A line that was begun is ended before anything else is written."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """An event is accepted once its line is in the pipe, or begun."""
        answers: list[Answer] = []
        with _ONE_AT_A_TIME:
            ready = self._drain(deadline)
            for item in batch if ready else ():
                line = self._rest = item.text + b"\n"
                ready = self._drain(deadline)
                if self._rest == line:
                    self._rest = b""
                    break
                answers.append(Accepted())
                if not ready:
                    break
        return [*answers, *[RetryAfter(reason=_FULL)] * (len(batch) - len(answers))]

    def _drain(self, deadline: float) -> bool:
        """Write what is left; False if the deadline came first."""
        while self._rest:
            left = deadline - time.monotonic()
            _, writable, _ = select.select((), (self._fd,), (), max(0.0, left))
            if not writable:
                return False
            # A pipe that is writable takes so much at once without making anyone wait.
            written = os.write(self._fd, self._rest[: select.PIPE_BUF])
            self._rest = self._rest[written:]
        return True


def make(settings: Mapping[str, Json], context: Context) -> Sink:  # noqa: ARG001
    """The sink of the reporter's own standard output."""
    return Stdout(_STDOUT)


TYPE = SinkType(
    name="stdout",
    guarantee=Guarantee.BEST_EFFORT,
    schema=own_schema("stdout"),
    make=make,
    summary="one line of JSON per event in the container log",
)
