"""A configuration as shell assignments that are safe to `eval`, whatever the values hold."""

from __future__ import annotations

from ww.config.query import format_path, to_text
from ww.config.secrets import is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ww.types import Json

_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


class CannotShell(ValueError):
    """No assignments can say this; the message names the paths."""


def quote(text: str) -> str:
    """`text` as one word of any POSIX shell. Raises CannotShell for a NUL character, which no variable can hold."""
    if "\0" in text:
        raise CannotShell("a NUL character cannot stand in a shell variable")
    return "'" + text.replace("'", "'\\''") + "'"


def name_of(parts: Sequence[str | int]) -> str:
    """`cfg_a_b` for the path `a.b`: what cannot stand in a name becomes `_`."""
    return "cfg_" + "_".join("".join(char if char in _NAME else "_" for char in str(part)) for part in parts)


def assignments(value: Json, parts: Sequence[str | int]) -> list[str]:
    """One `cfg_a_b='…'` for each scalar, array and empty object in `value`, which lies at `parts`. Raises CannotShell."""
    lines: dict[str, tuple[str, str]] = {}
    for path, item in _leaves(value, tuple(parts)):
        name, shown = name_of(path), format_path(path)
        if name in lines:
            raise CannotShell(f"{lines[name][0]} and {shown} would both be the variable {name}")
        try:
            lines[name] = shown, quote(to_text(item))
        except CannotShell as error:
            raise CannotShell(f"{shown}: {error}") from None
    return [f"{name}={text}" for name, (_, text) in lines.items()]


def _leaves(value: Json, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    if isinstance(value, dict) and not is_reference(value) and (value or not path):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, value
