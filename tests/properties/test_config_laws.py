"""Laws of merging, provenance, paths, shell text, masking and parsing."""

from __future__ import annotations

import json
import subprocess
import warnings

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ww.config.inputs import JSON, SETTING, VARIABLE, Input, Inputs
from ww.config.lines import positions
from ww.config.merge import plain
from ww.config.model import same
from ww.config.provenance import Provenance, leaves
from ww.config.query import Found, format_path, lookup, parse_path
from ww.config.secrets import Masker, is_reference
from ww.config.shell import assignments
from ww.config.sources import parse, walk
from ww.config.steering import merge_schema
from ww.config.strategies import merger

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
KEYS = st.sampled_from(["a", "b", "c", "a-b", "x.y", "", "%41", "é", "$secret", "0", "~1/"]) | TEXT
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5).filter(lambda value: not is_reference(value))

# jsonmerge itself looks keys up as pointers and fails on some; these it can read.
USUAL_KEYS = st.sampled_from(["a", "b", "c", "a-b", "x.y", "é", "0", "~1/"])
USUAL_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(USUAL_KEYS, inner, max_size=4),
    max_leaves=12,
)
USUAL = st.dictionaries(USUAL_KEYS, USUAL_VALUES, max_size=4)

# Keys that hold an object in every layer, and keys that never do: there merging is associative.
SHAPED = st.recursive(
    st.dictionaries(st.sampled_from("xyz"), SCALARS | st.lists(SCALARS, max_size=2), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def jsonmerge_is_defined(base: object, over: object) -> bool:
    """Whether nowhere an object goes over a scalar: there jsonmerge raises. It takes a null below for nothing at all."""
    if not isinstance(over, dict):
        return True
    if not isinstance(base, dict):
        return base is None
    return all(jsonmerge_is_defined(base[key], value) for key, value in over.items() if key in base)


@pytest.mark.rule("D-cfg-strategies", "WW-9")
@given(USUAL, USUAL)
def test_the_plain_merge_is_that_of_jsonmerge_wherever_jsonmerge_has_one(base, over):
    assume(jsonmerge_is_defined(base, over))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import jsonmerge

        expected = jsonmerge.merge(base, over)
    assert same(plain(base, over), expected)


@pytest.mark.rule("D-cfg-strategies", "WW-9")
@given(OBJECTS, OBJECTS)
def test_our_jsonmerge_without_strategies_is_the_plain_merge_on_every_input(base, over):
    assert same(merger(merge_schema({}))(base, over), plain(base, over))


@pytest.mark.rule("WW-9")
@given(OBJECTS, OBJECTS)
def test_merging_twice_is_merging_once_and_changes_no_layer(base, over):
    before = json.dumps([base, over])
    merged = plain(base, over)
    assert same(plain(merged, over), merged)
    assert same(plain(base, base), base)
    assert same(plain(base, {}), base)
    assert same(plain({}, base), base)
    assert json.dumps([base, over]) == before


@pytest.mark.rule("WW-9")
@given(SHAPED, SHAPED, SHAPED)
def test_merging_is_associative_where_no_object_meets_a_scalar(one, two, three):
    assert same(plain(plain(one, two), three), plain(one, plain(two, three)))


@pytest.mark.rule("D-cfg-provenance")
@given(st.lists(OBJECTS, min_size=1, max_size=4))
def test_the_leaves_of_the_provenance_are_the_merged_configuration(layers):
    provenance = Provenance()
    merged: object = {}
    for number, layer in enumerate(layers):
        merged = plain(merged, layer) if number else layer
        provenance.add(str(number), layer, merged)
    rebuilt: dict[str, object] = {}
    for path, history in provenance.settings():
        at = rebuilt
        for key in path[:-1]:
            at = at.setdefault(key, {})  # type: ignore[assignment]
        at[path[-1]] = history[-1].value
        setter = int(history[-1].layer)
        given = lookup(layers[setter], path)
        assert isinstance(given, Found)
        assert same(given.value, history[-1].value)
        numbers = [int(setting.layer) for setting in history]
        assert all(path not in dict(leaves(later)) for later in layers[setter + 1 :]), (
            f"a later layer sets {path}: {numbers}"
        )
    assert same(rebuilt, merged)


@given(OBJECTS)
def test_every_path_can_be_written_and_read_back_and_finds_its_value(value):
    for path, item in walk(value):
        if path:
            assert parse_path(format_path(path)) == list(path)
            found = lookup(value, path)
            assert isinstance(found, Found)
            assert found.value is item


@given(st.text(max_size=12))
def test_a_path_is_read_or_refused(text):
    try:
        parts = parse_path(text)
    except ValueError:
        return
    assert parse_path(format_path(parts)) == parts


HOSTILE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20) | st.sampled_from(
    [
        "'",
        "''",
        "'\\''",
        "$(exit 9)",
        "`exit 9`",
        "$HOME",
        "a\nb",
        "\n",
        "\\",
        "*",
        "  ",
        "-n",
        "!",
        "a;exit 9",
        '"',
        "\r\n",
    ]
)


@pytest.mark.rule("D-cfg-shell")
@settings(max_examples=40)
@given(st.lists(HOSTILE, min_size=1, max_size=8))
def test_shell_text_survives_eval_in_a_real_shell(values):
    text = "\n".join(assignments({f"k{number}": value for number, value in enumerate(values)}, []))
    names = " ".join(f'"$cfg_k{number}"' for number in range(len(values)))
    script = f'eval "$1"; printf "%s\\0" {names}'
    done = subprocess.run(["/bin/sh", "-c", script, "sh", text], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == values


@pytest.mark.rule("D-secret-masked")
@given(st.lists(st.text("abcd", min_size=4, max_size=8), max_size=4), st.text("abcd ", max_size=60))
def test_no_secret_is_left_in_a_masked_text(values, text):
    masked = Masker(values).mask(text)
    assert not any(value in masked for value in values)


@given(OBJECTS)
def test_places_are_where_the_keys_are(value):
    text = json.dumps(value, indent=1)
    found = list(positions(text))
    assert len(found) == sum(1 for path, _ in walk(value) if path)
    for path, offset in found:
        if isinstance(path[-1], str):
            assert text.startswith(json.dumps(path[-1]), offset)


@pytest.mark.rule("D-cfg-limits", "WW-11")
@given(
    st.sampled_from([JSON, SETTING, VARIABLE]), st.binary(max_size=40) | st.text('{}[]",:=1aé\\u$ \n').map(str.encode)
)
def test_whatever_the_input_it_is_a_layer_or_a_problem(kind, data):
    sources = parse(Inputs([Input(kind, "X", "", data)], None, [], ""))
    assert len(sources.layers) == 1 or sources.problems
    for layer in sources.layers:
        json.dumps(layer.value, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.rule("WW-11", "WW-13")
@given(OBJECTS)
def test_any_object_arrives_as_it_was_given(value):
    if any(isinstance(item, dict) and any(key.startswith("$") for key in item) for _, item in walk(value)):
        return
    sources = parse(Inputs([Input(JSON, "CFG", "", json.dumps(value).encode())], None, [], ""))
    assert same(sources.layers[0].value, value)
