"""docs/writing-a-service.md, typed: every command as it stands, in an empty directory, and what it answers."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.pages import blocks, matches
from tests.support.paths import REPO
from ww.authoring.check import check, report
from ww.authoring.explain import explain
from ww.authoring.place import find_place
from ww.authoring.template import make_home

TEXT = (REPO / "docs/writing-a-service.md").read_text()
LIMIT_S = 30


class Desk:
    """An empty directory, a terminal for commands, and one in which `ww run` stays."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        commands = pathlib.Path(sys.executable).parent
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("CFG", "WW_"))}
        self._env = {**clean, "PATH": f"{commands}:{os.environ['PATH']}", "COLUMNS": "80"}
        self.instance: subprocess.Popen[bytes] | None = None
        self.log = directory.parent / "log"

    def type(self, commands: str) -> str:
        """Run one block; it must end well."""
        if commands.startswith("ww run "):
            self._run(commands)
            return ""
        done = subprocess.run(
            ["/bin/sh", "-ec", commands],
            cwd=self._directory,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        said = self.log.read_text() if self.log.exists() else ""
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{said}"
        return done.stdout

    def _run(self, command: str) -> None:
        if self.instance is not None:
            assert self.instance.wait(LIMIT_S) == 0, "the run before was stopped"
        with self.log.open("ab") as log:
            self.instance = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                cwd=self._directory,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def leave(self) -> None:
        """Nothing stays behind, also when a command failed."""
        if self.instance is not None and self.instance.poll() is None:
            self.instance.send_signal(signal.SIGTERM)
            self.instance.wait(LIMIT_S)


@pytest.fixture
def desk(tmp_path: pathlib.Path) -> Iterator[Desk]:
    (tmp_path / "empty").mkdir()
    made = Desk(tmp_path / "empty")
    yield made
    made.leave()


@pytest.mark.timeout(120)
@pytest.mark.rule("D-author-page", "D-init-runs")
def test_everything_that_an_author_is_told_to_type_works(desk: Desk) -> None:
    if shutil.which("python3") is None:
        pytest.skip("python3 is not on the PATH, and the page's example is written in it")
    for commands, answer in blocks(TEXT):
        output = desk.type(commands)
        if answer:
            assert matches(answer, output), f"$ {commands}\n--- answers\n{output}\n--- and the page says\n{answer}"
    assert desk.instance is not None
    assert desk.instance.wait(LIMIT_S) == 0


def members(command: str) -> set[str]:
    """What the page says that `command --json` prints."""
    table = TEXT.split(f"| member of `{command} --json` |", 1)[1].split("\n\n", 1)[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.mark.rule("D-author-page")
def test_the_members_of_what_programs_read_are_named(tmp_path: pathlib.Path) -> None:
    make_home(str(tmp_path / "site"))
    place = find_place(str(tmp_path / "site"))
    assert set(report(place, check(place))) == members("ww check")
    assert set(explain(place.layout, {}, [])) == members("ww explain")


def test_the_matching_of_answers_is_exact_but_for_dots() -> None:
    assert matches("a\n…\nb …\n", "a\nx\ny\nb 12\n")
    assert not matches("a\n", "a\nb\n")
    assert not matches("b\n…\n", "a\nb\n")


@pytest.mark.rule("D-author-page")
def test_the_page_walks_the_whole_way() -> None:
    typed = "".join(commands for commands, _ in blocks(TEXT))
    for command in ("init", "check", "explain", "run", "wait", "status", "cfg", "reload", "stop"):
        assert re.search(rf"\bww {command}\b", typed), command
