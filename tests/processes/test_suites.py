"""The rules for tests hold: no undeclared skip in CI, no unknown rule, no testing of the tree by accident."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import REPO

SKIPPING = "import pytest\ndef test_a(): pytest.skip('kafka: no broker')\ndef test_b(): pass\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with our conditions for tests, and one declared skip."""
    made = tmp_path / "checkout"
    (made / "docs").mkdir(parents=True)
    (made / "tests" / "unit").mkdir(parents=True)
    shutil.copytree(REPO / "tests" / "support", made / "tests" / "support")
    shutil.copy(REPO / "tests" / "conftest.py", made / "tests")
    shutil.copy(REPO / "pyproject.toml", made)
    (made / "tests" / "rules.txt").write_text("WW-1  a rule\n")
    (made / "docs" / "not-tested.md").write_text("| key | what | why |\n| --- | --- | --- |\n| `kafka` | a | b |\n")
    return made


def pytest_in(checkout: Path, test: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (checkout / "tests" / "unit" / "test_it.py").write_text(test)
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "tests"]
    env = {**os.environ, "WW_CI": "", **environ}
    return subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)


@pytest.mark.rule("D-ci-skips")
@pytest.mark.parametrize(
    ("test", "in_ci", "status"),
    [
        (SKIPPING, "1", 0),
        (SKIPPING.replace("kafka: no", "no kafka"), "1", 1),
        (SKIPPING.replace("kafka: no", "no kafka"), "", 0),
        ("import pytest\npytest.skip('why not', allow_module_level=True)\n", "1", 1),
    ],
    ids=["declared", "undeclared", "outside CI", "a whole file"],
)
def test_an_undeclared_skip_fails_in_ci(checkout: Path, test: str, in_ci: str, status: int) -> None:
    answer = pytest_in(checkout, test, WW_CI=in_ci)
    assert (answer.returncode != 0) == bool(status), answer.stdout
    assert ("not declared in docs/not-tested.md" in answer.stdout) == bool(status)


def test_an_unknown_rule_is_an_error(checkout: Path) -> None:
    answer = pytest_in(checkout, "import pytest\n@pytest.mark.rule('WW-999')\ndef test_a(): pass\n")
    assert answer.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no rule WW-999 in tests/rules.txt" in answer.stderr


def test_the_tree_is_not_tested_by_accident(checkout: Path) -> None:
    shutil.copytree(REPO / "ww", checkout / "ww")
    answer = pytest_in(checkout, "def test_a(): pass\n", PYTHONPATH=".")
    assert answer.returncode == pytest.ExitCode.USAGE_ERROR
    assert "not from the installed wheel" in answer.stderr
    assert pytest_in(checkout, "def test_a(): pass\n", PYTHONPATH=".", WW_TEST_TREE="1").returncode == 0


@pytest.mark.rule("D-suites-together")
@pytest.mark.timeout(120)
def test_suites_that_run_side_by_side_are_shown_one_after_another_and_all_of_them_count(checkout: Path) -> None:
    (checkout / "scripts").mkdir()
    shutil.copy(REPO / "scripts" / "suites.py", checkout / "scripts")
    meet = """
import pathlib, time
def test_{mine}():
    here = pathlib.Path("{meeting}")
    print("{mine} begins")
    (here / "{mine}").touch()
    deadline = time.monotonic() + 30
    while not (here / "{other}").exists():
        assert time.monotonic() < deadline, "alone"
    print("{mine} ends")
    assert "{mine}" == "unit"
"""
    for mine, other in (("unit", "docs"), ("docs", "unit")):
        (checkout / "tests" / mine).mkdir(exist_ok=True)
        text = meet.format(mine=mine, other=other, meeting=checkout)
        (checkout / "tests" / mine / "test_it.py").write_text(text)
    command = [sys.executable, "-P", "scripts/suites.py", "--no-summary", "unit", "docs", "--", "-s"]
    answer = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "alone" not in answer.stdout
    docs, unit = sorted(answer.stdout.split("\n== ")[1:])
    assert "1 failed" in docs
    assert "1 passed" in unit
    for name, part in (("docs", docs), ("unit", unit)):
        assert part.startswith(name)
        assert part.index(f"{name} begins") < part.index(f"{name} ends")
