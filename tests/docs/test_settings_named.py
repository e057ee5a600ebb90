"""A setting that a page names exists: `ww.restart.limit` in the text is a property of the settings' schema."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted({*(ROOT / "docs").glob("*.md"), *(ROOT / "hooks-template").rglob("*"), *(ROOT / "images").rglob("*.md")})
SETTING = re.compile(r"(?<!/)\bww\.([a-z_]+(?:\.[A-Za-z_]+)*)\b(?!\()")
PACKAGES = {path.stem for path in (ROOT / "ww").iterdir()}


def _settings() -> set[str]:
    schema = json.loads((ROOT / "ww/config/settings.schema.json").read_text())
    found: set[str] = set()

    def walk(node: dict[str, object], path: tuple[str, ...]) -> None:
        while "$ref" in node:
            target: object = schema
            for part in str(node["$ref"]).removeprefix("#/").split("/"):
                target = target[part]  # type: ignore[index]
            node = target  # type: ignore[assignment]
        found.add(".".join(path))
        for name, child in node.get("properties", {}).items():  # type: ignore[attr-defined]
            walk(child, (*path, name))
        members = node.get("additionalProperties")
        if isinstance(members, dict):
            walk(members, (*path, "NAME"))

    walk(schema, ())
    return found


def _general(name: str) -> str:
    """`services.web.user` names what `services.NAME.user` is; `hooks.NAME.retries` is that of any hook."""
    named = re.sub(r"^(services|signals|labels)\.\w+", r"\1.NAME", name)
    return named.replace("hooks.NAME", "hooks.boot")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.is_file()], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    settings = _settings()
    named = {name for name in SETTING.findall(page.read_text()) if name.split(".")[0] not in PACKAGES}
    unknown = {name for name in named if _general(name) not in settings}
    assert not unknown
