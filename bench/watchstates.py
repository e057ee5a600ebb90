"""PID 1 with a stop-watch: `watchstates.py NOTES PACKAGE LAUNCHER …` is `ww run` that notes how long each change of state took.

From the moment a state is to be recorded until its event is in the journal (and the reporter told of it), and until the
reporter has said that it is synced; the last counts from the reporter's first word on. Written as JSON when PID 1 ends.
"""

from __future__ import annotations

import os
import sys
from time import monotonic_ns

NOTES, PACKAGE = sys.argv[1:3]
sys.argv = sys.argv[3:]
scope = {"__name__": "ww_launch", "__file__": f"{PACKAGE}/launch.py"}
with open(f"{PACKAGE}/launch.py") as source:
    exec(compile(source.read(), f"{PACKAGE}/launch.py", "exec"), scope)
scope["_mount"](PACKAGE)  # type: ignore[operator]

from ww.entrypoint import run
from ww.events.journal import Journal
from ww.instance.record import Recorder
from ww.instance.reporter import Reporter

ME = os.getpid()
state, append, heard, leave = Recorder.state, Journal.append, Reporter._heard, os._exit
began = 0
waiting = {}  # type: ignore[var-annotated]
written, synced = [], []  # type: ignore[var-annotated]
hearing = False


def timed_state(self, *arguments):  # type: ignore[no-untyped-def]
    global began
    began = monotonic_ns()
    state(self, *arguments)
    began = 0


def timed_append(self, kind, data):  # type: ignore[no-untyped-def]
    outcome = append(self, kind, data)
    if began and kind == "state":
        written.append(monotonic_ns() - began)
        if hearing:
            waiting[outcome.seq] = began
    return outcome


def timed_heard(self, message):  # type: ignore[no-untyped-def]
    global hearing
    now = monotonic_ns()
    if message.get("t") == "synced":
        hearing = True
        for seq in [seq for seq in waiting if seq <= message["seq"]]:
            synced.append(now - waiting.pop(seq))
    heard(self, message)


def timed_leave(code):  # type: ignore[no-untyped-def]
    if os.getpid() == ME:
        with open(NOTES, "w") as file:
            texts = [",".join(f"{ns / 1e6:.4f}" for ns in values) for values in (written, synced)]
            file.write(f'{{"written": [{texts[0]}], "synced": [{texts[1]}], "unsynced": {len(waiting)}}}\n')
    leave(code)


Recorder.state, Journal.append, Reporter._heard, os._exit = timed_state, timed_append, timed_heard, timed_leave  # type: ignore
run(sys.argv[1:], dict(os.environ))
