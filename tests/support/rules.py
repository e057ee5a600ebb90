"""The rules of tests/rules.txt and the tests that prove them, read from the source without importing a test."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LATER = re.compile(r"# later: (.+)")
RULE = re.compile(r"([A-Z][\w-]*)\s+(\S.*)")


@dataclass(frozen=True)
class Rule:
    """One rule: its id, its meaning, and which later issue it belongs to ("" for now)."""

    id: str
    sentence: str
    later: str


def read_rules(path: Path) -> dict[str, Rule]:
    """All rules in the order of the file. Raises ValueError with the line of one that cannot be read or is twice."""
    rules: dict[str, Rule] = {}
    later = ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        heading = LATER.fullmatch(text)
        if heading or text.startswith("# -- "):
            later = heading[1] if heading else ""
        elif text and not text.startswith("#"):
            found = RULE.fullmatch(text)
            if not found or found[1] in rules:
                raise ValueError(f"{path.name}:{number}: not `ID  sentence`, or twice: {text}")
            rules[found[1]] = Rule(found[1], found[2], later)
    return rules


def proofs(tests: Path) -> dict[str, list[str]]:
    """Rule id → the tests that carry it, as `suite/file.py::test`, sorted."""
    found: dict[str, set[str]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        name = path.relative_to(tests).as_posix()
        for rule, test in _marked(ast.parse(path.read_text(), str(path)), name):
            found.setdefault(rule, set()).add(test)
    return {rule: sorted(tests_of) for rule, tests_of in found.items()}


def _marked(tree: ast.Module, name: str) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(_is_name(target, "pytestmark") for target in node.targets):
            yield from ((rule, name) for rule in _rules_in(node.value))
        if isinstance(node, ast.ClassDef):
            inside = [(rule, f"{name}::{node.name}") for item in node.decorator_list for rule in _rules_in(item)]
            yield from inside
            for method in node.body:
                yield from _of_function(method, f"{name}::{node.name}")
        else:
            yield from _of_function(node, name)


def _of_function(node: ast.stmt, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from ((rule, f"{name}::{node.name}") for item in node.decorator_list for rule in _rules_in(item))


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _rules_in(node: ast.AST) -> Iterator[str]:
    """Ids of every `…mark.rule("ID", …)` below `node`, also inside the marks of a parameter."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "rule":
            for argument in call.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value
