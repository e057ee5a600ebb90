"""References to secrets, their values, and the masking of those values."""

from __future__ import annotations

import pytest

from tests.support.configs import Instance
from ww.config.secrets import Masker, SecretError, load_masker, references, resolve, resolve_all


@pytest.fixture
def instance(tmp_path) -> Instance:
    return Instance(tmp_path)


@pytest.mark.rule("D-secret-refs")
def test_references_are_resolved_when_they_are_read(instance, tmp_path):
    instance.secret("db", "one\n\n")
    other = tmp_path / "other"
    other.write_text("  two  ")
    cfg = {"a": {"$secret": "db"}, "b": [{"$file": str(other)}], "c": {"$env": "C"}, "d": "$secret"}
    expected = {"a": "one\n", "b": ["  two  "], "c": "three", "d": "$secret"}
    assert resolve_all(cfg, instance.layout, {"C": "three"}) == expected
    instance.secret("db", "changed")
    assert resolve({"$secret": "db"}, instance.layout, {}) == "changed"
    assert list(references(cfg)) == [{"$secret": "db"}, {"$file": str(other)}, {"$env": "C"}]


@pytest.mark.rule("D-secret-refs")
@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ({"$secret": "none"}, "run/secrets/none: No such file"),
        ({"$file": "/nonexistent/x"}, "/nonexistent/x: No such file"),
        ({"$file": "/"}, "directory"),
        ({"$file": "/dev/zero"}, "1 MiB"),
        ({"$env": "NOT_THERE"}, "the variable NOT_THERE is not set"),
        ({"$secret": "binary"}, "not UTF-8"),
    ],
)
def test_a_reference_that_cannot_be_resolved_names_what_was_looked_for(instance, reference, words):
    instance.secret("binary", "x")
    (instance.run / "secrets" / "binary").write_bytes(b"\xff\x00")
    with pytest.raises(SecretError, match=words) as caught:
        resolve(reference, instance.layout, {})
    assert caught.value.exit_code == 2


@pytest.mark.rule("D-secret-masked")
def test_the_masker_knows_every_value_that_can_be_resolved(instance):
    instance.secret("db", "hunter2\n")
    refs = [{"$secret": "db"}, {"$secret": "none"}, {"$env": "TOKEN"}, {"$env": "PIN"}]
    masker = load_masker(refs, instance.layout, {"TOKEN": "hunter22\nsecond line", "PIN": "123"})
    assert masker.mask("a hunter22 b hunter2 c second line d 123") == "a *** b *** c *** d 123"


def test_a_masker_without_secrets_changes_nothing():
    assert Masker(["", "abc"]).mask("abc") == "abc"


@pytest.mark.rule("D-writeonly-masked")
def test_the_masker_knows_literals_too(instance):
    assert load_masker([], instance.layout, {}, ["hunter2"]).mask("a hunter2") == "a ***"
