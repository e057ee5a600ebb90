"""What no file of `ww` may contain, and what each must."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.support.source import Module, imports, modules

every_module = pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)


@every_module
def test_every_module_says_what_it_is(module: Module) -> None:
    assert ast.get_docstring(module.tree), f"{module.name} has no docstring"


@every_module
def test_nothing_is_left_for_later(module: Module) -> None:
    assert not re.findall(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b", module.text)


@every_module
def test_no_exception_is_swallowed_unseen(module: Module) -> None:
    """A broad `except` must raise again, leave, or use what it caught."""
    swallowing = [f"{module.name}:{handler.lineno}" for handler in broad_handlers(module) if swallows(handler)]
    assert not swallowing


def broad_handlers(module: Module) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else set()
            if node.type is None or names & {"Exception", "BaseException"}:
                yield node


def swallows(handler: ast.ExceptHandler) -> bool:
    body = [node for statement in handler.body for node in ast.walk(statement)]
    raises = any(isinstance(node, ast.Raise) for node in body)
    uses = handler.name is not None and any(isinstance(node, ast.Name) and node.id == handler.name for node in body)
    leaves = any(isinstance(node, ast.Attribute) and node.attr == "_exit" for node in body)
    return not (raises or uses or leaves)


@pytest.mark.rule("D-layers")
def test_imports_have_no_cycle() -> None:
    names = {module.name for module in modules()}
    graph = {module.name: {name for name in imports(module) if name in names - {module.name}} for module in modules()}
    # `from ww import x` runs ww/__init__, which every module does anyway.
    for targets in graph.values():
        targets.discard("ww")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


@pytest.mark.rule("D-layers")
def test_private_modules_of_python_are_imported_in_one_file() -> None:
    """The frozen import machinery is no private copy of a public module; launch and the bundle need it to mount the package."""
    allowed = {
        "ww.clib": {"_json", "_signal", "_blake2", "_heapq", "_socket", "_sre"},
        "ww.bundling": {"_frozen_importlib_external"},
        "ww.launch": {"_frozen_importlib", "_frozen_importlib_external"},
    }
    for module in modules():
        private = {name.split(".")[0] for name in imports(module) if name.startswith("_") and name[:2] != "__"}
        assert private <= allowed.get(module.name, set()), module.name


@pytest.mark.rule("D-layers")
def test_lifecycle_knows_no_clock() -> None:
    for module in modules():
        if module.name.startswith("ww.lifecycle"):
            assert not {"time", "datetime", "ww.clock"} & set(imports(module)), module.name
