"""Small programs that do what PID 1 does, each in a process of its own: handlers and reaping are per process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.paths import PACKAGE

_PREAMBLE = f"""
import json, os, sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
from ww.supervise import signals
wake_fd = signals.install()
from ww.supervise.child import *
close_inherited()
from ww.clib import SIGNALS, set_subreaper
from ww.clock import Clock
from ww.supervise import procs
from ww.supervise.ladder import *
from ww.supervise.logs import *
from ww.supervise.loop import Loop
from ww.supervise.reaper import Reaper
clock = Clock()
loop = Loop(clock, wake_fd)
reaper = Reaper(loop)
env = dict(os.environ)
def say(*values):
    os.write(1, json.dumps(values).encode() + b"\\n")
def sh(script, *arguments, **options):
    # What a test leaves behind must not hold the pipe that the test reads to its end.
    return spawn(Command(("/bin/sh", "-c", script, "sh", *arguments), env, **(dict(stdout=None, stderr=None) | options)))
"""


def command(source: str, *arguments: object) -> list[str]:
    """The command line of a driver: the parts of `ww.supervise` stand ready, `say(…)` reports, `sh(…)` spawns."""
    return [sys.executable, "-I", "-c", _PREAMBLE + source, *map(str, arguments)]


@contextmanager
def started(source: str, *arguments: object, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A driver whose `stdout` and `stderr` are pipes; killed at the end of the block if it still runs."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    with subprocess.Popen(command(source, *arguments), **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def run(source: str, *arguments: object, within_s: float = 30, **options: Any) -> list[Any]:
    """Run a driver to its end, which must be exit code 0, and return what it said: a list of the values of each call."""
    done = subprocess.run(
        command(source, *arguments), capture_output=True, check=False, timeout=within_s, env=os.environ, **options
    )
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]
