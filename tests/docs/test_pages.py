"""The pages that are made from the tree are fresh, and what pages point at is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import REPO

PAGES = sorted([REPO / "README.md", REPO / "CHANGELOG.md", *REPO.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")


@pytest.mark.rule("D-rules-covered")
def test_the_table_of_rules_and_tests_is_fresh() -> None:
    command = [sys.executable, str(REPO / "scripts" / "coverage"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    dead = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert not dead


def test_the_readme_names_commands_that_make_has() -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", (REPO / "README.md").read_text(), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    assert named <= targets
    assert {"demo", "test"} <= named
