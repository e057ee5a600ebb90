"""The conformance kit against sinks that are broken: it fails each, and names the fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import REPO
from ww.sinks.base import Guarantee
from ww.sinks.conformance import verdict as v
from ww.sinks.conformance.bench import BenchError, load
from ww.sinks.conformance.kit import SCENARIOS, examine
from ww.sinks.conformance.verdict import Report

pytestmark = pytest.mark.timeout(120)
BROKEN = str(REPO / "tests" / "support" / "benches" / "broken.py")


def found_in(bench: str, *only: str) -> Report:
    return examine(f"{BROKEN}:{bench}Bench", only)


def names(report: Report) -> set[str]:
    return {fault.name for fault in report.faults}


@pytest.mark.rule("D-kit-verdict")
def test_a_good_sink_gets_what_it_claims_in_every_scenario() -> None:
    report = found_in("Good")
    assert report.faults == []
    assert (report.found, report.holds) == (Guarantee.EFFECTIVELY_ONCE, True)
    assert {result.name for result in report.results if result.skipped} == {"full"}
    assert [result.name for result in report.results] == list(SCENARIOS)


CASES = [
    # what is wrong, the scenarios that tell, the faults that are named, and what is left of the guarantee
    ("Hasty", ("crash",), {v.LOSES}, Guarantee.BEST_EFFORT),
    ("Hasty", ("kills",), {v.LOSES}, Guarantee.BEST_EFFORT),
    ("Doubler", ("duplicate",), {v.DUPLICATES}, Guarantee.AT_LEAST_ONCE),
    ("Doubler", ("crash",), {v.DUPLICATES}, Guarantee.AT_LEAST_ONCE),
    ("Deaf", ("slow",), {v.LATE}, None),
    ("Optimist", ("partial",), {v.PARTIAL}, None),
    ("Pessimist", ("partial",), {v.PARTIAL}, None),
    ("Stubborn", ("partial",), {v.HOLDS_UP}, None),
    ("Talker", ("down",), {v.LEAKS}, None),
    ("Talker", ("outage",), {v.LEAKS}, None),
    ("Printer", ("quiet",), {v.LEAKS}, None),
    ("Shuffler", ("quiet",), {v.REORDERS}, None),
    ("Miscounter", ("quiet",), {v.ANSWERS}, None),
    ("Quitter", ("down",), {v.GIVES_UP}, None),
    ("Quitter", ("refuse",), {v.GIVES_UP}, None),
    ("Quitter", ("denied",), {v.GIVES_UP}, None),
    ("Sulker", ("down",), {v.STAYS_DOWN}, None),
    ("Clinger", ("outage",), {v.STAYS_DOWN}, None),
    ("Curt", ("quiet",), {v.SIGNATURE}, None),
    ("Thrower", ("quiet",), {v.RAISES}, None),
    ("Sunny", ("down",), {v.BLIND}, None),
    ("Regressor", ("reorder",), {v.GOES_BACK}, None),
]


@pytest.mark.rule("D-kit-names-faults")
@pytest.mark.parametrize(("bench", "only", "faults", "left"), CASES, ids=[f"{case[0]}-{case[1][0]}" for case in CASES])
def test_what_is_broken_is_named(bench: str, only: tuple[str, ...], faults: set[str], left: Guarantee | None) -> None:
    report = found_in(bench, *only)
    assert names(report) == faults
    assert report.found is left
    assert not report.holds


@pytest.mark.rule("D-kit-verdict")
def test_who_claims_less_is_measured_by_that() -> None:
    report = found_in("HonestDoubler", "duplicate", "crash")
    assert (report.claimed, report.found) == (Guarantee.AT_LEAST_ONCE, Guarantee.AT_LEAST_ONCE)
    assert report.holds
    assert not report.faults
    assert [result.outcome for result in report.results] == ["well", "allowed", "allowed"]


@pytest.mark.rule("D-kit-verdict")
def test_a_sink_of_the_current_state_is_told_from_one_of_events() -> None:
    report = found_in("State", "duplicate", "reorder", "crash", "spool")
    assert (report.found, report.holds, report.faults) == (Guarantee.CURRENT_STATE, True, [])


@pytest.mark.rule("D-kit-verdict")
def test_every_fault_has_words_for_what_to_do() -> None:
    constants = {value for name, value in vars(v).items() if name.isupper() and isinstance(value, str)}
    assert constants - {v.BROKEN} == set(v.TO_DO)


def conformance(*words: str, cwd: Path = REPO) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "ww", "sinks", "conformance", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, "NO_COLOR": "1"}
    )


@pytest.mark.rule("D-kit-command")
def test_the_command_says_what_was_found_beside_what_is_claimed_and_what_to_do(tmp_path: Path) -> None:
    done = conformance(f"{BROKEN}:DoublerBench", "--scenario", "duplicate", cwd=tmp_path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert "claimed   effectively once" in lines
    assert "found     at least once" in lines
    assert "duplicates" in lines
    assert f"  What to do: {v.TO_DO[v.DUPLICATES]}" in done.stdout.replace("\n  ", "\n  ")
    assert lines[-1] == "It does not keep what it claims."

    good = conformance(f"{BROKEN}:GoodBench", "--scenario", "duplicate", "--json", cwd=tmp_path)
    assert good.returncode == 0
    report = json.loads(good.stdout)
    assert (report["format"], report["claimed"], report["found"], report["holds"]) == (
        1, "effectively once", "effectively once", True,
    )  # fmt: skip
    assert [one["outcome"] for one in report["scenarios"]] == ["well", "well"]
    assert report["not_tried"] == []


@pytest.mark.rule("D-kit-names-faults")
def test_a_wrong_signature_is_told_with_the_right_one() -> None:
    (fault,) = found_in("Curt", "quiet").faults
    assert fault.what == "close takes (self, deadline), and this one does not"


@pytest.mark.rule("D-kit-command")
def test_a_bench_that_can_do_little_does_not_look_well(tmp_path: Path) -> None:
    bench = tmp_path / "bench.py"
    bench.write_text(
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('broken', {BROKEN!r})\n"
        "broken = importlib.util.module_from_spec(spec); spec.loader.exec_module(broken)\n"
        "class Poor(broken.GoodBench):\n"
        "    faults = ()\n"
    )
    done = conformance(f"{bench}:Poor", "--scenario", "outage", "--scenario", "slow", cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert any(line.startswith("slow        not tried ") and line.endswith("cannot inject slow") for line in lines)
    assert lines[-3:] == [
        "Not tried: slow, outage. Of these nothing is known.",
        "",
        "It keeps what it claims, as far as it was tried.",
    ]


@pytest.mark.rule("D-kit-command")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "names no bench"),
        (["nosuchmodule:Bench"], "No module named 'nosuchmodule'"),
        ([f"{BROKEN}:Good"], "is no class derived from ww.sinks.conformance.bench.Bench"),
        ([f"{BROKEN}:GoodBench", "--scenario", "rain"], "there is no scenario rain"),
    ],
)
def test_a_bench_that_cannot_be_used_is_a_wrong_command_line(tmp_path: Path, words: list[str], said: str) -> None:
    done = conformance(*words, cwd=tmp_path)
    assert done.returncode == 64
    assert said in done.stderr


@pytest.mark.rule("D-kit-command")
def test_a_bench_is_told_what_is_wrong_with_its_settings(tmp_path: Path) -> None:
    bench = tmp_path / "bench.py"
    bench.write_text(
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('broken', {BROKEN!r})\n"
        "broken = importlib.util.module_from_spec(spec); spec.loader.exec_module(broken)\n"
        "class Wrong(broken.GoodBench):\n"
        "    def settings(self): return {'path': 5, 'token': 'x'}\n"
    )
    with pytest.raises(BenchError, match="path: 5 is not of type 'string'"):
        examine(f"{bench}:Wrong")
    assert load(f"{bench}:Wrong").__name__ == "Wrong"
