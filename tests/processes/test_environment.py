"""scripts/venv says what a machine lacks, in words that can be acted on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import REPO

TOO_OLD = "#!/bin/sh\necho 3.9\n"
WITHOUT_VENV = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\necho 3.12\n'


@pytest.mark.parametrize(
    ("interpreter", "words"),
    [
        (TOO_OLD, ["too old:", "(is 3.9)", "apt-get install python3 python3-venv"]),
        (WITHOUT_VENV, ["without the module venv:", "(is 3.12)", "apt-get install python3-venv", "python3.12-venv"]),
        ("", ["tried:", "apt-get install python3 python3-venv"]),
    ],
    ids=["too old", "without venv", "not there"],
)
def test_an_unfit_python_is_explained_and_nothing_is_made(tmp_path: Path, interpreter: str, words: list[str]) -> None:
    python = tmp_path / "python"
    if interpreter:
        python.write_text(interpreter)
        python.chmod(0o755)
    env = {**os.environ, "PYTHON": str(python), "VENV": str(tmp_path / "venv")}
    answer = subprocess.run([REPO / "scripts" / "venv", "build"], env=env, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert all(word in answer.stderr for word in words), answer.stderr
    assert not (tmp_path / "venv").exists()
