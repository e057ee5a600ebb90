"""The budgets of docs/architecture.md: small files, small functions, few parameters."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import REPO
from tests.support.source import Function, Module, functions, modules

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.rule("D-budgets")

FILE_LINES = 400
FUNCTION_LINES = 60
CONSTRUCTOR_PARAMETERS = 7
AIMS = {"median lines of a file": 160, "median lines of a function": 9, "90th percentile of a function": 30}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_file_stays_inside_its_budget_or_a_decision_says_why(module: Module) -> None:
    decided = any(module.path.name in path.read_text() for path in REPO.glob("docs/decisions/*.md"))
    assert module.lines <= FILE_LINES or decided, f"{module.path.name} has {module.lines} lines; limit {FILE_LINES}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_functions_and_constructors_stay_inside_their_budgets(module: Module) -> None:
    long = [f"{function.name}: {function.lines} lines" for function in functions(module) if too_long(function)]
    wide = [
        f"{function.name}: {function.parameters - 1} parameters" for function in functions(module) if wide_(function)
    ]
    assert not long + wide


def too_long(function: Function) -> bool:
    return function.lines > FUNCTION_LINES


def wide_(function: Function) -> bool:
    return function.name.endswith(".__init__") and function.parameters - 1 > CONSTRUCTOR_PARAMETERS


def test_the_aims_are_reported(record_property: Callable[[str, object], None]) -> None:
    """Aims are no limits: they stand in the report, and the medians must not be twice as high."""
    lines = [function.lines for module in modules() for function in functions(module)]
    measured = {
        "median lines of a file": median(module.lines for module in modules()),
        "median lines of a function": median(lines),
        "90th percentile of a function": quantiles(lines, n=10)[-1],
    }
    for name, aim in AIMS.items():
        record_property(name, f"{measured[name]:g} (aim: under {aim})")
    assert all(measured[name] < 2 * aim for name, aim in AIMS.items()), measured
