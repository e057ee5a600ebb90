"""Schemas: the image's own with its strategies, and that of ww's settings."""

from __future__ import annotations

import json

import pytest

from tests.support.configs import Instance
from ww.config import settings
from ww.errors import problem_text


@pytest.fixture
def instance(tmp_path) -> Instance:
    return Instance(tmp_path)


@pytest.mark.rule("D-cfg-strategies")
@pytest.mark.parametrize(
    ("schema", "base", "over", "expected"),
    [
        ({"mergeStrategy": "append"}, [1], [2], [1, 2]),
        ({"mergeStrategy": "overwrite"}, {"a": 1}, {"b": 2}, {"b": 2}),
        ({"mergeStrategy": "discard"}, 1, 2, 1),
        (
            {"mergeStrategy": "arrayMergeById", "mergeOptions": {"idRef": "name"}},
            [{"name": "a", "v": {"x": 1}}, {"name": "b"}],
            [{"name": "a", "v": {"y": 2}}, {"name": "c"}],
            [{"name": "a", "v": {"x": 1, "y": 2}}, {"name": "b"}, {"name": "c"}],
        ),
        (
            {"mergeStrategy": "arrayMergeById"},
            [{"id": 1, "v": 1}],
            [{"id": 1, "v": {"w": 2}}],
            [{"id": 1, "v": {"w": 2}}],
        ),
        ({"mergeStrategy": "arrayMergeByIndex"}, [{"a": 1}], [{"b": 2}], [{"a": 1, "b": 2}]),
        ({"additionalProperties": {"mergeStrategy": "append"}}, {"q": [1]}, {"q": [2]}, {"q": [1, 2]}),
        (
            {"patternProperties": {"^x": {"mergeStrategy": "append"}}},
            {"x1": [1], "y": [1]},
            {"x1": [2], "y": [2]},
            {"x1": [1, 2], "y": [2]},
        ),
        (
            {"allOf": [{"type": "object"}], "properties": {"l": {"mergeStrategy": "append"}}},
            {"l": [1]},
            {"l": [2]},
            {"l": [1, 2]},
        ),
        ({"$ref": "#/$defs/list"}, [1], [2], [1, 2]),
        ({"$ref": "#/$defs/list", "mergeStrategy": "overwrite"}, [1], [2], [2]),
        (
            {"$ref": "#/$defs/tree"},
            {"l": [1], "sub": {"l": [2], "sub": {"l": [3]}}},
            {"sub": {"l": [4], "sub": {"l": [5]}}},
            {"l": [1], "sub": {"l": [2, 4], "sub": {"l": [3, 5]}}},
        ),
        ({"properties": {"l": {"mergeStrategy": "append"}}}, 1, {"l": [1]}, {"l": [1]}),
        ({"properties": {"l": {"mergeStrategy": "append"}}}, {"$secret": "x"}, {"l": [1]}, {"l": [1]}),
        ({"mergeStrategy": "objectMerge"}, {"a": 1}, None, None),
        (
            {
                "properties": {
                    "%41": {"mergeStrategy": "append"},
                    "": {"mergeStrategy": "append"},
                    "a/b~c": {"mergeStrategy": "append"},
                }
            },
            {"%41": [1], "": [1], "a/b~c": [1]},
            {"%41": [2], "": [2], "a/b~c": [2]},
            {"%41": [1, 2], "": [1, 2], "a/b~c": [1, 2]},
        ),
    ],
)
def test_a_declared_strategy_is_kept(instance, schema, base, over, expected):
    defs = {
        "list": {"mergeStrategy": "append"},
        "tree": {"properties": {"l": {"$ref": "#/$defs/list"}, "sub": {"$ref": "#/$defs/tree"}}},
    }
    instance.put("cfg_schema.json", {"properties": {"v": schema}, "$defs": defs})
    instance.put("default_cfg.json", {"v": base})
    instance.put("conf.d/1.json", {"v": over})
    assert instance.cfg() == {"v": expected}


@pytest.mark.rule("D-cfg-strategies", "D-cfg-schema")
def test_a_strategy_that_cannot_be_carried_out_is_refused_at_the_layer_that_asks_for_it(instance):
    instance.put("cfg_schema.json", {"properties": {"v": {"mergeStrategy": "append"}}})
    instance.put("default_cfg.json", {"v": [1]})
    (problem,) = instance.problems({"CFG": '{\n"v": 2}'})
    assert (problem["layer"], problem["path"], problem["line"]) == ("CFG", "v", 2)


@pytest.mark.rule("D-cfg-strategies", "D-cfg-schema")
@pytest.mark.parametrize("name", ["appendd", "version", 1])
def test_an_unknown_strategy_is_refused_in_the_schema(instance, name):
    path = instance.put("cfg_schema.json", {"properties": {"mergeStrategy": {}, "v": {"mergeStrategy": name}}})
    (problem,) = instance.problems()
    assert (problem["file"], problem["path"]) == (str(path), "properties.v.mergeStrategy")


@pytest.mark.rule("D-cfg-schema")
def test_a_value_of_the_wrong_type_is_refused_at_the_line_that_set_it(instance):
    instance.put("cfg_schema.json", {"properties": {"db": {"properties": {"port": {"type": "integer"}}}}})
    instance.put("default_cfg.json", {"db": {"port": 1}})
    path = instance.put("conf.d/1.json", '{\n "db": {\n  "host": "x",\n   "port": "many"\n }\n}')
    (problem,) = instance.problems({"CFG": '{"x":1}'})
    assert (problem["file"], problem["line"], problem["column"], problem["path"]) == (str(path), 4, 4, "db.port")
    assert "many" in problem["message"]
    assert instance.cfg({"CFG": '{"db":{"port":2}}'})["db"]["port"] == 2


@pytest.mark.rule("D-cfg-schema")
def test_a_schema_of_an_older_draft_is_read_as_it_says(instance):
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"v": {"minimum": 1, "exclusiveMinimum": True}},
    }
    instance.put("cfg_schema.json", schema)
    assert instance.problems({"CFG__v": "1"})[0]["path"] == "v"
    assert instance.cfg({"CFG__v": "2"}) == {"v": 2}


@pytest.mark.rule("D-cfg-schema")
@pytest.mark.parametrize("ref", ["http://127.0.0.1:9/schema.json", "file:", "other.json", "#/$defs/none"])
def test_nothing_is_fetched_for_a_reference_of_a_schema(instance, ref):
    # This one is there, and would accept the value.
    accepting = instance.put("other.json", {"type": "integer"})
    ref = accepting.as_uri() if ref == "file:" else ref
    instance.put("cfg_schema.json", {"properties": {"v": {"$ref": ref}}})
    (problem,) = instance.problems({"CFG__v": "1"})
    assert "refers to" in problem["message"]


@pytest.mark.rule("D-cfg-schema")
@pytest.mark.parametrize(
    "schema", ["[]", "{", {"type": "nonsense"}, {"patternProperties": {"[": {}}}, {"properties": []}, {"pattern": "("}]
)
def test_a_schema_that_is_none_is_refused(instance, schema):
    path = instance.put("cfg_schema.json", schema)
    (problem,) = instance.problems({"CFG__v": "1"})
    assert problem["file"] == str(path)


@pytest.mark.rule("D-secret-refs")
def test_a_reference_passes_every_type_since_its_value_is_not_known(instance):
    schema = {"type": "string", "minLength": 3, "enum": ["abc"], "not": {"type": "object"}}
    instance.put("cfg_schema.json", {"properties": {"v": schema, "w": {"anyOf": [schema, {"type": "null"}]}}})
    reference = {"$secret": "x"}
    assert instance.cfg({"CFG": '{"v":{"$secret":"x"},"w":{"$secret":"x"}}'}) == {"v": reference, "w": reference}
    assert instance.problems({"CFG": '{"v":{"x":1}}'})


@pytest.mark.rule("D-cfg-schema")
def test_an_image_schema_need_not_know_the_settings_of_ww(instance):
    instance.put("cfg_schema.json", {"additionalProperties": False, "properties": {"memory": {"type": "integer"}}})
    assert instance.cfg({"CFG": '{"memory":1,"ww":{"service":"x"}}'})["ww"] == {"service": "x"}
    (problem,) = instance.problems({"CFG": '{"memry":1}'})
    assert "did you mean memory?" in problem["message"]


@pytest.mark.rule("D-cfg-schema")
@pytest.mark.parametrize(
    ("given", "line", "path", "words"),
    [
        ('{"ww":{\n"servce":"x"}}', 2, "ww.servce", "did you mean service?"),
        ('{"ww":{"hooks":{"bot":{\n"timeout_s":1}}}}', 1, "ww.hooks.bot", "did you mean boot?"),
        ('{"ww":{"hooks":{"boot":{\n"timeout":1}}}}', 2, "ww.hooks.boot.timeout", "did you mean timeout_s?"),
        ('{"ww":\n[]}', 1, "ww", "not of type 'object'"),
        ('{"ww":{\n"service":1}}', 2, "ww.service", "not of type 'string'"),
        ('{"ww":{"stop":{\n"budget_s":0.5}}}', 2, "ww.stop.budget_s", "minimum"),
        ('{"ww":{"journal":{\n"max_bytes":1000}}}', 2, "ww.journal.max_bytes", "minimum"),
        ('{"ww":{"monitor":{\n"interval_s":true}}}', 2, "ww.monitor.interval_s", "not of type 'number'"),
        ('{"ww":{\n"service":{"$env":"X"}}}', 2, "ww.service", "reference"),
        ('{"ww":{"labels":{\n"x":{"$env":"X"}}}}', 2, "ww.labels.x", "reference"),
    ],
)
def test_a_wrong_setting_of_ww_is_refused_at_its_line_with_the_nearest_name(instance, given, line, path, words):
    (problem,) = instance.problems({"CFG": given})
    assert (problem["path"], problem["line"]) == (path, line)
    assert words in problem["message"]


@pytest.mark.rule("D-writeonly-masked")
def test_a_value_marked_write_only_is_in_no_message(instance):
    password = {"type": "string", "writeOnly": True, "minLength": 20}
    schema = {"properties": {"db": {"properties": {"password": password}, "anyOf": [{"required": ["host"]}]}}}
    instance.put("cfg_schema.json", schema)
    found = instance.problems({"CFG": '{"db":{"password":"hunter2"}}'})
    assert len(found) == 2
    assert "hunter2" not in str(found)
    assert "minLength" in " ".join(problem_text(problem) for problem in found)


@pytest.mark.rule("D-writeonly-masked")
@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"p": {"writeOnly": True}}},
        {"patternProperties": {"^p$": {"writeOnly": True}}},
        {"additionalProperties": {"writeOnly": True}},
        {"properties": {"p": {"$ref": "#/$defs/hidden"}}},
        {"allOf": [{"properties": {"p": {"anyOf": [{"writeOnly": True}, {"type": "null"}]}}}]},
        {"properties": {"p": {"writeOnly": True, "$ref": "#/$defs/loop"}}},
    ],
)
def test_write_only_is_found_wherever_a_schema_says_it(instance, schema):
    instance.put(
        "cfg_schema.json", {**schema, "$defs": {"hidden": {"writeOnly": True}, "loop": {"$ref": "#/$defs/loop"}}}
    )
    if "loop" in str(schema):
        schema["properties"]["p"].pop("$ref")
        instance.put("cfg_schema.json", schema)
    compiled = instance.build({"CFG": '{"p":"hunter2"}'})
    assert compiled.exposed() == [("p",)]
    assert "hunter2" not in str(compiled.provenance.report(compiled.is_hidden))
    assert any("$secret" in str(warning["message"]) for warning in compiled.warnings)


def test_the_settings_are_filled_with_every_default():
    filled = settings.fill({})
    assert filled["service"] == "service"
    assert filled["hooks.boot.timeout_s"] == 300
    assert filled["hooks.firstboot.timeout_s"] == 0
    assert filled["hooks.monitor.timeout_s"] == 10
    assert filled["hooks.lifecycle.retries"] == 3
    assert filled["stop.budget_s"] == 9
    assert filled["instance"] is None
    assert filled["labels"] == {}
    assert len(filled) == len(list(settings.declared(settings.load_schema())))


def test_a_setting_replaces_its_default_alone():
    filled = settings.fill(
        {"ww": {"hooks": {"boot": {"timeout_s": 1.5}}, "restart": {"limit": 3.0}, "labels": {"a": "b"}}}
    )
    assert (filled["hooks.boot.timeout_s"], filled["hooks.boot.retries"]) == (1.5, 3)
    assert repr(filled["restart.limit"]) == "3"
    assert settings.nested(filled)["labels"] == {"a": "b"}
    assert settings.nested(filled)["hooks"]["boot"]["timeout_s"] == 1.5


@pytest.mark.rule("D-secret-masked")
@pytest.mark.parametrize("around", ["%s", '{"inner":%s}', "[%s]"])
def test_a_plain_value_in_place_of_a_reference_is_in_no_message(instance, around):
    text = '{"db":{"password":%s}}'
    password = {"minLength": 20, "maxLength": 9, "properties": {"inner": {"minLength": 20}}, "items": {"minLength": 20}}
    schema = {"properties": {"db": {"properties": {"password": password}, "anyOf": [{"required": ["host"]}]}}}
    instance.put("cfg_schema.json", schema)
    instance.put("default_cfg.json", text % '{"$secret":"db"}')
    found = instance.problems({"CFG": text % (around % '"hunter2-typed"')})
    assert len(found) >= 2
    assert "hunter2" not in str(found)
    assert "*** does not satisfy minLength" in str(found)


@pytest.mark.rule("D-writeonly-masked")
def test_the_texts_to_mask_are_the_hidden_values_of_every_layer_and_no_names_of_secrets(instance):
    instance.put("cfg_schema.json", {"properties": {"p": {"writeOnly": True}}})
    instance.put("default_cfg.json", {"p": {"a": "older", "n": 123456, "t": True}, "q": "shown"})
    compiled = instance.build({"CFG": '{"p":{"a":"newer","r":{"$secret":"db-password"}}}'})
    assert compiled.hidden_texts() == ["123456", "newer", "older"]


SERVICE = "ww.services.web"


@pytest.mark.rule("D-cfg-words")
@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({"services": {"My DB": {}}}, "ww.services.My DB", "a name has small letters, digits, '.', '_' and '-'"),
        ({"signals": {"USR1": "stopp"}}, "ww.signals.USR1", "write stop, restart, reload, hook, forward, ignore or"),
        ({"signals": {"usr1": "stop"}}, "ww.signals.usr1", "a signal in capitals"),
        (
            {"log": {"level": "warn"}},
            "ww.log.level",
            "'warn' is not one of info, debug, warning, null; did you mean warning?",
        ),
        ({"log": {"level": True}}, "ww.log.level", "true is not one of info, debug, warning, null"),
        ({"services": {"web": {"restart": "allways"}}}, f"{SERVICE}.restart", "did you mean always?"),
        ({"services": {"web": {"limits": {"nofile": "lots"}}}}, f"{SERVICE}.limits.nofile", '"unlimited", or both'),
        ({"services": {"web": {"limits": {"nofil": 5}}}}, f"{SERVICE}.limits.nofil", "did you mean nofile?"),
        (
            {"services": {"web": {"umask": 22}}},
            f"{SERVICE}.umask",
            '22 cannot be used: write octal digits in quotes, as in "022"',
        ),
        ({"services": {"web": {"command": "nginx -g x"}}}, f"{SERVICE}.command", "arguments as a list"),
        ({"services": {"web": {"env": {"PORT": 80}}}}, f"{SERVICE}.env.PORT", "write the value in quotes"),
    ],
)
def test_a_refused_setting_is_told_in_words_for_people(instance, given, path, words):
    (problem,) = instance.problems({"CFG": json.dumps({"ww": given})})
    assert problem["path"] == path
    assert words in problem["message"]
    assert "None" not in problem["message"]
    assert "^" not in problem["message"]


@pytest.mark.rule("D-cfg-words")
def test_what_is_of_another_type_is_shown_as_json_has_it(instance):
    instance.put("cfg_schema.json", {"properties": {"size": {"type": ["object", "string"]}}})
    (problem,) = instance.problems({"CFG": '{"size": null}'})
    assert problem["message"] == "null is not of type 'object', 'string'"


@pytest.mark.rule("D-cfg-words")
def test_the_schema_of_an_image_may_have_words_of_its_own(instance):
    instance.put("cfg_schema.json", {"properties": {"size": {"pattern": "^[0-9]+[MG]$", "x-words": "write 5M or 2G"}}})
    (problem,) = instance.problems({"CFG": '{"size": "5 MB"}'})
    assert problem["message"] == "'5 MB' cannot be used: write 5M or 2G"
