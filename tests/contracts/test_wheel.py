"""What is in the wheel, and what pip makes of it."""

from __future__ import annotations

import os
import re
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import COMMAND, PACKAGE, REPO

LOCKS = sorted((REPO / "scripts" / "lock").glob("*.txt"))


def wheel() -> zipfile.ZipFile:
    built = sorted(Path(sys.prefix, "ww-wheel").glob("*.whl"))
    assert len(built) == 1, "scripts/venv keeps the wheel that it installed beside the environment"
    return zipfile.ZipFile(built[0])


@pytest.mark.rule("D-wheel")
def test_the_wheel_holds_every_file_of_the_package_and_nothing_twice() -> None:
    tree = {path.relative_to(REPO).as_posix() for path in (REPO / "ww").rglob("*") if path.is_file()}
    expected = {name for name in tree if "__pycache__" not in name and not name.startswith("ww/bin/")}
    names = [name for name in wheel().namelist() if name.startswith("ww/") and "/hooks-template/" not in name]
    assert sorted(names) == sorted(expected)


@pytest.mark.rule("D-wheel")
def test_the_hooks_template_is_installed_with_its_x_bits() -> None:
    template = REPO / "hooks-template"
    tree = {path.relative_to(template): os.access(path, os.X_OK) for path in template.rglob("*") if path.is_file()}
    installed = PACKAGE / "hooks-template"
    copies = {path.relative_to(installed): path for path in installed.rglob("*") if path.is_file()}
    copies = {name: path for name, path in copies.items() if "__pycache__" not in name.parts}
    assert {name: bool(path.stat().st_mode & stat.S_IXUSR) for name, path in copies.items()} == tree


@pytest.mark.rule("D-wheel")
def test_the_command_is_a_plain_script_without_pips_wrapper() -> None:
    """pip's wrapper imports `re` before ours begins."""
    first, *rest = COMMAND.read_text().splitlines()
    assert first == f"#!{Path(sys.executable).parent}/{Path(first).name}"
    assert rest == ["from ww.launch import main", "", "main()"]
    assert os.access(COMMAND, os.X_OK)


@pytest.mark.rule("D-locks")
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_and_hashes_everything_and_names_no_place(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().split("\n", 1)[1].strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry
    assert "://" not in lock.read_text()


@pytest.mark.rule("D-locks")
def test_the_locks_agree_with_each_other() -> None:
    pins = {lock.stem: set(re.findall(r"^[a-z0-9._-]+==\S+", lock.read_text(), re.MULTILINE)) for lock in LOCKS}
    assert pins["runtime"] < pins["build"] < pins["dev"]
