"""The drawing is held by import-linter, on the tree that is tested and not only before a commit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import PACKAGE, REPO


@pytest.mark.rule("D-layers", "D-pid1-stdlib")
def test_every_contract_of_the_drawing_is_kept() -> None:
    command = [
        str(Path(sys.executable).parent / "lint-imports"),
        "--config",
        str(REPO / "pyproject.toml"),
        "--no-cache",
    ]
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
