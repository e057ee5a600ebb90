"""The tests themselves: real things, no sleeping, rules that exist and are proved."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.paths import REPO
from tests.support.rules import Rule, proofs, read_rules

TESTS = REPO / "tests"
FILES = sorted(path for path in TESTS.rglob("*.py") if "fixtures" not in path.parts)
MOCK = re.compile(r"\b(?:unittest\.mock|mock|Mock|MagicMock|patch|monkeypatch|mocker)\b")
MOCKS_PER_100_TESTS = 5


def test_real_things_are_used_instead_of_mocks() -> None:
    others = [path for path in FILES if path != Path(__file__).resolve()]
    mocks = [
        f"{path.name}: {line.strip()}" for path in others for line in path.read_text().splitlines() if MOCK.search(line)
    ]
    tests = sum(len(re.findall(r"^ *(?:async )?def test_", path.read_text(), re.MULTILINE)) for path in others)
    assert len(mocks) * 100 <= MOCKS_PER_100_TESTS * tests, mocks


@pytest.mark.parametrize("suite", ["unit", "properties"])
def test_fast_tests_do_not_sleep(suite: str) -> None:
    sleeping = [
        f"{path.name}:{node.lineno}"
        for path in FILES
        if TESTS / suite in path.parents
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and called(node).endswith("sleep")
    ]
    assert not sleeping


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_suites_have_no_init_files() -> None:
    """Test files are imported by path; an __init__ would make two names for one file."""
    assert not list(TESTS.rglob("__init__.py"))


def rules() -> list[Rule]:
    return [rule for rule in read_rules(TESTS / "rules.txt").values() if not rule.later]


@pytest.mark.rule("D-rules-covered")
def test_every_rule_is_proved_by_a_test() -> None:
    proved = proofs(TESTS)
    missing = [f"{rule.id}  {rule.sentence}" for rule in rules() if rule.id not in proved]
    assert not missing, "\n".join(["rules without a test:", *missing])


@pytest.mark.rule("D-rules-covered")
def test_tests_cite_only_rules_that_exist() -> None:
    assert set(proofs(TESTS)) <= set(read_rules(TESTS / "rules.txt"))


@pytest.mark.rule("D-rules-covered")
def test_rules_of_later_issues_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "rules.txt"
    path.write_text("# a comment\nWW-1  now\n\n# later: images\nWW-5  then\n\n# -- more\nWW-6  now\n")
    laters = [(rule.id, rule.later) for rule in read_rules(path).values()]
    assert laters == [("WW-1", ""), ("WW-5", "images"), ("WW-6", "")]
    path.write_text("WW-1  now\nWW-1  again\n")
    with pytest.raises(ValueError, match=r"rules\.txt:2"):
        read_rules(path)


@pytest.mark.rule("D-rules-covered")
def test_markers_are_found_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "test_x.py").write_text(
        "import pytest\npytestmark = pytest.mark.rule('A')\n"
        "@pytest.mark.rule('B', 'C')\ndef test_one(): ...\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.rule('D'))])\ndef test_two(x): ...\n"
        "class TestThree:\n    @pytest.mark.rule('E')\n    def test_three(self): ...\n"
    )
    assert proofs(tmp_path) == {
        "A": ["unit/test_x.py"],
        "B": ["unit/test_x.py::test_one"],
        "C": ["unit/test_x.py::test_one"],
        "D": ["unit/test_x.py::test_two"],
        "E": ["unit/test_x.py::TestThree::test_three"],
    }
