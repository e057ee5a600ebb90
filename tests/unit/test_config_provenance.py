"""Which layer set what."""

from __future__ import annotations

import pytest

from tests.support.configs import Instance


@pytest.fixture
def instance(tmp_path) -> Instance:
    return Instance(tmp_path)


def story(instance: Instance, environ: dict[str, str], *sets: str) -> dict[str, tuple[object, ...]]:
    compiled = instance.build(environ, *sets)
    assert compiled.problems == []
    return {
        str(leaf["path"]): (
            leaf["value"],
            str(leaf["layer"]).rsplit("/", 1)[-1],
            [(old["value"], str(old["layer"]).rsplit("/", 1)[-1]) for old in leaf["overrode"]],
        )
        for leaf in compiled.provenance.report(compiled.is_hidden)
    }


@pytest.mark.rule("D-cfg-provenance")
def test_every_leaf_knows_its_layer_and_what_that_overrode(instance):
    instance.put("default_cfg.json", {"a": 1, "b": {"c": 1, "d": [1]}, "e": {}, "same": 1})
    instance.put("conf.d/1.json", {"a": 2, "b": {"d": [2]}, "same": 1})
    assert story(instance, {"CFG": '{"a":3,"b":{"c":null},"e":{"f":1}}'}, "g.h=1") == {
        "a": (3, "CFG", [(2, "1.json"), (1, "default_cfg.json")]),
        "b.c": (None, "CFG", [(1, "default_cfg.json")]),
        "b.d": ([2], "1.json", [([1], "default_cfg.json")]),
        "same": (1, "1.json", [(1, "default_cfg.json")]),
        "e.f": (1, "CFG", []),
        "g.h": (1, "--set g.h", []),
    }


@pytest.mark.rule("D-cfg-provenance")
def test_a_value_over_an_object_and_an_object_over_a_value_know_what_was_there(instance):
    instance.put("default_cfg.json", {"a": {"x": 1, "y": 2}, "b": 3})
    assert story(instance, {"CFG": '{"a":4,"b":{"z":5}}'}) == {
        "a": (4, "CFG", [(2, "default_cfg.json"), (1, "default_cfg.json")]),
        "b.z": (5, "CFG", [(3, "default_cfg.json")]),
    }


@pytest.mark.rule("D-cfg-provenance", "D-cfg-strategies")
def test_strategies_tell_what_they_made(instance):
    instance.put(
        "cfg_schema.json", {"properties": {"l": {"mergeStrategy": "append"}, "k": {"mergeStrategy": "discard"}}}
    )
    instance.put("default_cfg.json", {"l": [1], "k": 1})
    assert story(instance, {"CFG": '{"l":[2],"k":2}'}) == {
        "l": ([1, 2], "CFG", [([1], "default_cfg.json")]),
        "k": (1, "default_cfg.json", []),
    }


@pytest.mark.rule("D-secret-masked", "D-writeonly-masked", "D-cfg-provenance")
def test_hidden_values_and_what_a_secret_replaced_are_masked(instance):
    instance.put("cfg_schema.json", {"properties": {"p": {"writeOnly": True}, "o": {"writeOnly": True}}})
    instance.put("default_cfg.json", {"p": "old-password", "s": "default-password", "o": {"x": "deep-password"}})
    text = str(story(instance, {"CFG": '{"p":"new-password","s":{"$secret":"s"}}'}))
    assert "password" not in text
    assert "'$secret': 's'" in text
