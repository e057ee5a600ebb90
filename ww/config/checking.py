"""How generated code is run: it answers yes for certain, or not at all. Standard library only, and little of that.

`ww.config.generate` makes the code: one function for each part of a schema, `validate` for the whole. It uses `Refused`,
`is_reference` and `PATTERNS` (a `Patterns`), and nothing else.
"""

from __future__ import annotations

from ww.clib import pattern_from
from ww.config.secrets import is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["Patterns", "Refused", "check", "checker", "is_reference"]


class Refused(Exception):
    """Raised by generated code for a value that the schema does not accept."""


class Patterns(dict[str, "Any"]):
    """Regular expressions by their text, made when they are asked for, without `re` where their states are known."""

    def __init__(self, states: Mapping[str, tuple[object, ...]]) -> None:
        super().__init__()
        self._states = states

    def __missing__(self, text: str) -> Any:
        found = self[text] = self._made(text)
        return found

    def _made(self, text: str) -> Any:
        if text in self._states:
            try:
                return pattern_from(text, self._states[text])
            except (ImportError, TypeError, ValueError, RuntimeError):
                pass
        import re

        return re.compile(text)


def checker(code: Any, states: Mapping[str, tuple[object, ...]]) -> Callable[[object], bool] | None:
    """What tells whether generated `code` (a code object) accepts a value, as `check` does; None if it is no such code.

    `states` are its regular expressions, by `clib.pattern_state`.
    """
    names: dict[str, Any] = {"Refused": Refused, "is_reference": is_reference, "PATTERNS": Patterns(states)}
    try:
        exec(code, names)  # noqa: S102
        validate = names["validate"]
    except (LookupError, NameError, TypeError, ValueError):
        return None
    return lambda value: check(validate, value)


def check(validate: Callable[[Any], None], value: object) -> bool:
    """Whether generated `validate` accepts `value` for certain.

    False means refused or not sure; `ww.config.validate` decides then, and finds the words.
    """
    try:
        validate(value)
    except (Refused, ArithmeticError, AttributeError, LookupError, NameError, RecursionError, TypeError, ValueError):
        # Code that fails otherwise than by refusing has not understood the value.
        return False
    return True
