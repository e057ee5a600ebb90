"""Wiring of the compile child: inputs in, `cfg.json` with its provenance and its cache out (runtime.md 23-25).

It starts without site packages and fetches them only where a library is needed: a hundredth of a second for a right
configuration, a tenth where jsonschema or jsonmerge must be asked. It prints one line of JSON, and ends with 0 or 78. On any problem the files of
the last good configuration stay as they are. The line is short however much is wrong: the parent keeps 64 KiB of it.
"""

from __future__ import annotations

import gc
import os
import sys

from ww.clib import json_dumps
from ww.config import settings
from ww.config.compiled import build, placed
from ww.config.inputs import collect
from ww.config.model import problem
from ww.config.stored import Result, store
from ww.errors import EXIT_CONFIG, EXIT_OK, ConfigError, UsageError
from ww.home.layout import layout_for
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ww.config.compiled import Compiled
    from ww.config.model import Problem
    from ww.home.layout import Layout

MOST_PROBLEMS = 50
LONGEST_WORDS = 1_000
"""Characters of a message, and of the names beside it: a key may be as long as its layer."""
ANSWER_BYTES = 20 << 10
"""What problems or warnings may take of the answer; warnings stand in it twice where there is no run directory."""
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
    # A large merge makes many objects and hardly any garbage, and the process is about to end.
    gc.disable()
    sys.setrecursionlimit(DEEP)
    try:
        answer = compile_to_files(parse_arguments(argv))
        code = EXIT_OK if answer["ok"] else EXIT_CONFIG
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
    """Compile and write; the answer for the parent. One that is not `ok` has written nothing that is read."""
    layout = layout_for(arguments.root, {})
    inputs = collect(layout, os.environ, arguments.sets)
    compiled = build(inputs, layout.etc)
    problems = compiled.problems or _service_problems(layout, compiled)
    compiled.warnings += _secret_warnings(layout, compiled)
    if not problems:
        try:
            return _write_all(layout, arguments.run, inputs.key, compiled)
        except ConfigError as error:
            problems = error.problems
    from ww.config.logchoice import log_of

    return {
        "ok": False,
        "count": len(problems),
        "problems": first_of(problems, "problems"),
        "log": log_of(compiled.layers),
    }


def _service_problems(layout: Layout, compiled: Compiled) -> list[Problem]:
    """What is wrong with services and signals beyond their form: a reload must not replace what is right by it.

    Only what the configuration itself says is judged here; run files may be made by the boot hook.
    """
    given = compiled.cfg.get(settings.KEY)
    if not isinstance(given, dict) or not ("services" in given or "signals" in given):
        return []
    from ww.instance.services.definition import WRAPPED, read_definitions
    from ww.instance.signaltable import SignalTable

    filled = settings.fill(compiled.cfg)
    # What `ww run -- COMMAND` adds to is judged when its command is known.
    services = {name: one for name, one in filled["services"].items() if name != WRAPPED or one["command"]}
    found = read_definitions(layout.usr, services, settings.service_defaults()).problems
    found += SignalTable(filled["signals"], wrapping=False).problems
    return [placed(words, compiled, _path_of(words)) for words in found]


def _secret_warnings(layout: Layout, compiled: Compiled) -> list[Problem]:
    """Secrets of sinks that are not there: no reason not to boot, as they may come later, and each use reads them anew."""
    given = compiled.cfg.get(settings.KEY)
    if not isinstance(given, dict) or not given.get("sinks"):
        return []
    from ww.config.secrets import resolve
    from ww.config.sinkcheck import unresolved

    found = unresolved(compiled.cfg, lambda reference: resolve(reference, layout, os.environ))
    return [placed(words, compiled, path) for path, words in found]


def _path_of(words: str) -> tuple[str, ...]:
    """Which setting a sentence is about: they begin with `service NAME:` or with the key itself."""
    about = words.partition(":")[0]
    if about.startswith("ww."):
        return tuple(about.split("."))
    return (
        (settings.KEY, "services", about.removeprefix("service "))
        if about.startswith("service ")
        else (settings.KEY, "services")
    )


def _write_all(layout: Layout, run: str, key: str, compiled: Compiled) -> dict[str, Any]:
    """Raises ConfigError."""
    warnings = first_of(compiled.warnings, "warnings")
    result = Result(
        compiled.cfg,
        compiled.provenance.report(compiled.is_hidden),
        compiled.secrets(),
        compiled.hidden_texts(),
        warnings,
        private=bool(compiled.exposed()),
        rests_on=_rests_on(layout, compiled),
    )
    cache = store(layout, run, key, result)
    return {"ok": True, "warnings": warnings} if run else {"ok": True, "warnings": warnings, "cache": cache}


def _rests_on(layout: Layout, compiled: Compiled) -> dict[str, list[int]]:
    """What tells whether plugins are still those by which sinks were checked; nothing where no sink is of one."""
    given: Any = settings.pick(compiled.cfg, [settings.KEY, "sinks"], {})
    if not given:
        return {}
    from ww.config.sinktypes import BUILT_IN

    if all(sink["type"] in BUILT_IN for sink in given.values()):
        return {}
    from ww.config.plugins import rests_on

    return rests_on(layout.etc)


def first_of(problems: list[Problem], kind: str) -> list[Problem]:
    """As many of `problems` as a person reads, each cut to a readable length; the last one counts the rest."""
    shown: list[Problem] = []
    size = 0
    for found in problems[:MOST_PROBLEMS]:
        short = {name: _cut(item) if isinstance(item, str) else item for name, item in found.items()}
        size += len(json_dumps(short).encode("utf-8", "replace"))
        if shown and size > ANSWER_BYTES:
            break
        shown.append(short)
    if len(shown) < len(problems):
        shown.append(problem(f"and {len(problems) - len(shown)} more {kind}"))
    return shown


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_WORDS else f"{text[: LONGEST_WORDS - 2]} …"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
