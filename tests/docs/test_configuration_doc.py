"""docs/configuration.md says what is so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.support.configs import Instance
from tests.support.paths import REPO
from ww.cli.cfg import cfg
from ww.config import settings
from ww.config.steering import KNOWN
from ww.config.validate import faults, schema_fault

PAGE = (REPO / "docs" / "configuration.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def without_comments(text: str) -> str:
    """JSON with `// …` comments as plain JSON; a string may hold slashes."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda found: found[1] or "", text)


def flat(value: dict[str, object], names: set[str], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, item in value.items():
        name = prefix + key
        if isinstance(item, dict) and name not in names:
            yield from flat(item, names, f"{name}.")
        else:
            yield name, item


@pytest.mark.rule("D-settings-documented")
def test_the_example_of_all_settings_is_valid_and_shows_each_setting_with_its_default_and_no_other():
    (text,) = blocks("jsonc")
    example = json.loads(without_comments(text))
    assert list(example) == ["ww"]
    schema = settings.load_schema()
    assert schema_fault(schema) is None
    assert faults(example["ww"], schema) == []
    defaults = {name: part["default"] for name, part in settings.declared(schema)}
    assert dict(flat(example["ww"], set(defaults))) == defaults


@pytest.mark.rule("D-settings-documented")
def test_every_setting_has_a_description_a_unit_in_its_name_and_a_comment():
    (text,) = blocks("jsonc")
    for name, part in settings.declared(settings.load_schema()):
        assert part["description"].endswith(".")
        last = name.rsplit(".", 1)[-1]
        if part.get("type") == "number" and last != "jitter":
            assert last.endswith("_s")
        if not name.startswith("ww.hooks."):
            assert re.search(rf'"{last}": .*//', text) or name.startswith("hooks."), name


def test_the_defaults_satisfy_the_schema():
    schema = settings.load_schema()
    assert faults(settings.nested(settings.fill({})), schema) == []


@pytest.mark.rule("D-cfg-strategies")
def test_the_strategies_on_the_page_are_those_there_are_and_its_schema_works(tmp_path):
    (sentence,) = re.findall(r"^`mergeStrategy` is one of (.*?)\(", PAGE, re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r"`(\w+)`", sentence)) == sorted(KNOWN)
    instance = Instance(tmp_path)
    instance.put("cfg_schema.json", blocks("json")[0])
    instance.put("default_cfg.json", {"plugins": ["a"], "servers": [{"name": "x", "port": 1}]})
    merged = instance.cfg({"CFG": '{"plugins":["b"],"servers":[{"name":"x","port":2},{"name":"y"}]}'})
    assert merged == {"plugins": ["a", "b"], "servers": [{"name": "x", "port": 2}, {"name": "y"}]}


@pytest.mark.rule("WW-9")
def test_the_example_of_a_merge_is_what_comes_out(tmp_path):
    default, given, result = re.search(r"default_cfg.json +({.*})\nCFG +({.*})\nresult +({.*})\n", PAGE).groups()
    instance = Instance(tmp_path)
    instance.put("default_cfg.json", default)
    assert instance.cfg({"CFG": given}) == json.loads(result)


def test_every_option_of_ww_cfg_is_on_the_page():
    options = {name for parameter in cfg.params for name in parameter.opts if name.startswith("--")}
    assert options == set(re.findall(r"^\| `(--\w+)", PAGE, re.MULTILINE))
