"""Paths, look-ups, shell names and places in a text."""

from __future__ import annotations

import pytest

from ww.config.lines import locate
from ww.config.query import BadPath, Found, Missing, explain_missing, lookup, parse_path, to_text
from ww.config.shell import CannotShell, assignments

CFG = {
    "a": {"b": 1, "d-e": "dash", "x.y": {"": "empty"}},
    "arr": [10, {"k": [True, None]}],
    "t": "text  *",
    "nothing": None,
    "half": 0.5,
    "dotted.key": 1,
    "one": [1],
}


@pytest.mark.rule("WW-12", "WWA-5", "D-null-prints")
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.b", "1"),
        ("a", '{"b":1,"d-e":"dash","x.y":{"":"empty"}}'),
        ("a.d-e", "dash"),
        ('a."x.y".""', "empty"),
        ('"a"."b"', "1"),
        ("arr[0]", "10"),
        ("arr[-1].k[1]", "null"),
        ("arr[1].k[0]", "true"),
        ("t", "text  *"),
        ("nothing", "null"),
        ("half", "0.5"),
    ],
)
def test_a_path_finds_its_value(path, text):
    found = lookup(CFG, parse_path(path))
    assert isinstance(found, Found)
    assert to_text(found.value) == text


@pytest.mark.rule("WW-12", "WWA-5")
@pytest.mark.parametrize(
    ("path", "prefix", "words"),
    [
        ("b", [], "no such key"),
        ("a.c", ["a"], "a exists"),
        ("arr[2]", ["arr"], "arr exists and is an array of 2 elements"),
        ("arr[-3]", ["arr"], "arr exists"),
        ("arr.k", ["arr"], "arr exists"),
        ("a[0]", ["a"], "a exists"),
        ("t.x", ["t"], "t exists"),
        ("nothing.x", ["nothing"], "nothing exists"),
        ("a.d_e", ["a"], "with d-e in it"),
        ("noting", [], "did you mean nothing"),
        ("dotted.key", [], 'did you mean "dotted.key"'),
        ("one[1]", ["one"], "an array of 1 element"),
    ],
)
def test_a_missing_key_names_how_far_the_path_leads_and_what_is_near(path, prefix, words):
    found = lookup(CFG, parse_path(path))
    assert isinstance(found, Missing)
    assert found.prefix == prefix
    assert words in explain_missing(path, found)


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".a",
        "a.",
        "a..b",
        "a[",
        "a[]",
        "a[x]",
        "a[1",
        "a]",
        'a"b"',
        '"a',
        '"a"b',
        "a[1]b",
        "a[1.5]",
        "[0]",
        "a[\uff11]",
    ],
)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(BadPath, match="cannot read the path"):
        parse_path(path)


@pytest.mark.rule("D-cfg-shell")
def test_shell_assignments_have_names_of_their_paths():
    value = {"b": 1, "d-e": "it's", "list": [1, "x"], "none": None, "o": {}, "sub": {"k": True}}
    assert assignments(value, ["a", 0]) == [
        "cfg_a_0_b='1'",
        "cfg_a_0_d_e='it'\\''s'",
        "cfg_a_0_list='[1,\"x\"]'",
        "cfg_a_0_none='null'",
        "cfg_a_0_o='{}'",
        "cfg_a_0_sub_k='true'",
    ]
    assert assignments("x", ["é"]) == ["cfg__='x'"]


@pytest.mark.rule("D-cfg-shell")
@pytest.mark.parametrize(
    ("value", "words"),
    [({"a-b": 1, "a_b": 2}, "a-b and a_b"), ({"a": {"b": 1}, "a_b": 1}, "cfg_a_b"), ({"x": "\0"}, "x: a NUL")],
)
def test_what_shell_variables_cannot_say_is_refused(value, words):
    with pytest.raises(CannotShell, match=words):
        assignments(value, [])


@pytest.mark.rule("D-cfg-schema")
@pytest.mark.parametrize(
    ("path", "spot"),
    [
        (("a",), (2, 3)),
        (("a", "b"), (3, 5)),
        (("a", "list", 1), (4, 17)),
        (("a", "list", 2, "c"), (5, 7)),
        (("a", "missing"), (2, 3)),
        (("z",), (8, 3)),
        (("nowhere",), None),
    ],
)
def test_a_place_is_that_of_the_key_or_of_the_nearest_thing_above_it(path, spot):
    text = '{\n  "a": {\n    "\\u0062": "}{",\n    "list": [1, "x", {\n      "c": 1}]\n  },\n  "z": 1,\n  "z": {"y": []}\n}\n'
    assert locate(text, path) == spot
