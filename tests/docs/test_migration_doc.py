"""docs/migration.md and tests/original.txt: what differs from the original has a row, and each rule has been judged."""

from __future__ import annotations

import re

import pytest

from tests.support.original import DIFFERS, judged, sections
from tests.support.paths import REPO
from tests.support.rules import proofs, read_rules

TESTS = REPO / "tests"
PAGE = (REPO / "docs" / "migration.md").read_text()
ROW = re.compile(r"^\| (?!original \||---)(.+?) \| (.+) \| (.+) \|$", re.MULTILINE)
IDS = re.compile(r"\[([A-Z][\w, -]*)\]$")
pytestmark = pytest.mark.rule("D-migration-doc")


def rows() -> list[tuple[str, list[str], str, str]]:
    """What the original did, the rules in brackets behind it, what is done now, and what there is to do."""
    found = []
    for before, now, remedy in ROW.findall(PAGE):
        named = IDS.search(before)
        found.append((before, named[1].split(", ") if named else [], now, remedy))
    return found


def test_each_rule_has_been_judged_once() -> None:
    given = judged(TESTS / "original.txt")
    assert len(given) == len(dict(given)), "a rule stands there twice"
    new = {name for name, sign in sections(TESTS / "original.txt").items() if sign}
    ours = {rule for section, rules in sections(TESTS / "rules.txt").items() if section not in new for rule in rules}
    assert new <= set(sections(TESTS / "rules.txt")), "a section that is no more"
    assert set(dict(given)) == ours, (
        "say in tests/original.txt what it is to an image that was written for the original"
    )


def test_every_feature_and_case_of_the_original_is_among_them() -> None:
    features = {f"WW-{number}" for number in range(1, 33)} | {f"WWA-{number}" for number in range(1, 14)}
    assert features <= set(dict(judged(TESTS / "original.txt")))


def test_what_differs_has_a_row_and_nothing_else_has() -> None:
    differ = {rule for rule, sign in judged(TESTS / "original.txt") if sign == DIFFERS}
    told = {rule for _, rules, _, _ in rows() for rule in rules}
    assert differ - told == set(), "these differ, and no row of docs/migration.md says so"
    assert told - differ == set(), "these have a row, and tests/original.txt says that they do not differ"


def test_each_row_names_a_rule_that_a_test_shows_and_what_to_do() -> None:
    shown, known = proofs(TESTS), read_rules(TESTS / "rules.txt")
    assert len(rows()) > 40
    for before, rules, now, remedy in rows():
        assert rules, f"no rule behind it: {before}"
        assert all(rule in known and shown.get(rule) for rule in rules), before
        assert now.strip(), before
        assert remedy.strip(), before
