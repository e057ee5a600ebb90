"""A process with a sink and the delivery engine in it, for the kit to kill: `python -m ww.sinks.conformance.child`.

Reads what to do as JSON from its standard input, so that no secret stands among its arguments. Writes one line per call
to its standard output: `begin N` before the sink is called, `end N KEYS` with what it accepted, `done` at the end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from ww.sinks.base import Accepted, Sink
from ww.sinks.conformance.bench import load
from ww.sinks.conformance.driver import deliver_everything
from ww.sinks.conformance.probe import context_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.sinks.base import Answer, Item


_HOLD_S = 20.0
_LOOK_S = 0.01


class Told(Sink):
    """Tells of every call, and may be the end of the process after one: before anybody has heard of the answers."""

    def __init__(self, inner: Sink, die_after: int, hold: str, out: int) -> None:
        self._inner = inner
        self._die_after = die_after
        self._hold = hold
        self._out = out
        self._calls = 0

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """The inner sink's answers, unless this was the last call."""
        self._calls += 1
        self._say(f"begin {self._calls}")
        answers = self._inner.deliver(batch, deadline)
        keys = [
            [item.boot, item.seq] for item, answer in zip(batch, answers, strict=False) if isinstance(answer, Accepted)
        ]
        self._say(f"end {self._calls} {json.dumps(keys)}")
        if keys and self._hold:
            self._wait()
        if self._calls == self._die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return answers

    def _wait(self) -> None:
        """Behind the first call that achieved something: until the kit has changed the receiver and made a file."""
        until = time.monotonic() + _HOLD_S
        while not os.path.exists(self._hold) and time.monotonic() < until:
            time.sleep(_LOOK_S)
        self._hold = ""

    def close(self, deadline: float) -> None:
        """The end of the inner one."""
        self._inner.close(deadline)

    def _say(self, line: str) -> None:
        os.write(self._out, f"{line}\n".encode())


def main() -> int:
    """Deliver the journal; 0 once all of it is done with, 1 if not in time."""
    task: dict[str, Any] = json.load(sys.stdin)
    # What the sink prints must not stand between our lines.
    out = os.dup(1)
    os.dup2(2, 1)
    bench = load(task["bench"])
    inner = bench.type.make(task["settings"], context_of(task["secrets"], _nothing, _log))
    sink = Told(inner, task["die_after"], task["hold"], out)
    done = deliver_everything(sink, task["journal"], task["max_events"], time.monotonic() + task["limit_s"])
    os.write(out, b"done\n" if done else b"late\n")
    return 0 if done else 1


def _log(line: str) -> None:
    print(line, file=sys.stderr)


def _nothing(advice: object) -> None:
    """Advice is not part of what is examined here."""


if __name__ == "__main__":
    sys.exit(main())
