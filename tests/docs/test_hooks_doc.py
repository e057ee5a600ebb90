"""docs/hooks.md and hooks-template/ name every hook and every variable of the contract, and nothing that does not exist."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from ww.instance.hookenv import VARIABLES
from ww.instance.hookset import HOOKS

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs/hooks.md").read_text()
TEMPLATE = ROOT / "hooks-template"
SCHEMA = ROOT / "ww/config/settings.schema.json"


def _first_column(heading: str) -> list[str]:
    """The names in back quotes of the first column of the first table after `heading`."""
    table = TEXT[TEXT.index(heading) :].split("\n\n")
    rows = next(part for part in table if part.startswith("|")).splitlines()[2:]
    return [re.match(r"\| `([^`]+)`", row)[1] for row in rows if row.startswith("| `")]  # type: ignore[index]


@pytest.mark.rule("WW-3", "D-hook-contract")
def test_every_hook_is_documented_and_no_other() -> None:
    documented = set(_first_column("## At which moment")) - {"upgrade.d/STEP"}
    assert documented == set(HOOKS)


@pytest.mark.rule("D-hook-contract")
def test_every_variable_is_documented_and_no_other() -> None:
    table = next(part for part in TEXT.split("\n\n") if part.startswith("| variable"))
    documented = re.findall(r"^\| `(WW_\w+)`", table, re.MULTILINE)
    assert documented == list(VARIABLES)
    everywhere = set(re.findall(r"\bWW_[A-Z_]+\b", TEXT))
    assert everywhere - set(VARIABLES) == {"WW_HOOK_RUN"}


@pytest.mark.rule("WW-3")
def test_the_template_has_every_hook_and_no_other() -> None:
    hooks = {path.name for path in (TEMPLATE / "usr").iterdir() if path.is_file()}
    assert hooks == set(HOOKS)
    for name in hooks:
        path = TEMPLATE / "usr" / name
        assert os.access(path, os.X_OK), name
        assert path.read_text().splitlines()[1].startswith((f"# {name}: ", f"# {name} ")), (
            "its second line says what it is for"
        )


@pytest.mark.rule("D-hook-contract")
@pytest.mark.parametrize("name", HOOKS)
def test_limits_are_those_of_the_settings(name: str) -> None:
    """The table's limit, and the one in the template, are the default of ww.hooks.NAME.timeout_s."""
    defaults = json.loads(SCHEMA.read_text())
    hook = _hook_schema(defaults, name)
    seconds = hook["timeout_s"]["default"]
    (row,) = re.findall(rf"^\| `{name}` \|.*$", TEXT, re.MULTILINE)
    limit = row.split("|")[4].strip()
    if name == "svcdown":
        assert seconds == 0
        assert "stop budget" in limit
    else:
        assert limit == (f"{seconds} s" if seconds else "none")
        in_template = (TEMPLATE / "usr" / name).read_text()
        assert f"# Limit: {limit}" in re.sub(r" +", " ", in_template)


def _hook_schema(schema: dict, name: str) -> dict:
    node = schema["properties"]["hooks"]["properties"][name]
    while "$ref" in node and "properties" not in node:
        target = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node["properties"]


def test_the_scripts_shown_are_strict_and_valid_sh() -> None:
    import subprocess

    scripts = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    assert len(scripts) == 5
    for script in scripts:
        assert script.startswith("#!/bin/sh\n")
        assert "set -eu\n" in script
        assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
