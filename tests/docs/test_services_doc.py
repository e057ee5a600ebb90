"""docs/services.md says what is so."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.paths import REPO
from ww.config import settings
from ww.config.validate import faults
from ww.instance.services.definition import read_definitions
from ww.instance.signaltable import VERBS, SignalTable
from ww.supervise import signals

PAGE = (REPO / "docs" / "services.md").read_text()
FIELDS = settings.load_schema()["$defs"]["service"]["properties"]


def rows(heading: str) -> list[list[str]]:
    """The first table behind a heading, without its first two lines."""
    table = PAGE[PAGE.index(f"## {heading}\n") :]
    lines = [line for line in table[table.index("\n|") + 1 :].split("\n\n")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def examples() -> list[dict[str, object]]:
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]


@pytest.mark.rule("D-settings-documented")
def test_every_field_is_documented_with_its_default_and_no_other() -> None:
    documented = {row[0].strip("`"): row[1] for row in rows("Every field")}
    assert set(documented) == set(FIELDS)
    for name, cell in documented.items():
        default = FIELDS[name]["default"]
        told_otherwise = {"command": "the run file", "user": "that of ww"}
        expected = told_otherwise.get(name) or f"`{json.dumps(default)}`"
        assert cell == expected, name


def test_every_way_to_be_ready_is_documented() -> None:
    documented = set(re.findall(r"`\{\"(\w+)\"", "\n".join(row[0] for row in rows("Ready"))))
    assert documented == set(FIELDS["readiness"]["properties"]) - {"interval_s", "timeout_s"}


def test_every_word_of_the_signal_table_is_documented() -> None:
    documented = {row[0].strip("`") for row in rows("Signals")}
    assert documented == {*VERBS, "rewrite:NAME"}


def test_the_signals_that_are_not_passed_on_are_those_of_the_page() -> None:
    named = {
        signals.number(name) for name in ("KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "PIPE", "XFSZ", "TTIN", "TTOU")
    }
    everything = set(signals.settable()) | {signals.KILL, signals.STOP}
    assert everything - set(signals.EVERY) == named


@pytest.mark.parametrize("example", examples(), ids=lambda example: next(iter(example["ww"])))
def test_the_examples_are_valid(example: dict[str, dict[str, object]]) -> None:
    assert faults(example["ww"], settings.load_schema()) == []
    filled = settings.fill(example)  # type: ignore[arg-type]
    found = read_definitions("/nosuch", filled["services"], settings.service_defaults())
    problems = [problem for problem in found.problems if "a file run" not in problem and "no service" not in problem]
    assert problems == []
    assert SignalTable(filled["signals"], wrapping=False).problems == []
