"""A copy of ww with one named defect, to see that a test notices it."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import ww

TESTS = pathlib.Path(__file__).resolve().parents[1]


def mutant(place: pathlib.Path, file: str, old: str, new: str) -> pathlib.Path:
    """Copy the package under test to PLACE/ww with `old` replaced by `new` in `file`; `old` must stand there once."""
    source = pathlib.Path(ww.__file__).parent
    shutil.copytree(source, place / "ww", ignore=shutil.ignore_patterns("__pycache__"))
    path = place / "ww" / file
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}: the mutation is out of date"
    path.write_text(text.replace(old, new))
    return place


def run_tests(place: pathlib.Path, selection: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a selection of the suite on the mutant; stops at the first red test."""
    env = {**os.environ, "PYTHONPATH": f"{place}:{TESTS.parent}", "WW_TEST_TREE": "1", "WW_TEST_PATIENCE_S": "4"}
    command = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *selection]
    return subprocess.run(command, cwd=TESTS.parent, env=env, capture_output=True, text=True, check=False, timeout=120)
