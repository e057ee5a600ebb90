"""Where a key path lies in a JSON text. Used on the error path only: it walks the text a second time."""

from __future__ import annotations

from functools import lru_cache
from json import JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.config.model import Path

_BLANKS = " \t\n\r"
_DECODER = JSONDecoder()


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def positions(text: str) -> Iterator[tuple[Path, int]]:
    """Every key and array element of a valid JSON text, in order, with the offset where it begins."""
    yield from _walk(text, _skip(text, 0), ())


@lru_cache(maxsize=2)
def _known_positions(text: str) -> list[tuple[Path, int]]:
    """A layer with one problem often has hundreds."""
    return list(positions(text))


def locate(text: str, path: Path) -> tuple[int, int] | None:
    """Line and column of `path`, or of the nearest thing above it; None if the text (which may be empty) holds nothing of it.

    Of a key that is there twice the last one counts, as it does for the value.
    """
    best, depth = -1, 0
    if not text:
        return None
    for found, offset in _known_positions(text):
        if path[: len(found)] == found and len(found) >= depth:
            best, depth = offset, len(found)
    return line_column(text, best) if depth else None


def duplicates(text: str) -> list[tuple[Path, int]]:
    """Every key that its object already held, with the offset of the later one."""
    seen: set[Path] = set()
    twice = []
    for path, offset in positions(text):
        if path in seen:
            twice.append((path, offset))
            seen = {known for known in seen if known[: len(path)] != path}
        seen.add(path)
    return twice


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


def _walk(text: str, at: int, path: Path) -> Iterator[tuple[Path, int]]:
    """The positions inside the value at `at`, which begins with no blank."""
    if text[at] not in "{[":
        return
    closing = "}" if text[at] == "{" else "]"
    index = 0
    at = _skip(text, at + 1)
    while text[at] != closing:
        start = at
        part: str | int = index
        if closing == "}":
            part, at = scanstring(text, at + 1)
            at = _skip(text, _skip(text, at) + 1)
        yield (*path, part), start
        yield from _walk(text, at, (*path, part))
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        index += 1
        if text[at] == ",":
            at = _skip(text, at + 1)
