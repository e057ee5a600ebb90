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

from bench import report
from bench.growth import exponents
from bench.samples import RESULTS
from tests.support.paths import REPO

pytestmark = pytest.mark.rule("D-bench-page")

MEASURED = re.compile(r"\*\*([\d.,-]+)\*\*")


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
    command = [sys.executable, "-m", "bench.report", "--check"]
    done = subprocess.run(command, cwd=REPO, check=False)
    assert done.returncode == 0, "run `make bench`, or python3 -m bench.report after a change of words"


def test_no_number_of_ours_is_typed_by_hand(results: Path) -> None:
    """With every raw sample moved, no measured number of the table stays what it was."""

    def moved(sample: dict[str, object]) -> dict[str, object]:
        shift = 1000 if sample["who"] != "jq" else 7000
        return {
            key: value + shift if isinstance(value, int | float) and key not in ("turn", "size", "seconds") else value
            for key, value in sample.items()
        }

    before = [MEASURED.findall(line.split(" | ")[2]) for line in main_table(report.page(results))]
    rewrite(results, moved)
    after = [MEASURED.findall(line.split(" | ")[2]) for line in main_table(report.page(results))]
    assert len(before) == len(report.ROWS)
    further = [row.key for row in report.ROWS].index("further")  # a difference of two: moved alike, it stays
    pairs = [pair for index, pair in enumerate(zip(before, after, strict=True)) if index != further]
    assert not [old for old, new in pairs if old and old == new]


def test_a_value_over_its_goal_is_called_a_miss_and_stays(results: Path) -> None:
    rewrite(results, lambda sample: {**sample, "ms": 100_000} if "ms" in sample else sample)
    page = report.page(results)
    row = next(line for line in main_table(page) if "no hooks" in line)
    assert "100,000" in row
    assert "**MISS**" in row
    assert "importtime.txt" in page


def test_what_did_not_run_is_a_miss_with_its_words(results: Path) -> None:
    rewrite(results, lambda sample: {"who": sample["who"], "turn": sample["turn"], "failed": "it said: no"})
    page = report.page(results)
    assert all("**MISS** (not measured)" in line for line in main_table(page))
    assert "it said: no" in page


def test_a_peer_that_could_not_be_had_is_a_row_that_says_why() -> None:
    machine = json.loads((RESULTS / "machine.json").read_text())
    page = report.page()
    for name, entry in machine["programs"].items():
        assert re.search(rf"^\| {re.escape(name)} \|", page, re.MULTILINE), name
        if "refused" in entry:
            assert entry["refused"].strip()
            assert re.search(rf"^\| {re.escape(name)} \| \*\*not measured\*\* \| \S", page, re.MULTILINE), name


@pytest.mark.parametrize(("power", "seen"), [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)])
def test_growth_is_the_exponent_of_the_size(power: float, seen: float) -> None:
    points = [(size, 3.0 * size**power) for size in (1, 10, 100)]
    assert exponents(points) == pytest.approx((seen, seen), abs=1e-9)
