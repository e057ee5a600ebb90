"""The layers of a configuration and what they add up to."""

from __future__ import annotations

import pytest

from tests.support.configs import Instance


@pytest.fixture
def instance(tmp_path) -> Instance:
    return Instance(tmp_path)


@pytest.mark.rule("WWA-4", "WW-7", "WW-9", "WW-10", "WW-13")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", {"a": 1, "db": {"host": "x", "port": 1}, "list": [1, 2]}),
        (" \n\t", {"a": 1, "db": {"host": "x", "port": 1}, "list": [1, 2]}),
        ("{}", {"a": 1, "db": {"host": "x", "port": 1}, "list": [1, 2]}),
        ('{"db":{"port":2}}', {"a": 1, "db": {"host": "x", "port": 2}, "list": [1, 2]}),
        ('{"list":[3]}', {"a": 1, "db": {"host": "x", "port": 1}, "list": [3]}),
        ('{"db":null}', {"a": 1, "db": None, "list": [1, 2]}),
        ('{"a":{"b":1}}', {"a": {"b": 1}, "db": {"host": "x", "port": 1}, "list": [1, 2]}),
        ('{"a":"two  blanks   here"}', {"a": "two  blanks   here", "db": {"host": "x", "port": 1}, "list": [1, 2]}),
        ('{"a":"* * * * *"}', {"a": "* * * * *", "db": {"host": "x", "port": 1}, "list": [1, 2]}),
    ],
)
def test_cfg_is_merged_deeply_over_the_defaults_and_values_arrive_as_given(instance, given, expected):
    instance.put("default_cfg.json", {"a": 1, "db": {"host": "x", "port": 1}, "list": [1, 2]})
    assert instance.cfg({"CFG": given}) == expected


@pytest.mark.rule("D-cfg-layers", "WW-8")
def test_each_layer_lies_over_the_one_before(instance, tmp_path):
    instance.put("defaults.json", dict.fromkeys("abcdefgh", "defaults"))
    instance.put("default_cfg.json", dict.fromkeys("bcdefgh", "default_cfg"))
    instance.put("conf.d/20-z.json", dict.fromkeys("defgh", "conf 20"))
    instance.put("conf.d/10-a.json", dict.fromkeys("cdefgh", "conf 10"))
    instance.put("conf.d/.hidden.json", {"a": "hidden"})
    instance.put("conf.d/README", "not JSON")
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text('{"e":"one","f":"one"}')
    two.write_text('{"f":"two"}')
    environ = {"CFG_FILE": f"{one}:{two}", "CFG": '{"g":"cfg","h":"cfg","i":"cfg"}', "CFG__h": "variable"}
    cfg = instance.cfg({**environ, "CFG__i": "variable"}, "i=set", "i=last")
    assert cfg == {
        "a": "defaults",
        "b": "default_cfg",
        "c": "conf 10",
        "d": "conf 20",
        "e": "one",
        "f": "two",
        "g": "cfg",
        "h": "variable",
        "i": "last",
    }


@pytest.mark.rule("D-cfg-env", "D-force-string")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=1", {"a": {"b": 1}}),
        ("a.b=007", {"a": {"b": "007"}}),
        ("a.b:=7", {"a": {"b": "7"}}),
        ("a.b:=007", {"a": {"b": "007"}}),
        ("A.b=true", {"A": {"b": True}}),
        ("a=null", {"a": None}),
        ("a=[1,2]", {"a": [1, 2]}),
        ('a={"b":{}}', {"a": {"b": {}}}),
        ("a=", {"a": ""}),
        ("a=x=y", {"a": "x=y"}),
        ("a=NaN", {"a": "NaN"}),
        ("a=1e999", {"a": "1e999"}),
        ("a=*  *", {"a": "*  *"}),
        ('"a.b=c".d=1', {"a.b=c": {"d": 1}}),
        ("a-b=1", {"a-b": 1}),
    ],
)
def test_a_setting_is_json_if_it_parses_and_a_string_else(instance, text, expected):
    assert instance.cfg({}, text) == expected


@pytest.mark.rule("D-cfg-env", "D-force-string")
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CFG__a__b", "1", {"a": {"b": 1}}),
        ("CFG__a__b:", "1", {"a": {"b": "1"}}),
        ("CFG__A__b_c", "x y", {"A": {"b_c": "x y"}}),
        ("CFG__a", '{"b":[1]}', {"a": {"b": [1]}}),
        ("CFG__a", "", {"a": ""}),
        ("CFG_a", "1", {}),
        ("CFGX", "1", {}),
    ],
)
def test_a_variable_is_json_if_it_parses_and_a_string_else(instance, name, value, expected):
    assert instance.cfg({name: value}) == expected


@pytest.mark.rule("D-cfg-layers")
def test_a_reference_to_a_secret_replaces_and_is_replaced_as_one_value(instance):
    instance.put("default_cfg.json", {"a": {"user": "x"}, "b": {"$secret": "one"}, "c": {"$secret": "one"}})
    cfg = instance.cfg({"CFG": '{"a":{"$env":"A"},"b":{"$file":"/b"},"c":{"d":1}}'})
    assert cfg == {"a": {"$env": "A"}, "b": {"$file": "/b"}, "c": {"d": 1}}


@pytest.mark.rule("D-cfg-cache")
def test_any_changed_input_changes_the_key_and_nothing_else_does(instance, tmp_path):
    named = tmp_path / "named.json"
    named.write_text("{}")
    instance.put("default_cfg.json", {})
    environ = {"CFG": "{}", "CFG_FILE": str(named), "CFG__a": "1", "HOME": "/root"}

    def key(*sets: str, **changed: str) -> str:
        return instance.collect({**environ, **changed}, *sets).key

    keys = [key()]
    assert key(HOME="/elsewhere") == keys[0]
    keys += [key(CFG="{} "), key(CFG__a="2"), key(CFG__b="1"), key("a=1"), key("a=1", "b=1"), key("b=1", "a=1")]
    named.write_text("{ }")
    keys.append(key())
    instance.put("default_cfg.json", {"a": 1})
    keys.append(key())
    instance.put("conf.d/1.json", {})
    keys.append(key())
    instance.put("cfg_schema.json", {})
    keys.append(key())
    named.unlink()
    keys.append(key())
    assert len(set(keys)) == len(keys)


@pytest.mark.rule("D-cfg-cache")
def test_the_same_files_elsewhere_have_another_key(tmp_path):
    one, two = Instance(tmp_path / "one"), Instance(tmp_path / "two")
    assert one.collect().key != two.collect().key
