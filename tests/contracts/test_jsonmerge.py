"""What we rely on in jsonmerge: the canary for the day when a newer release, or a newer jsonschema, behaves otherwise."""

from __future__ import annotations

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import jsonmerge
    from jsonmerge.exceptions import JSONMergeError
    from jsonschema.exceptions import _RefResolutionError

from ww.config.merge import MergeFailed, plain
from ww.config.steering import merge_schema
from ww.config.strategies import merger


@pytest.mark.rule("D-cfg-strategies")
@pytest.mark.parametrize(
    ("schema", "base", "over"),
    [
        ({}, {"a": {"b": 1}}, {"a": {"c": 2}}),
        ({"properties": {"a": {"mergeStrategy": "append"}}}, {"a": [1]}, {"a": [2]}),
        ({"properties": {"a": {"mergeStrategy": "arrayMergeById"}}}, {"a": [{"id": 1}]}, {"a": [{"id": 1, "x": 2}]}),
        ({"properties": {"a": {"mergeStrategy": "arrayMergeByIndex"}}}, {"a": [1, 2]}, {"a": [3]}),
        ({"properties": {"a": {"mergeStrategy": "overwrite"}}}, {"a": {"b": 1}}, {"a": {"c": 1}}),
        ({"properties": {"a": {"mergeStrategy": "discard"}}}, {"a": 1}, {"a": 2}),
        (
            {"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {"mergeStrategy": "append"}}}}},
            {"a": [1]},
            {"a": [2]},
        ),
    ],
)
def test_our_walk_gives_what_jsonmerge_itself_gives(schema, base, over):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = jsonmerge.merge(base, over, schema)
    assert merger(merge_schema(schema))(base, over) == expected


@pytest.mark.rule("D-cfg-strategies")
@pytest.mark.parametrize(
    ("base", "over"),
    [({"a": 1}, {"a": {"b": 1}}), ({"a": {"%41": 1}}, {"a": {"%41": {"x": 1}}}), ({"": {"a": 1}}, {"": {"b": 1}})],
)
def test_where_jsonmerge_fails_on_ordinary_input_we_do_not(base, over):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises((JSONMergeError, AssertionError, _RefResolutionError)):
            jsonmerge.merge(base, over)
    assert merger(merge_schema({}))(base, over) == plain(base, over)


def test_elements_that_cannot_be_ordered_are_a_failure_in_words():
    schema = {"properties": {"a": {"mergeStrategy": "append", "mergeOptions": {"sortByRef": "/k"}}}}
    with pytest.raises(MergeFailed, match="put in order"):
        merger(merge_schema(schema))({"a": [{"k": 1}]}, {"a": [{"k": "x"}]})
