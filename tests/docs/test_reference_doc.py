"""docs/reference.md is what the commands say, and the examples that they give can be typed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import click
import pytest

from tests.support.paths import REPO
from ww import errors
from ww.cli.main import COMMANDS, cli

TEXT = (REPO / "docs/reference.md").read_text()
EXAMPLE = re.compile(r"^ *(?:\w+=\S+ )?(ww [a-z].*?)(?:  .*)?$", re.MULTILINE)


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


@pytest.mark.rule("D-reference-fresh")
def test_the_reference_is_fresh() -> None:
    script = REPO / "scripts/reference-doc"
    done = subprocess.run([sys.executable, "-P", str(script), "--check"], check=False)
    assert done.returncode == 0, "run scripts/reference-doc"


@pytest.mark.rule("D-reference-fresh")
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_its_options(name: str) -> None:
    section = TEXT.split(f"## `ww {name}`\n", 1)[1].split("\n## ", 1)[0]
    for parameter in command(name).params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            for word in parameter.opts:
                assert re.search(rf"^\| `.*{re.escape(word)}\b", section, re.MULTILINE), word
    assert "Exit codes:" in section
    assert "Examples:" in section


@pytest.mark.rule("D-reference-fresh")
def test_every_exit_code_is_in_the_table() -> None:
    table = TEXT.split("## Exit codes\n", 1)[1]
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == codes


def examples() -> list[tuple[str, str]]:
    found = [(name, line) for name in COMMANDS for line in EXAMPLE.findall(command(name).epilog or "")]
    return [(name, line) for name, line in found if line.split()[1] == name]


@pytest.mark.rule("D-reference-fresh")
@pytest.mark.parametrize(("name", "line"), examples())
def test_an_example_can_be_typed(name: str, line: str) -> None:
    """click accepts it; nothing is called."""
    typed = re.split(r"\s(?:&&?|\|\|?|>|;)\s", line)[0]
    command(name).make_context(name, shlex.split(typed)[2:])
