"""Paths into a configuration, and one value of it as text (WW-12).

A path is `a.b[0]."a key.with dots"[-1]`: keys between dots, as they are unless they hold one of `. [ ] "` or are
empty, then quoted as in JSON; `[n]` picks from an array, from its end when negative. Standard library only.
"""

from __future__ import annotations

from ww.clib import BadJson, json_dumps, json_loads
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.types import Json

_SPECIAL = '.[]"'


class BadPath(ValueError):
    """The text is not a path; the message says why and where."""


class Found(Value):
    """The value at a path."""

    __slots__ = ("value",)

    def __init__(self, value: Json) -> None:
        self.value = value


class Missing(Value):
    """There is nothing at a path: `prefix` is the longest part of it that exists.

    There lies an object with `names`, or an array of `length` elements (else None).
    """

    __slots__ = ("prefix", "wanted", "names", "length")

    def __init__(self, prefix: list[str | int], wanted: str | int, names: list[str], length: int | None = None) -> None:
        self.length = length
        self.prefix = prefix
        self.wanted = wanted
        self.names = names


def parse_path(text: str) -> list[str | int]:
    """The segments of a path: keys as str, indexes as int. Raises BadPath."""
    parts: list[str | int] = []
    at = 0
    while True:
        part, at = _key(text, at)
        parts.append(part)
        while text[at : at + 1] == "[":
            index, at = _index(text, at)
            parts.append(index)
        if at == len(text):
            return parts
        if text[at] != ".":
            raise BadPath(f"cannot read the path {text!r}: {text[at]!r} at position {at + 1} where a dot must be")
        at += 1


def _key(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] == '"':
        return _quoted(text, at)
    end = at
    while end < len(text) and text[end] not in _SPECIAL:
        end += 1
    if end == at:
        raise BadPath(f"cannot read the path {text!r}: an empty name at position {at + 1}")
    return text[at:end], end


def _quoted(text: str, at: int) -> tuple[str, int]:
    end = at + 1
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    try:
        value = json_loads(text[at : end + 1])
    except BadJson:
        value = None
    if not isinstance(value, str):
        raise BadPath(f"cannot read the path {text!r}: the quoted name at position {at + 1} is not a JSON string")
    return value, end + 1


def _index(text: str, at: int) -> tuple[int, int]:
    end = text.find("]", at)
    digits = text[at + 1 : end] if end > 0 else ""
    bare = digits.removeprefix("-")
    if not (bare.isascii() and bare.isdigit() and len(bare) < 10):
        raise BadPath(f"cannot read the path {text!r}: [n] with a whole number is expected at position {at + 1}")
    return int(digits), end + 1


def format_path(parts: Sequence[str | int]) -> str:
    """The text of a path; `parse_path` reads it back."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part.isidentifier() or (part and not any(char in part for char in _SPECIAL) and part.isprintable())
            text += ("." if text else "") + (part if bare else json_dumps(part))
    return text


def lookup(value: Json, parts: Sequence[str | int]) -> Found | Missing:
    """The value at `parts`."""
    for depth, part in enumerate(parts):
        step = _step(value, part)
        if step is None:
            names = list(value) if isinstance(value, dict) else []
            length = len(value) if isinstance(value, list) else None
            return Missing(list(parts[:depth]), part, names, length)
        value = step.value
    return Found(value)


def _step(value: Json, part: str | int) -> Found | None:
    if isinstance(part, str):
        return Found(value[part]) if isinstance(value, dict) and part in value else None
    return Found(value[part]) if isinstance(value, list) and -len(value) <= part < len(value) else None


def explain_missing(path: str, missing: Missing) -> str:
    """A message for a person: how far the path leads, and what is near the name that is not there."""
    words = f"{path}: no such key"
    if missing.prefix:
        words += f"; {format_path(missing.prefix)} exists"
    if missing.length is not None:
        words += f" and is an array of {missing.length} element{'' if missing.length == 1 else 's'}"
    near = [format_path([name]) for name in _near(missing.wanted, missing.names)]
    if near:
        words += f", with {near[0]} in it" if missing.prefix else f"; did you mean {near[0]}"
        words += f" (also {', '.join(near[1:])})" if near[1:] else ""
    return words


def _near(wanted: str | int, names: list[str]) -> list[str]:
    from difflib import get_close_matches

    return [] if isinstance(wanted, int) else get_close_matches(wanted, names, n=3, cutoff=0.5)


def to_text(value: Json, as_json: bool = False) -> str:
    """A string as it is, anything else (or everything, with `as_json`) as compact JSON; null is `null`."""
    return value if isinstance(value, str) and not as_json else json_dumps(value)
