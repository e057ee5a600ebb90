"""Bad input: what is refused, and where the message says that it is."""

from __future__ import annotations

import json
import os

import pytest

from tests.support.configs import Instance
from ww.errors import problem_text


@pytest.fixture
def instance(tmp_path) -> Instance:
    return Instance(tmp_path)


DEEP = '{"a":' * 101 + "1" + "}" * 101
DEEPEST = '{"a":' * 100_000 + "1" + "}" * 100_000


@pytest.mark.rule("WW-11", "WWA-4", "D-cfg-limits")
@pytest.mark.parametrize(
    ("given", "line", "column", "words"),
    [
        ("memory=512", 1, 1, "not JSON"),
        ('{"a":1,,}', 1, 8, "not JSON"),
        ('{\n  "a": 1\n  "b": 2}', 3, 3, "not JSON"),
        ("[1]", 1, 1, "an array"),
        ('"text"', 1, 1, "a string"),
        ("null", 1, 1, "null"),
        ("12", 1, 1, "a number"),
        ("true", 1, 1, "true or false"),
        ('{"a":1} {"b":2}', 1, 9, "something follows"),
        ('{"a":NaN}', 1, 6, "NaN"),
        ('{"a":\n -Infinity}', 2, 2, "-Infinity"),
        ('{"a":1e999}', 1, 6, "too large"),
        ('{"a":' + "9" * 5000 + "}", 1, 6, "too many digits"),
        (DEEP, 1, 497, "deeper than 100"),
        (DEEPEST, None, None, "deeper than 100"),
        ('{"a":"\\ud800"}', 1, 2, "surrogate"),
        ('{"\\ud800":1}', 1, 2, "surrogate"),
        ('\ufeff{"a":1}', 1, 1, "byte order mark"),
        (os.fsdecode(b'{\n"a":"\xff"}'), 2, 6, "not UTF-8"),
    ],
)
def test_what_is_not_one_json_object_is_refused_at_its_place(instance, given, line, column, words):
    (problem,) = instance.problems({"CFG": given})
    assert problem["layer"] == "CFG"
    assert (problem.get("line"), problem.get("column")) == (line, column)
    assert words in problem["message"]


@pytest.mark.rule("WW-15", "D-cfg-limits")
def test_a_broken_file_is_named_with_line_and_column(instance):
    path = instance.put("default_cfg.json", '{\n  "memory": 512,\n}\n')
    (problem,) = instance.problems()
    assert problem["file"] == str(path)
    assert problem["line"] in (2, 3)  # Python 3.13 points at the comma itself
    assert str(path) in problem_text(problem)


@pytest.mark.rule("D-cfg-limits")
def test_one_mib_is_accepted_and_one_byte_more_is_refused(instance):
    padding = '{"a":"%s"}'
    instance.put("default_cfg.json", padding % ("x" * ((1 << 20) - len(padding) + 2)))
    assert len(instance.cfg()["a"]) > 1_000_000
    path = instance.put("default_cfg.json", padding % ("x" * ((1 << 20) - len(padding) + 3)))
    (problem,) = instance.problems()
    assert "1 MiB" in problem["message"]
    assert problem["file"] == str(path)


@pytest.mark.rule("D-cfg-limits")
def test_a_hundred_levels_are_accepted(instance):
    value = instance.cfg({"CFG": '{"a":' * 100 + "1" + "}" * 100})
    for _ in range(100):
        value = value["a"]
    assert value == 1


@pytest.mark.rule("D-cfg-limits", "D-cfg-env")
@pytest.mark.parametrize("setting", ["a", "=1", ".a=1", "a..b=1", "a[0]=1", 'a."b=1', ".".join("a" * 101) + "=1"])
def test_a_setting_that_cannot_be_read_is_refused(instance, setting):
    (problem,) = instance.problems({}, setting)
    assert problem["layer"].startswith("--set ")


@pytest.mark.rule("D-cfg-env")
@pytest.mark.parametrize("name", ["CFG__", "CFG__a____b", "CFG__a__", "CFG__:"])
def test_a_variable_with_an_empty_part_is_refused(instance, name):
    (problem,) = instance.problems({name: "secretvalue"})
    assert problem["layer"] == name.removesuffix(":")
    assert "secretvalue" not in str(problem)


@pytest.mark.rule("D-cfg-layers")
@pytest.mark.parametrize(
    ("name", "words"), [("/nonexistent.json", "No such file"), ("rel.json", "absolute"), ("/dev/zero", "regular")]
)
def test_a_named_file_that_cannot_be_had_is_refused(instance, name, words):
    (problem,) = instance.problems({"CFG_FILE": name})
    assert words in problem["message"]
    assert name in problem_text(problem)


def test_a_blank_file_is_refused_with_advice(instance):
    instance.put("conf.d/1.json", "\n")
    (problem,) = instance.problems()
    assert "write {}" in problem["message"]


def test_a_value_of_a_setting_is_in_no_message(instance):
    found = instance.problems({"CFG__a__": "hunter2", "CFG": '{"p":"hunter2",}'}, "hunter2", "a[0]=hunter2")
    assert len(found) == 4
    assert "hunter2" not in " ".join(problem_text(problem) for problem in found if problem["layer"] != "--set hunter2")


@pytest.mark.rule("D-cfg-all-problems")
def test_all_problems_are_reported_at_once(instance):
    instance.put("default_cfg.json", "[1]")
    instance.put("conf.d/1.json", "{")
    instance.put("cfg_schema.json", {"type": "nonsense"})
    environ = {"CFG_FILE": "/nonexistent", "CFG": '{"ww":{"servce":"x","log":{"format":1}},"s":{"$secret":"a/b"}}'}
    found = instance.problems(environ, "nonsense")
    layers = [problem["layer"].rsplit("/", 1)[-1] for problem in found]
    assert sorted(layers) == sorted(
        ["default_cfg.json", "1.json", "cfg_schema.json", "nonexistent", "CFG", "CFG", "CFG", "--set nonsense"]
    )


@pytest.mark.rule("D-cfg-all-problems")
def test_what_a_broken_layer_might_have_set_is_not_missed(instance):
    instance.put("cfg_schema.json", {"required": ["memory"]})
    assert [problem["layer"] for problem in instance.problems({"CFG": '{"memory":1'})] == ["CFG"]
    assert "required" in instance.problems({"CFG": "{}"})[0]["message"]


@pytest.mark.rule("D-cfg-limits")
def test_a_key_that_is_there_twice_is_a_warning_and_the_later_one_counts(instance):
    compiled = instance.build({"CFG": '{\n"a":{"b":1,\n"b":2},"a":{"c":{"d":1,"d":2}}}'})
    assert compiled.problems == []
    assert compiled.cfg == {"a": {"c": {"d": 2}}}
    assert [(found["path"], found["line"], found["column"]) for found in compiled.warnings] == [
        ("a.b", 3, 1),
        ("a", 3, 8),
        ("a.c.d", 3, 24),
    ]


@pytest.mark.rule("D-secret-refs")
@pytest.mark.parametrize(
    "bad",
    [
        {"$secret": "a", "x": 1},
        {"$secret": "a", "$env": "B"},
        {"$secret": 1},
        {"$secret": ""},
        {"$secret": "a/b"},
        {"$secret": ".."},
        {"$file": "relative"},
        {"$file": None},
        {"$env": "A=B"},
        {"$env": ["A"]},
    ],
)
def test_a_malformed_reference_is_refused_at_its_line(instance, bad):
    (problem,) = instance.problems({"CFG": '{"list":[1,\n' + json.dumps(bad) + "]}"})
    assert (problem["path"], problem["line"]) == ("list[1]", 2)
