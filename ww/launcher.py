"""Writes the launchers of an image: `run` (PID 1), `cfg`, and `bin/ww` for the PATH of hooks (runtime.md 1)."""

from __future__ import annotations

import os
import sys

from ww.errors import UsageError
from ww.home.smallfile import write_text

SHEBANG_LIMIT_BYTES = 255

_BODY = """\
from _frozen_importlib_external import SourceFileLoader
FILE = {file!r}
scope = {{"__name__": "ww_launch", "__file__": FILE}}
exec(SourceFileLoader("ww_launch", FILE).get_code("ww_launch"), scope)
scope[{entry!r}]()
"""


def shebang(python: str) -> str:
    """Line 1 of the PID 1 launcher.

    A TERM in the first milliseconds of PID 1 is lost unless it is blocked before Python starts: the kernel drops
    signals that PID 1 has no handler for. Raises UsageError where the kernel would cut the line.
    """
    blocked = " ".join(f"--block-signal={name}" for name in ("TERM", "INT", "HUP", "QUIT"))
    line = f"#!/usr/bin/env -S -u LD_PRELOAD {blocked} WW_LD_PRELOAD=${{LD_PRELOAD}} {python} -IS"
    if len(line) > SHEBANG_LIMIT_BYTES:
        raise UsageError(f"cannot write a launcher: the path of {python} is too long for a first line of 255 bytes")
    return line


def write_launchers(directory: str) -> list[str]:
    """Write DIR/run, DIR/cfg and DIR/bin/ww for this interpreter and this installation. Raises UsageError, OSError."""
    launch = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
    plain = f"#!{sys.executable} -I"
    os.makedirs(f"{directory}/bin", exist_ok=True)
    files = {
        f"{directory}/run": f"{shebang(sys.executable)}\n{_BODY.format(file=launch, entry='isolated')}",
        f"{directory}/cfg": f"{plain}S\n{_BODY.format(file=launch, entry='isolated')}",
        f"{directory}/bin/ww": f"{plain}\n{_BODY.format(file=launch, entry='shell')}",
    }
    for path, text in files.items():
        write_text(path, text, 0o755)
    return list(files)
