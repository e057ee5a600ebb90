"""docs/benchmarks.md says what the raw samples say: it is made from them alone, and keeps what is missed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.paths import REPO

pytestmark = pytest.mark.rule("D-bench-page")

RESULTS = REPO / "bench" / "results"
MEASURED = re.compile(r"\*\*([\d.,-]+)\*\*")


def report(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.report", *arguments]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)


def page_of(results: Path) -> str:
    made = report("--print", str(results))
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return shutil.copytree(RESULTS, tmp_path / "results")


def rewrite(results: Path, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """Change every raw sample."""
    for path in results.glob("*.jsonl"):
        samples = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(change(sample)) + "\n" for sample in samples))


def main_table(page: str) -> list[str]:
    start = page.index("| what | goal |")
    return page[start : page.index("\n\n", start)].splitlines()[2:]


def test_the_page_is_fresh() -> None:
    assert report("--check").returncode == 0, "run `make bench`, or python3 -m bench.report after a change of words"


def test_no_number_of_ours_is_typed_by_hand(results: Path) -> None:
    """With every raw sample moved, no measured number of the table stays what it was."""

    def moved(sample: dict[str, object]) -> dict[str, object]:
        shift = 3 if sample["who"] != "jq" else 7

        def other(value: object) -> object:
            if isinstance(value, list):
                return [other(one) for one in value]
            return (value + 1) * shift if isinstance(value, int | float) else value

        return {key: value if key in ("turn", "size", "seconds") else other(value) for key, value in sample.items()}

    before = [MEASURED.findall(line.split(" | ")[2]) for line in main_table(page_of(results))]
    rewrite(results, moved)
    after = [MEASURED.findall(line.split(" | ")[2]) for line in main_table(page_of(results))]
    assert any(before)
    assert not [old for old, new in zip(before, after, strict=True) if old and old == new]


def test_a_value_over_its_goal_is_called_a_miss_and_stays(results: Path) -> None:
    rewrite(results, lambda sample: {**sample, "ms": 100_000} if "ms" in sample else sample)
    page = page_of(results)
    row = next(line for line in main_table(page) if "no hooks" in line)
    assert "100,000" in row
    assert "**MISS**" in row
    assert "importtime.txt" in page


def test_what_did_not_run_is_a_miss_with_its_words(results: Path) -> None:
    rewrite(results, lambda sample: {"who": sample["who"], "turn": sample["turn"], "failed": "it said: no"})
    page = page_of(results)
    assert all("**MISS** (not measured)" in line for line in main_table(page))
    assert "it said: no" in page


def test_a_peer_that_could_not_be_had_is_a_row_that_says_why() -> None:
    machine = json.loads((RESULTS / "machine.json").read_text())
    page = page_of(RESULTS)
    for name, entry in machine["programs"].items():
        assert re.search(rf"^\| {re.escape(name)} \|", page, re.MULTILINE), name
        if "refused" in entry:
            assert entry["refused"].strip()
            assert re.search(rf"^\| {re.escape(name)} \| \*\*not measured\*\* \| \S", page, re.MULTILINE), name


def of_row(results: Path, words: str) -> str:
    return next(line for line in main_table(page_of(results)) if words in line)


def test_a_goal_for_99_of_100_is_judged_by_them_and_not_by_the_median(results: Path) -> None:
    for slow, judged in ((1, "met"), (2, "**MISS**")):
        sample = {"who": "ww", "turn": 0, "ms": [0.05] * (100 - slow) + [9.0] * slow}
        (results / "event-written.jsonl").write_text(json.dumps(sample) + "\n")
        line = of_row(results, "in the journal")
        assert f"| {judged} |" in line
        assert "(median 0.050, of 100)" in line


def test_a_goal_to_reach_is_missed_below_it(results: Path) -> None:
    for speed, judged in ((100_000, "met"), (99_999, "**MISS**")):
        (results / "journal-in.jsonl").write_text(json.dumps({"who": "ww", "turn": 0, "per_s": speed}) + "\n")
        line = of_row(results, "into the journal")
        assert ">= 100,000 a second" in line
        assert f"| {judged} |" in line


@pytest.mark.parametrize(("power", "judged"), [(0.5, "met"), (1.0, "met"), (1.5, "**MISS**")])
def test_growth_is_the_exponent_of_the_size(results: Path, power: float, judged: str) -> None:
    sizes = (1_000, 100_000, 1_000_000)
    samples = [{"who": "ww", "turn": 0, "size": size, "ms": 3.0 * size**power} for size in sizes]
    (results / "growth-new.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    line = next(line for line in page_of(results).splitlines() if line.startswith("| start, new configuration"))
    assert line.endswith(f"| {power:.2f} | {power:.2f} | {judged} |")
