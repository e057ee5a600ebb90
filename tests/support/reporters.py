"""A reporter under test: what it delivered into a file, and reporters that misbehave."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys
from typing import Any

from tests.support.home import Home
from tests.support.linefiles import whole_lines
from tests.support.paths import PACKAGE
from tests.support.waiting import until
from ww.home.control import Answer, ask

EVENTS = "/events.ndjson"
SINK = {"type": "file", "path": EVENTS}

HEAD = """
import os, sys, time
from ww.reporting import process
from ww.reporting.line import Line
"""
"""What a misbehaving reporter begins with."""

GREETS = """
def greet():
    process.settle()
    line = Line()
    messages = line.messages()
    return line, messages, next(messages)
"""

GATE = """
_start = Reporter.start
def start(self):
    if os.path.exists({gate!r}):
        _start(self)
    else:
        self._timer = self._system.loop.call_later(20, self.start)
Reporter.start = start
"""


def delivering(home: Home, **sinks: dict[str, Any]) -> Home:
    """With a sink into a file, and pings every second."""
    home.settings(sinks=sinks or {"out": SINK}, monitor={"interval_s": 1})
    return home


def unhurried(home: Home) -> Home:
    """A stop gives the last delivery all the time that a busy machine takes for it, also to one that only begins."""
    return home.settings(reporter={"flush_s": 20}, stop={"budget_s": 60})


def delivered(home: Home, path: str = EVENTS) -> list[dict[str, Any]]:
    """Every event in the file so far, in the order of its lines."""
    file = pathlib.Path(f"{home.root}{path}")
    return [json.loads(line) for line in whole_lines(file)] if file.exists() else []


def states(home: Home, path: str = EVENTS) -> list[str]:
    """The states that were delivered, in order."""
    return [event["data"]["state"] for event in delivered(home, path) if "state" in event["data"]]


def numbers(home: Home, path: str = EVENTS) -> list[int]:
    """The sequences that were delivered, in order."""
    return [int(event["id"]) for event in delivered(home, path)]


def report(home: Home) -> dict[str, Any]:
    """What `ww status` says of the reporter; asked as it asks, in less time than Python takes to start."""
    found = _report(home)
    assert isinstance(found, dict), found
    return found


def _report(home: Home) -> Any:
    said = ask(str(home.root / "run"), {"op": "status"}, 5)
    assert isinstance(said, Answer), said
    return said.body["status"]["reporter"]


def answering(home: Home) -> int:
    """The pid of a reporter that answers; it is begun soon after the first state is told."""

    def found() -> Any:
        told = _report(home) or {}
        return told.get("answering") and told["pid"]

    return int(until(found, "a reporter that answers", 20))


def gone(pid: int) -> bool:
    """Whether there is no such process, or it is about to be collected."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def with_another_reporter(home: Home, program: str) -> list[str]:
    """`ww run` of a copy of the package whose reporter is `program`, which defines `main`."""
    package = _copy(home)
    (package / "reporter.py").write_text(HEAD + GREETS + program)
    return _command(package)


def with_reporter_changed(home: Home, addition: str) -> list[str]:
    """`ww run` of a copy of the package whose reporter ends with `addition`."""
    package = _copy(home)
    with (package / "reporter.py").open("a") as file:
        file.write(f"\n\n{addition}\n")
    return _command(package)


def with_a_gate_before_each_life(home: Home, gate: pathlib.Path) -> list[str]:
    """`ww run` of a copy of the package that begins no life of a reporter, however long its pause is over, before `gate` is."""
    package = _copy(home)
    with (package / "instance/reporter.py").open("a") as file:
        file.write(GATE.format(gate=str(gate)))
    return _command(package)


def _copy(home: Home) -> pathlib.Path:
    package = home.root / "doctored/ww"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    return package


def _command(package: pathlib.Path) -> list[str]:
    return [sys.executable, "-IS", str(package / "launch.py"), "run"]


def descriptors(pid: int) -> dict[int, str]:
    """What `pid` has open."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
    return found
