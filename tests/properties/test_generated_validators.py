"""The generated validator against jsonschema: the same answer for every schema that it stands for, and every value."""

from __future__ import annotations

import marshal

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from ww.clib import pattern_state
from ww.config.checking import checker
from ww.config.generate import NotCompilable, generate, patterns_of
from ww.config.validate import faults, schema_fault

NAMES = st.sampled_from(["a", "b", "a-b", "ab", "x.y", 'q"', "{k}", "$ref", "é", ""])
NUMBERS = st.one_of(st.integers(-3, 5), st.sampled_from([0.0, 1.0, 1.5, -2.5, 2**70, 1e300, 3e-324]))
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.sampled_from(["", "a", "b", "ab", "a\n", "A", "é", "$", "aa"])
)
REFERENCES = st.sampled_from([{"$secret": "s"}, {"$env": "E"}, {"$file": "/f"}])
VALUES = st.recursive(
    SCALARS | REFERENCES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
PATTERNS = st.sampled_from(["a", "^a$", "^a", "b$", "", "(a|b)", "[$]", r"\$", r"a\\$", "a$|b", "(?i)a", "^[^b]*$"])
COUNTS = st.integers(0, 3)
TYPES = st.sampled_from(["null", "boolean", "number", "integer", "string", "array", "object"])
REFS = st.sampled_from(["#", "#/$defs/d", "#/$defs/e", "#/properties/a", "#/nowhere", "urn:other"])


def _keywords(inner):
    several = st.lists(inner, min_size=1, max_size=2)
    return {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "minLength": COUNTS,
        "maxLength": COUNTS,
        "pattern": PATTERNS,
        "minimum": NUMBERS,
        "maximum": NUMBERS,
        "exclusiveMinimum": NUMBERS,
        "exclusiveMaximum": NUMBERS,
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minItems": COUNTS,
        "maxItems": COUNTS,
        "uniqueItems": st.booleans(),
        "items": inner | st.just({"type": "string"}),
        "prefixItems": several,
        "contains": inner,
        "minContains": COUNTS,
        "minProperties": COUNTS,
        "maxProperties": COUNTS,
        "required": st.lists(NAMES, max_size=2, unique=True),
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
        "dependentSchemas": st.dictionaries(NAMES, inner, max_size=1),
        "unevaluatedProperties": inner,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": REFS,
        "$anchor": st.just("here"),
        "$dynamicRef": st.just("#here"),
        "format": st.sampled_from(["ipv4", "date", "regex"]),
        "contentEncoding": st.just("base64"),
        "default": VALUES,
        "x-unknown": VALUES,
    }


RARE = (
    "multipleOf",
    "prefixItems",
    "minContains",
    "dependentSchemas",
    "unevaluatedProperties",
    "$anchor",
    "$dynamicRef",
)


def _objects(inner):
    known = _keywords(inner)
    names = [name for name in known if name not in RARE] * 4 + list(RARE)

    @st.composite
    def one(draw):
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4))
        return {name: draw(known[name]) for name in chosen}

    return one()


SCHEMAS = st.recursive(st.booleans() | st.just({}), _objects, max_leaves=6)


LISTS = st.fixed_dictionaries({"items": st.just({"type": "string"}), "uniqueItems": st.booleans()})


@st.composite
def whole_schemas(draw):
    body = draw(_objects(SCHEMAS) | _objects(SCHEMAS) | LISTS | st.fixed_dictionaries({"not": LISTS}))
    schema = {**body, "$defs": {"d": draw(SCHEMAS), "e": draw(SCHEMAS)}}
    if draw(st.integers(0, 5)) == 0:
        schema["$schema"] = draw(
            st.sampled_from(["http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-04/schema#"])
        )
    return schema


def judged(value, schema):
    """What jsonschema finds; None where the stack ends: rpds, below it, answers that by a panic, which is no Exception."""
    try:
        return faults(value, schema)
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":
            raise
        return None


def patterns(module):
    states = {text: pattern_state(text) for text in patterns_of(module)}
    assert None not in states.values(), "this Python takes its own regular expressions back"
    return states


@pytest.mark.rule("D-fast-check")
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(whole_schemas(), st.lists(VALUES, min_size=1, max_size=6))
@example({"pattern": "^a$"}, ["a\n", "a"])
@example({"enum": [1, [True], {"a": 0}]}, [True, [1], {"a": False}, 1.0])
@example({"not": {"uniqueItems": True}}, [[[1], [True], [1]]])
@example({"uniqueItems": True, "items": {"type": "string"}}, [["a", "b"], ["a", "a"]])
@example({"not": {"uniqueItems": True, "items": {"type": "string"}}}, [["a", "b"], ["a", "a"], [1]])
@example({"multipleOf": 3}, [1e300, 5e-324])
@example({"properties": {"a": {"minLength": 3}}, "required": ["a"]}, [{"a": {"$secret": "s"}}])
@example({"properties": {"a": False}}, [{"a": {"$secret": "s"}}])
@example({"$ref": "#/$defs/d", "maximum": 1, "$defs": {"d": {"type": "integer"}}}, [1, 2, "a"])
@example({"not": {"$ref": "#", "enum": [None]}}, [[]])
@example({"additionalProperties": False, "patternProperties": {"": True}}, [{"a": 1}])
def test_generated_code_answers_as_jsonschema_does(schema, values) -> None:
    if schema_fault(schema) is not None:
        return
    try:
        module = generate(schema)
    except NotCompilable as reason:
        event(f"not compilable: {str(reason)[:30]}")
        return
    event("compilable")
    stored = marshal.dumps((compile(module, "schema", "exec", optimize=2), patterns(module)))
    accepts = checker(*marshal.loads(stored))
    assert accepts is not None
    for value in values:
        found = judged(value, schema)
        if found is None:
            continue
        if accepts(value):
            assert not found
        elif not found:
            event("accepted by jsonschema only")
            assert "$ref" in str(schema), "only recursion may keep the generated code from an answer"
