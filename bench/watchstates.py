"""PID 1 with a stop-watch: `watchstates.py NOTES PACKAGE LAUNCHER …` is `ww run` that notes how long each change of state took.

From the moment a state is to be recorded until its event is in the journal (and the reporter told of it), and until the
reporter has said that it is synced; the last counts from the reporter's first word on. Written as JSON when PID 1 ends.
"""

from __future__ import annotations

import os
import sys
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NOTES, PACKAGE = sys.argv[1:3]
sys.argv = sys.argv[3:]
LAUNCH = f"{PACKAGE}/launch.py"
scope: dict[str, Any] = {"__name__": "ww_launch", "__file__": LAUNCH}
with open(LAUNCH) as source:
    exec(compile(source.read(), LAUNCH, "exec"), scope)  # noqa: S102 - as the launcher does it
scope["_mount"](PACKAGE)

from ww.entrypoint import run  # noqa: E402
from ww.events.journal import Journal  # noqa: E402
from ww.instance.record import Recorder  # noqa: E402
from ww.instance.reporter import Reporter  # noqa: E402

ME = os.getpid()
state, append, heard, leave = Recorder.state, Journal.append, Reporter._heard, os._exit


class Watch:
    """Nanoseconds of each change."""

    began = 0
    hearing = False
    waiting: dict[int, int] = {}
    written: list[int] = []
    synced: list[int] = []


def timed_state(self: Recorder, *arguments: Any) -> None:
    Watch.began = monotonic_ns()
    state(self, *arguments)
    Watch.began = 0


def timed_append(self: Journal, kind: str, data: Any) -> Any:
    outcome = append(self, kind, data)
    if Watch.began and kind == "state":
        Watch.written.append(monotonic_ns() - Watch.began)
        if Watch.hearing:
            Watch.waiting[outcome.seq] = Watch.began
    return outcome


def timed_heard(self: Reporter, message: Any) -> None:
    now = monotonic_ns()
    if message.get("t") == "synced":
        Watch.hearing = True
        done = [seq for seq in Watch.waiting if seq <= message["seq"]]
        Watch.synced += [now - Watch.waiting.pop(seq) for seq in done]
    heard(self, message)


def timed_leave(code: int) -> Any:
    if os.getpid() == ME:
        texts = [",".join(f"{ns / 1e6:.4f}" for ns in values) for values in (Watch.written, Watch.synced)]
        with open(NOTES, "w") as file:
            file.write(f'{{"written": [{texts[0]}], "synced": [{texts[1]}], "unsynced": {len(Watch.waiting)}}}\n')
    leave(code)


for place, name, timed in (
    (Recorder, "state", timed_state),
    (Journal, "append", timed_append),
    (Reporter, "_heard", timed_heard),
    (os, "_exit", timed_leave),
):
    setattr(place, name, timed)
run(sys.argv[1:], dict(os.environ))
