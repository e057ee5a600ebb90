"""Wiring of the reporter: the line to PID 1, the spool, the sinks; runs until PID 1 ends it or has gone (runtime.md 20, 21).

The first thread reads the line and answers it, whatever the others do; a second one waits until no other reporter
works on these events and builds the rest; each sink has one of its own.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ww.clib import json_loads
from ww.config.libraries import reach
from ww.config.settings import fill
from ww.instance.settings import Settings
from ww.reporting import process
from ww.reporting.alone import wait_until_alone
from ww.reporting.dialogue import Dialogue
from ww.reporting.line import Line

if TYPE_CHECKING:
    from typing import Any

    from ww.reporting.dialogue import Work
    from ww.types import JsonObject

LAST_WORDS_S = 1.0
"""What is delivered when PID 1 has gone without a word takes no longer."""
PROTOCOL = 1


def main() -> int:
    """Be the reporter; the exit code."""
    process.settle()
    line = Line()
    messages = line.messages()
    hello = next(messages, None)
    if hello is None or hello.get("t") != "hello" or hello.get("v") != PROTOCOL:
        log(f"the first message of ww run is not one that this reporter knows: {str(hello)[:80]}")
        return 1
    settings = _settings(hello)
    process.limit_memory(int(settings["reporter"]["memory_bytes"]))
    dialogue = Dialogue(line, lambda: build(line, hello, settings), log)
    dialogue.start()
    for message in messages:
        dialogue.heard(message)
        if dialogue.over:
            return 0
    process.end_within(LAST_WORDS_S)
    dialogue.finish(time.monotonic() + LAST_WORDS_S)
    return 0


def build(line: Line, hello: JsonObject, settings: dict[str, Any]) -> Work:
    """The parts, connected, as soon as no other reporter works on these events."""
    from ww.reporting.thin import Thin

    directories = [str(place) for place in hello["directories"]]  # type: ignore[union-attr]
    wait_until_alone(directories[0], log)
    reach()
    return Thin(line, hello, settings, directories, log)


def log(words: str) -> None:
    """One line for the container log."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def _settings(hello: JsonObject) -> dict[str, Any]:
    """The sections of the settings; from the compiled configuration where they were too long for the line."""
    given = hello.get("settings")
    if isinstance(given, dict):
        return given
    with open(str(hello["cfg"]), encoding="utf-8") as file:
        cfg = json_loads(file.read())
    filled = fill(cfg if isinstance(cfg, dict) else {})
    return Settings(filled, {}).of_reporter()
