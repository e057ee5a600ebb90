"""docs/sinks.md and a page for each type say what is so."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.configs import Instance
from tests.support.pages import fenced
from tests.support.paths import REPO
from ww.config.settings import load_schema
from ww.config.sinktypes import BUILT_IN, Unusable, own_schema
from ww.sinks.delivery.counts import Counts
from ww.sinks.registry import sink_type

PAGE = (REPO / "docs" / "sinks.md").read_text()
TYPES = sorted(name.removesuffix(".json") for name in os.listdir(REPO / "ww/config/sinks") if name.endswith(".json"))
EXAMPLES = [
    pytest.param(text, id=f"{page.name}-{number}")
    for page in [REPO / "docs" / "sinks.md", *sorted((REPO / "docs" / "sinks").glob("*.md"))]
    for number, text in enumerate(fenced(page.read_text(), "json"))
    if '"ww"' in text
]

pytestmark = pytest.mark.rule("D-sink-pages")


def page_of(name: str) -> str:
    return (REPO / "docs" / "sinks" / f"{name}.md").read_text()


def rows(text: str, heading: str) -> dict[str, str]:
    """The table under a heading: name and default."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", maxsplit=1)[0]
    lines = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {cells[0].strip().strip("`"): cells[1].strip() for cells in lines}


def described(schema: dict[str, Any], root: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, bool]]:
    """Each setting with what its page says of its default; whether it must have a row, as an object may have none."""
    required = schema.get("required", ())
    for key, found in schema["properties"].items():
        part = {**root["$defs"][found["$ref"].removeprefix("#/$defs/")], **found} if "$ref" in found else found
        name = prefix + key
        whole = "required" if key in required else f"`{json.dumps(part['default'])}`" if "default" in part else "absent"
        yield name, whole, "properties" not in part
        if "properties" in part:
            yield from described(part, root, f"{name}.")


def compare(documented: dict[str, str], schema: dict[str, Any]) -> None:
    there = {name: (default, needed) for name, default, needed in described(schema, schema)}
    assert set(documented) <= set(there), "rows of settings that there are not"
    assert {name for name, (_, needed) in there.items() if needed} <= set(documented), "settings without a row"
    for name, cell in documented.items():
        assert cell == there[name][0], name


def test_every_delivery_option_is_on_the_page_with_its_default() -> None:
    compare(rows(PAGE, "Delivery options"), load_schema()["$defs"]["sink"])


@pytest.mark.parametrize("name", TYPES)
def test_every_type_has_a_page_with_its_guarantee_and_each_setting_with_its_default(name: str) -> None:
    text = page_of(name)
    found = sink_type(name, "")
    assert not isinstance(found, Unusable)
    assert found.name == name
    assert found.schema == own_schema(name)
    guarantee = re.search(r"^\*\*Guarantee: ([^*]*)\*\*", text, re.MULTILINE)
    assert guarantee is not None
    assert guarantee[1].startswith(found.guarantee.value)
    if own_schema(name)["properties"]:
        compare(rows(text, "Settings"), own_schema(name))
    else:
        assert "\n## Settings\n\nNone besides" in text


def marked(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Each setting, and whether its type marks it as a secret."""
    for key, part in schema["properties"].items():
        inner = part.get("additionalProperties")
        yield prefix + key, bool(part.get("writeOnly") or (isinstance(inner, dict) and inner.get("writeOnly")))
        if "properties" in part:
            yield from marked(part, f"{prefix}{key}.")


@pytest.mark.parametrize("name", TYPES)
def test_the_secrets_of_a_type_are_marked_on_its_page(name: str) -> None:
    said = dict(re.findall(r"^\| `([^`]+)` \| [^|]+ \| (.*) \|$", page_of(name), re.MULTILINE))
    for setting, secret in marked(own_schema(name)):
        assert said.get(setting, "").startswith("(secret)") == secret, setting


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_in_the_index_with_its_guarantee(name: str) -> None:
    found = sink_type(name, "")
    assert not isinstance(found, Unusable)
    assert name in BUILT_IN
    assert f"| [`{name}`](sinks/{name}.md) | {found.guarantee.value} | {found.summary} |" in PAGE


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_a_valid_configuration(text: str, tmp_path: Path) -> None:
    assert Instance(tmp_path).build({"CFG": text}).problems == []


def test_every_member_of_the_statistics_is_on_the_page() -> None:
    section = PAGE.split("\n## How a sink stands\n", 1)[1]
    named = {
        name
        for line in section.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split(" | ")[0])
    }
    assert set(Counts().record()) <= named
