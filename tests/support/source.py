"""The source of the package under test as syntax trees, and what can be counted in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.paths import PACKAGE


@dataclass(frozen=True)
class Module:
    """One file of `ww`: its dotted name, path, text and tree."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


@cache
def modules() -> tuple[Module, ...]:
    """Every Python file of the installed package that somebody wrote; the hooks template is not code of ours to import."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "hooks-template" not in parts:
            text = path.read_text()
            if text.startswith('"""Generated from '):
                continue
            name = ".".join(parts).removesuffix(".__init__")
            found.append(Module(name, path, text, ast.parse(text, str(path))))
    return tuple(found)


@dataclass(frozen=True)
class Function:
    """One function or method."""

    name: str
    lines: int
    parameters: int


def functions(module: Module) -> Iterator[Function]:
    """All functions of a file, also nested ones; lines from `def` to the last, without decorators."""
    yield from _functions(module.tree, module.name)


def _functions(node: ast.AST, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}.{child.name}"
            spec = child.args
            count = len(spec.posonlyargs) + len(spec.args) + len(spec.kwonlyargs)
            yield Function(name, (child.end_lineno or child.lineno) - child.lineno + 1, count)
            yield from _functions(child, name)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}.{child.name}")
        else:
            yield from _functions(child, prefix)


def imports(module: Module) -> Iterator[str]:
    """Dotted names that a file imports when it runs, also late; not those only named for a type checker."""
    for node in _running(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = module.name.split(".")[: (1 if module.is_package else 0) - node.level or None]
                origin = ".".join([*base, *([node.module] if node.module else [])])
            else:
                origin = node.module or ""
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _running(other)
            continue
        yield child
        yield from _running(child)
