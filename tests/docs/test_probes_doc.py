"""docs/probes.md: its settings, pages and times are those there are."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.configs import Instance
from tests.support.paths import REPO
from ww.config import settings
from ww.instance import upward
from ww.reporting import known, measure, probes, sampler

PAGE = (REPO / "docs/probes.md").read_text()


@pytest.mark.rule("D-settings-documented")
def test_each_setting_is_there_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `ww\.(probes\.[a-z.]+)` \| `([^`]+)` \|", PAGE, re.MULTILINE))
    declared = {name: part["default"] for name, part in settings.declared(settings.load_schema())}
    assert {name: json.loads(text) for name, text in rows.items()} == {
        name: value for name, value in declared.items() if name.startswith("probes.")
    }


@pytest.mark.rule("D-settings-documented")
def test_the_example_is_a_valid_configuration(tmp_path: object) -> None:
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    cfg = Instance(tmp_path).cfg({"CFG": text})  # type: ignore[arg-type]
    assert cfg["ww"]["probes"] == {"http": {"port": 9180}, "file": "ready"}


@pytest.mark.rule("D-probe-http", "D-notify-up-extend", "D-measure-cost")
@pytest.mark.parametrize(
    "words",
    [
        f"({known.TICK_S[1]:g} s each at most) and {known.SILENCE_S:g} s",
        f"tried again every {'second' if probes.AGAIN_S == 1 else probes.AGAIN_S}",
        f"{probes.HEAD_BYTES >> 10} KiB at most and comes within {probes.DEADLINE_S:g} s; {probes.MOST_CONNECTIONS} connections",
        f"every {upward.EXTEND_MS / 1000:g} s while it starts",
        f"for {sampler.REST} times as long as it took",
        f"only up to {measure.PROPORTIONAL_PROCESSES} processes and {measure.PROPORTIONAL_BYTES >> 30} GiB",
    ],
)
def test_its_numbers_are_those_of_the_code(words: str) -> None:
    assert words in " ".join(PAGE.split())


@pytest.mark.rule("D-probe-http", "D-notify-up-ready")
@pytest.mark.parametrize(
    "word", ["READY=1", "RELOADING=1", "STOPPING=1", "STATUS=", "WATCHDOG=1", "EXTEND_TIMEOUT_USEC="]
)
def test_each_word_upward_is_explained(word: str) -> None:
    assert re.search(rf"^\| `{word}`", PAGE, re.MULTILINE)
