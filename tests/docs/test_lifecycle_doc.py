"""docs/lifecycle.md says what the table says."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

from ww import errors
from ww.lifecycle.model import State

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.rule("D-diagram-fresh")
def test_the_generated_diagram_is_fresh() -> None:
    script = DOCS.parent / "scripts" / "lifecycle-doc"
    done = subprocess.run([sys.executable, str(script), "--check"], check=False)
    assert done.returncode == 0, "run scripts/lifecycle-doc"


def test_every_state_is_explained() -> None:
    text = (DOCS / "lifecycle.md").read_text()
    for state in State:
        assert re.search(rf"^\| {state.value} \| \S", text, re.MULTILINE), state


def test_every_exit_code_is_explained() -> None:
    text = (DOCS / "lifecycle.md").read_text()
    of_other_commands = ("EXIT_LOOKUP", "EXIT_UNAVAILABLE")
    codes = {
        value for name, value in vars(errors).items() if name.startswith("EXIT_") and name not in of_other_commands
    }
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert documented == codes
