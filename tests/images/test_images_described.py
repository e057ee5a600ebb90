"""What every service image owes its users: a README with every setting, and nothing that `ww check` finds."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.imagetree import IMAGES

NAMES = ("nginx", "webapp")


def settings(schema: dict[str, Any], whole: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted names of all settings of a schema; `*` is a name that the operator chooses."""
    if "$ref" in schema:
        schema = {**whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], **schema}
    members = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        members["*"] = schema["additionalProperties"]
    for name, member in members.items():
        below = list(settings(member, whole, f"{prefix}{name}."))
        has_description = "description" in member
        yield from [f"{prefix}{name}"] if has_description or not below else []
        yield from below


def described(readme: str) -> set[str]:
    """The first column of the tables whose first heading is `key`."""
    tables = re.findall(r"^\| key .*\n\|[ |-]*\n((?:\|.*\n)+)", readme, re.MULTILINE)
    return {name for table in tables for name in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)}


@pytest.mark.rule("D-image-settings")
@pytest.mark.parametrize("name", NAMES)
def test_the_readme_names_every_setting_and_no_other(name: str) -> None:
    schema = json.loads((IMAGES / name / "ww/etc/cfg_schema.json").read_text())
    assert described((IMAGES / name / "README.md").read_text()) == set(settings(schema, schema))


@pytest.mark.rule("D-image-settings")
@pytest.mark.parametrize("name", NAMES)
def test_the_readme_has_the_defaults_as_they_are(name: str) -> None:
    defaults = json.loads((IMAGES / name / "ww/etc/default_cfg.json").read_text())
    readme = (IMAGES / name / "README.md").read_text()
    said = dict(re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", readme, re.MULTILINE))
    assert said, "there are defaults in the README"
    for key, text in said.items():
        value = defaults
        for part in key.split("."):
            value = value[part]
        assert json.loads(text) == value, key


@pytest.mark.rule("D-image-check")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_an_image_and_its_schema_compiles(name: str, tmp_path: pathlib.Path) -> None:
    shutil.copytree(IMAGES / name / "ww", tmp_path / "ww")
    command = [sys.executable, "-P", "-m", "ww", "check", "--strict", "--compile", "--json", str(tmp_path / "ww")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(checked.stdout)
    assert found["findings"] == []
    assert checked.returncode == 0
    assert found["compiled"], "the schema costs nothing at boot"
