"""Writes the launchers of an image: `run` (PID 1), `cfg`, and `bin/ww` for the PATH of hooks (runtime.md 1)."""

from __future__ import annotations

import os
import subprocess
import sys

from ww.config.atomic import write
from ww.errors import UsageError
from ww.home.smallfile import write_text

SHEBANG_LIMIT_BYTES = 255

_BODY = """\
from _frozen_importlib_external import SourceFileLoader
FILE = {file!r}
scope = {{"__name__": "ww_launch", "__file__": FILE}}
exec(SourceFileLoader("ww_launch", FILE).get_code("ww_launch"), scope)
scope[{entry!r}]({argument})
"""


_START = "ww-start"
"""The program beside an image's own interpreter (images/lib/tree/ww-start.c) that does without an `env` what `env` does."""


def shebang(python: str) -> str:
    """Line 1 of the PID 1 launcher, where there is no start program.

    A TERM in the first milliseconds of PID 1 is lost unless it is blocked before Python starts: the kernel drops
    signals that PID 1 has no handler for. Raises UsageError where the kernel would cut the line.
    """
    blocked = " ".join(f"--block-signal={name}" for name in ("TERM", "INT", "HUP", "QUIT"))
    line = f"#!/usr/bin/env -S -u LD_PRELOAD {blocked} WW_LD_PRELOAD=${{LD_PRELOAD}} {python} -IS"
    if len(line) > SHEBANG_LIMIT_BYTES:
        raise UsageError(f"cannot write a launcher: the path of {python} is too long for a first line of 255 bytes")
    return line


def write_launchers(directory: str) -> list[str]:
    """Write DIR/run, its bundle, DIR/cfg and DIR/bin/ww for this interpreter and this installation.

    Raises UsageError, OSError.
    """
    launch = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
    os.makedirs(f"{directory}/bin", exist_ok=True)
    bundle = f"{os.path.abspath(directory)}/run.bundle"
    write(bundle, _bundle(), 0o644)
    files = {
        f"{directory}/run": f"{_first_line('run')}\n{_BODY.format(file=launch, entry='isolated', argument=repr(bundle))}",
        f"{directory}/cfg": f"{_first_line('cfg')}\n{_BODY.format(file=launch, entry='isolated', argument='')}",
        f"{directory}/bin/ww": f"{_first_line('ww')}\n{_BODY.format(file=launch, entry='shell', argument='')}",
    }
    for path, text in files.items():
        write_text(path, text, 0o755)
    return [*files, bundle]


def _first_line(kind: str) -> str:
    """What a launcher is started by: the start program of an image's own interpreter, or what every Python has."""
    start = os.path.join(os.path.dirname(sys.executable), _START)
    if os.access(start, os.X_OK):
        return f"#!{start} {kind}"
    if kind == "run":
        return shebang(sys.executable)
    return f"#!{sys.executable} {'-IS' if kind == 'cfg' else '-I'}"


def _bundle() -> bytes:
    """The run path of `ww run` in one file, for the interpreter of the launchers. Raises UsageError."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bundling.py")
    command = [sys.executable, "-IS", "-X", "no_debug_ranges", program]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise UsageError(f"cannot compile the run path of ww: {': '.join([program, *words])}")
    return done.stdout
