"""How generated code is run: it answers yes for certain, or not at all. Standard library only, and little of that.

`ww.config.generate` makes the code: one function for each part of a schema, `validate` for the whole. It uses `Refused`,
`is_reference` and `PATTERNS` from here and nothing else.
"""

from __future__ import annotations

from ww.config.secrets import is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["PATTERNS", "Refused", "check", "checker", "is_reference"]


class Refused(Exception):
    """Raised by generated code for a value that the schema does not accept."""


class _Patterns(dict[str, "Any"]):
    """Regular expressions by their text, made when they are asked for: `re` is slow to import, and not every value needs it."""

    def __missing__(self, text: str) -> Any:
        import re

        found = self[text] = re.compile(text)
        return found


PATTERNS = _Patterns()


def checker(code: Any) -> Callable[[object], bool] | None:
    """What tells whether generated `code` (a code object) accepts a value, as `check` does; None if it is no such code."""
    names: dict[str, Any] = {"Refused": Refused, "is_reference": is_reference, "PATTERNS": PATTERNS}
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
