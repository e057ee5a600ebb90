"""What `ww check` leaves beside a schema: used when it fits and can be trusted, never otherwise."""

from __future__ import annotations

import os

import pytest

from tests.support.configs import Instance
from ww.clib import pattern_kind
from ww.config import precompiled
from ww.config.checking import checker
from ww.config.generate import generate, settings_module
from ww.config.precompiled import NAME, Known, Written
from ww.config.settings import schema_path
from ww.config.validate import faults

SCHEMA = {
    "type": "object",
    "properties": {"port": {"type": "integer", "maximum": 65535}, "db": {"type": "string", "writeOnly": True}},
    "required": ["port"],
}


@pytest.fixture
def instance(tmp_path) -> Instance:
    return Instance(tmp_path)


def compiled(instance: Instance, schema: object = SCHEMA) -> Written:
    instance.put("cfg_schema.json", schema)
    return precompiled.write(str(instance.etc))


def known(instance: Instance) -> Known | None:
    path = instance.etc / "cfg_schema.json"
    return precompiled.load(str(path), path.read_bytes())


@pytest.mark.rule("D-fast-check")
def test_what_is_compiled_answers_for_the_schema(instance):
    written = compiled(instance)
    assert written == Written(str(instance.etc / NAME), "")
    found = known(instance)
    assert found is not None
    assert found.accepts is not None
    assert (found.steers, found.hides, found.reason) == (False, True, "")
    assert found.accepts({"port": 80})
    assert not found.accepts({"port": 70000})
    assert not found.accepts({})
    assert found.accepts({"port": {"$secret": "port"}})


@pytest.mark.rule("D-fast-check")
def test_ordinary_schemas_are_compiled(instance):
    """What the property test cannot see: that there is code at all."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.org/schema",
        "type": "object",
        "additionalProperties": False,
        "patternProperties": {"^x-": True, "^y-": {"type": "null"}},
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z]+$", "format": "hostname", "default": "a"},
            "tree": {"$ref": "#/$defs/tree", "description": "beside a $ref", "maxProperties": 2},
            "mode": {"enum": ["a", 1, None], "title": "mode"},
            "kind": {"const": "fixed"},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "contains": {"const": "a"}},
            "either": {"oneOf": [{"type": "string"}, {"type": "array", "minItems": 1}], "not": {"const": ""}},
        },
        "dependentRequired": {"name": ["mode"]},
        "if": {"required": ["kind"]},
        "then": {"required": ["name"]},
        "$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}},
    }
    assert compiled(instance, schema).reason == ""
    found = known(instance)
    assert found is not None
    assert found.accepts is not None
    right = {"name": "a\n", "mode": 1.0, "tree": {"b": {"c": {}}}, "tags": ["a", "b"], "either": [1], "kind": "fixed"}
    assert found.accepts(right)
    wrong: list[dict[str, object]] = [
        {"name": "a1"},
        {"mode": True},
        {"tree": {"b": 1}},
        {"tree": {"b": {}, "c": {}, "d": {}}},
        {"tags": ["a", "a"]},
        {"tags": ["b"]},
        {"either": ""},
        {"y-1": 1},
        {"other": 1},
    ]
    assert [found.accepts({**right, **part}) for part in wrong] == [False] * len(wrong)
    assert not found.accepts({"kind": "fixed"})
    assert not found.accepts({"name": "a"})


@pytest.mark.rule("D-fast-check")
@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "integer"}, [1, 1.0, -(2**70)], [True, 1.5, "1", None]),
        ({"type": "number"}, [1, 1.5], [False, "1"]),
        ({"type": ["string", "null"]}, ["", None], [0, {}]),
        ({"type": "boolean"}, [True, False], [0, 1]),
        ({"type": "array"}, [[]], [{}]),
        ({"enum": ["a", 1, [False], {"k": None}]}, ["a", 1, 1.0, [False], {"k": None}], [True, [0], {"k": 0}, {}]),
        ({"const": 0}, [0, 0.0], [False, "", None]),
        ({"minLength": 2}, ["ab", 1], ["a", ""]),
        ({"maxLength": 1}, ["a", "é", [1, 2]], ["ab"]),
        ({"pattern": "^[ab]$"}, ["a", "b\n", 1], ["ab", "", "a\n\n"]),
        ({"pattern": "b"}, ["abc"], ["ac"]),
        ({"minimum": 1}, [1, "0"], [0, 0.5]),
        ({"maximum": 1}, [1.0, True], [1.5]),
        ({"exclusiveMinimum": 1}, [2, "1"], [1, 1.0]),
        ({"exclusiveMaximum": 1}, [0.5], [1]),
        ({"minItems": 1}, [[0], ""], [[]]),
        ({"maxItems": 1}, [[0], "ab"], [[0, 0]]),
        ({"uniqueItems": True, "items": {"type": "string"}}, [["a", "b"], []], [["a", "a"], [1]]),
        ({"items": {"type": "integer"}}, [[1, 2], []], [[1, "a"]]),
        ({"items": False}, [[]], [[1]]),
        ({"contains": {"type": "integer"}}, [["a", 1]], [["a"], []]),
        ({"minProperties": 1}, [{"a": 1}, []], [{}]),
        ({"maxProperties": 1}, [{"a": 1}], [{"a": 1, "b": 2}]),
        ({"required": ["a-b", 'q"']}, [{"a-b": 1, 'q"': 2}, []], [{"a-b": 1}]),
        (
            {"properties": {"a-b": {"type": "null"}, "ab": {"type": "string"}}},
            [{"a-b": None, "ab": ""}],
            [{"ab": None}],
        ),
        ({"properties": {"{x}": False, "é\n": True}}, [{"é\n": 1}], [{"{x}": 1}]),
        ({"patternProperties": {"^x": {"type": "null"}}}, [{"x1": None, "a": 1}], [{"x1": 1}]),
        (
            {"properties": {"a": True}, "patternProperties": {"^x": True}, "additionalProperties": {"type": "null"}},
            [{"a": 1, "x": 1, "b": None}],
            [{"b": 1}],
        ),
        ({"properties": {"a": True}, "additionalProperties": False}, [{"a": 1}, {}], [{"b": 1}]),
        ({"propertyNames": {"maxLength": 1}}, [{"a": 1}, {}], [{"ab": 1}]),
        ({"dependentRequired": {"a": ["b"]}}, [{"a": 1, "b": 1}, {"b": 1}], [{"a": 1}]),
        ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1, 2], [0, 3]),
        ({"anyOf": [{"minimum": 3}, {"maximum": 1}]}, [0, 4], [2]),
        ({"oneOf": [{"minimum": 1}, {"maximum": 2}]}, [0, 3], [1]),
        ({"if": {"minimum": 5}, "then": {"maximum": 6}, "else": {"type": "null"}}, [5, 6], [7, 1]),
        ({"then": False, "else": False}, [1], []),
        ({"$ref": "#/$defs/d", "maximum": 3}, [2, 3], [4, "a"]),
    ],
    ids=str,
)
def test_each_keyword_says_what_it_says_to_jsonschema_wherever_it_stands(schema, right, wrong):
    defs = {"$defs": {"d": {"type": "integer"}}}
    reference = {"$secret": "name"}
    for whole, good, bad in (
        (schema, right, wrong),
        ({"not": schema}, [*wrong, reference], right),
        ({"oneOf": [schema, {"not": {}}]}, right, wrong),
        ({"anyOf": [{"not": schema}, {"not": {}}]}, [*wrong, reference], right),
        ({"if": schema, "else": False}, right, wrong),
    ):
        accepts = checker(compile(generate({**whole, **defs}), "schema", "exec"), {})
        assert accepts is not None
        assert [value for value in good if not accepts(value) or faults(value, {**whole, **defs})] == []
        assert [value for value in bad if accepts(value) or not faults(value, {**whole, **defs})] == []


@pytest.mark.rule("D-fast-check")
@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"unevaluatedProperties": False}, "it uses unevaluatedProperties"),
        ({"dependentSchemas": {}}, "it uses dependentSchemas"),
        ({"properties": {"l": {"prefixItems": [True]}}}, "it uses prefixItems"),
        ({"properties": {"l": {"$dynamicRef": "#x"}}}, "it uses $dynamicRef inside"),
        ({"properties": {"l": {"multipleOf": 0.1}}}, "it uses multipleOf"),
        ({"properties": {"l": {"$ref": "https://example.org/x"}}}, "it refers to https://example.org/x"),
        ({"properties": {"l": {"pattern": "a$|b"}}}, "its pattern 'a$|b' has a $"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "its dialect is"),
        ({"allOf": [{"$ref": "#"}]}, "it refers to itself for the same value"),
    ],
)
def test_a_schema_that_cannot_be_compiled_says_why_and_is_still_vouched_for(instance, part, reason):
    written = compiled(instance, {**SCHEMA, **part})
    assert written.path
    assert written.reason.startswith(reason)
    found = known(instance)
    assert found is not None
    assert found.accepts is None
    assert found.reason == written.reason


@pytest.mark.rule("D-fast-check")
@pytest.mark.parametrize("schema", ["no JSON", "[]", {"type": "nothing"}, {"mergeStrategy": "version"}])
def test_an_invalid_schema_leaves_no_file(instance, schema):
    compiled(instance)
    written = compiled(instance, schema)
    assert written.path == ""
    assert written.reason
    assert not (instance.etc / NAME).exists()


@pytest.mark.rule("D-fast-check")
def test_another_schema_than_the_compiled_one_is_not_answered_for(instance):
    compiled(instance)
    instance.put("cfg_schema.json", {**SCHEMA, "required": ["db"]})
    assert known(instance) is None
    assert "'db' is a required property" in instance.problems({"CFG": '{"port":1}'})[0]["message"]


@pytest.mark.rule("D-fast-check", "D-cfg-schema", "D-writeonly-masked")
def test_with_and_without_it_the_result_and_the_words_are_the_same(instance):
    instance.put("default_cfg.json", {"port": 1, "db": "swordfish"})
    given = [{}, {"CFG__port": "70000"}, {"CFG__port": "x"}, {"CFG__db": "5"}, {"CFG__port": '{"$env":"P"}'}]
    instance.put("cfg_schema.json", SCHEMA)
    plain = [instance.build(environ) for environ in given]
    compiled(instance)
    fast = [instance.build(environ) for environ in given]
    assert [found.problems for found in fast] == [found.problems for found in plain]
    assert [found.cfg for found in fast] == [found.cfg for found in plain]
    assert [found.hidden for found in fast] == [found.hidden for found in plain]
    assert [bool(found.problems) for found in fast] == [False, True, True, True, False]


@pytest.mark.rule("D-fast-trust")
@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_can_write_is_not_run(instance, mode):
    compiled(instance)
    (instance.etc / NAME).chmod(mode)
    assert known(instance) is None


@pytest.mark.rule("D-fast-trust")
def test_a_file_of_another_user_is_not_run(instance):
    compiled(instance)
    if os.geteuid():
        pytest.skip("root: only root can give a file to another user")
    os.chown(instance.etc / NAME, 12345, 0)
    assert known(instance) is None


@pytest.mark.rule("D-fast-trust")
def test_a_link_to_a_file_is_not_followed(instance, tmp_path):
    compiled(instance)
    elsewhere = tmp_path / "elsewhere"
    (instance.etc / NAME).rename(elsewhere)
    (instance.etc / NAME).symlink_to(elsewhere)
    assert known(instance) is None


@pytest.mark.rule("D-fast-trust")
@pytest.mark.parametrize("cut", [0, 10, 36, 40, 200])
def test_a_torn_file_is_as_good_as_none(instance, cut):
    compiled(instance)
    data = (instance.etc / NAME).read_bytes()
    (instance.etc / NAME).write_bytes(data[:cut])
    assert known(instance) is None
    assert instance.cfg({"CFG": '{"port":1}'}) == {"port": 1}


@pytest.mark.rule("D-fast-trust")
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_file_is_as_good_as_none(instance, share):
    """One bit in the code of a damaged file could end the interpreter."""
    compiled(instance)
    data = bytearray((instance.etc / NAME).read_bytes())
    data[36 + int((len(data) - 37) * share)] ^= 4
    (instance.etc / NAME).write_bytes(data)
    assert known(instance) is None


@pytest.mark.rule("D-fast-check")
def test_the_check_of_the_settings_is_made_from_their_schema_as_it_is():
    with open(schema_path(), "rb") as file:
        wanted = settings_module(file.read())
    with open(schema_path().replace("settings.schema.json", "settings_check.py"), encoding="utf-8") as file:
        text = file.read()
    if f'KIND = "{pattern_kind()}"' in text:
        assert text == wanted, "run scripts/settings-check"
    else:
        # The states of patterns are those of the Python that we ship; another one makes its own when it needs them.
        assert text[text.index("PATTERNS = ") :] == wanted[wanted.index("PATTERNS = ") :], "run scripts/settings-check"


@pytest.mark.rule("D-fast-check")
def test_settings_are_accepted_without_a_library():
    assert precompiled.accepts_settings({"log": {"format": "json"}, "stop": {"budget_s": 5}})
    assert not precompiled.accepts_settings({"log": {"format": "xml"}})
    assert not precompiled.accepts_settings({"lgo": {}})
    assert not precompiled.accepts_settings([])
