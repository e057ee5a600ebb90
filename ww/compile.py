"""Wiring of the compile child: inputs in, `cfg.json` with its provenance and its cache out (runtime.md 23-25).

It runs for a tenth of a second at boot, prints one line of JSON, and ends with 0 or 78. On any problem the files of
the last good configuration stay as they are.
"""

from __future__ import annotations

import marshal
import os
import sys

from ww.clib import json_dumps
from ww.config import settings
from ww.config.atomic import write
from ww.config.compiled import build
from ww.config.inputs import collect
from ww.config.model import problem
from ww.errors import EXIT_OK, ConfigError, UsageError
from ww.home.layout import layout_for
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ww.config.compiled import Compiled
    from ww.config.model import Problem
    from ww.home.layout import Layout

CACHE_FORMAT = 1
PROVENANCE_FORMAT = 1
DEEP = 5_000
"""Frames: jsonmerge and jsonschema need about ten for each level of nesting, and 100 levels are allowed."""


class Arguments(Value):
    """What the child is told: the root ("" in a container), the run directory ("" if there is none), each `--set`."""

    __slots__ = ("root", "run", "sets")

    def __init__(self, root: str, run: str, sets: list[str]) -> None:
        self.root = root
        self.run = run
        self.sets = sets


def main(argv: list[str]) -> int:
    """Compile as `argv` says (`--root R --run D --set A=B …`), print the result, return the exit code."""
    sys.setrecursionlimit(DEEP)
    try:
        arguments = parse_arguments(argv)
        answer = compile_to_files(arguments)
        code = EXIT_OK
    except ConfigError as error:
        answer = {"ok": False, "problems": error.problems}
        code = error.exit_code
    except UsageError as error:
        answer = {"ok": False, "problems": [{"layer": "the compile child", "message": str(error)}]}
        code = error.exit_code
    sys.stdout.buffer.write(json_dumps(answer).encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()
    return code


def parse_arguments(argv: list[str]) -> Arguments:
    """Raises UsageError."""
    values = {"--root": "", "--run": ""}
    sets: list[str] = []
    at = 0
    while at < len(argv):
        name = argv[at]
        if name not in (*values, "--set") or at + 1 == len(argv):
            raise UsageError(f"cannot use {name!r}: --root, --run and --set, each with a value, are all there is")
        if name == "--set":
            sets.append(argv[at + 1])
        else:
            values[name] = argv[at + 1]
        at += 2
    return Arguments(values["--root"], values["--run"], sets)


def compile_to_files(arguments: Arguments) -> dict[str, Any]:
    """Compile and write; the answer for the parent. Raises ConfigError, and then has written nothing that is read."""
    layout = layout_for(arguments.root, {})
    inputs = collect(layout, os.environ, arguments.sets)
    compiled = build(inputs)
    if compiled.problems:
        raise ConfigError(compiled.problems)
    cfg_path = _write_cfg(layout, arguments.run, compiled)
    cache = {
        "format": CACHE_FORMAT,
        "key": inputs.key,
        "settings": settings.fill(compiled.cfg),
        "cfg_path": cfg_path,
        "secrets": compiled.secrets(),
        "warnings": compiled.warnings,
    }
    if not arguments.run:
        return {"ok": True, "warnings": compiled.warnings, "cache": cache}
    provenance = {"format": PROVENANCE_FORMAT, "leaves": compiled.provenance.report(compiled.is_hidden)}
    _write_own(f"{arguments.run}/cfg.provenance.json", json_dumps(provenance).encode() + b"\n")
    _write_own(f"{arguments.run}/cfg.cache", marshal.dumps(cache))
    return {"ok": True, "warnings": compiled.warnings}


def _write_cfg(layout: Layout, run: str, compiled: Compiled) -> str:
    """Write `cfg.json` where it can be written, remove the one that would hide it, and return its path."""
    data = json_dumps(compiled.cfg).encode() + b"\n"
    mode = 0o600 if compiled.exposed() else 0o644
    path, other = f"{layout.etc}/cfg.json", f"{run}/cfg.json"
    try:
        write(path, data, mode)
    except OSError as error:
        if not run:
            raise ConfigError([_unwritable(path, error)]) from None
        _write_own(other, data, mode)
        return other
    if run:
        _remove(other)
    return path


def _write_own(path: str, data: bytes, mode: int = 0o600) -> None:
    try:
        write(path, data, mode)
    except OSError as error:
        raise ConfigError([_unwritable(path, error)]) from None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError([_unwritable(path, error)]) from None


def _unwritable(path: str, error: OSError) -> Problem:
    found = problem(f"it cannot be written: {error.strerror}")
    found["layer"] = found["file"] = path
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
