"""What people see: tables, times, and colours where a terminal takes them."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

COLOURS = {
    "UP": "green",
    "ERROR": "red",
    "failed": "red",
    "unhealthy": "red",
    "ready": "green",
    "done": "green",
    "healthy": "green",
    "well": "green",
    "reached": "green",
    "fault": "red",
    "unusable": "red",
    "not reached": "red",
    "STOPPED": "blue",
    "stopped": "blue",
    "disabled": "blue",
}
"""Words that have a colour of their own; other states are under way, which is yellow."""


def coloured(word: str, strong: bool = False) -> str:
    """`word` in its colour on a terminal, unless NO_COLOR is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return word
    return click.style(word, fg=COLOURS.get(word, "yellow"), bold=strong)


def width() -> int:
    """Columns of the terminal; 0 where there is none and nothing must be cut."""
    return max(40, shutil.get_terminal_size((80, 24)).columns) if sys.stdout.isatty() else 0


def clean(text: object) -> str:
    """One line of printable characters: what services say may hold anything, also what moves a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in str(text)).strip()


def fit(text: str, room: int) -> str:
    """`text` cut to `room` columns; room 0 is endless."""
    return text if room <= 0 or len(text) <= room else f"{text[: max(1, room) - 1]}…"


def paragraph(text: str) -> str:
    """`text` over as many lines as the terminal needs, those behind the first indented."""
    room = width()
    return text if not room else click.wrap_text(text, room, subsequent_indent="  ")


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], colour: int | None = None, whole: bool = False
) -> list[str]:
    """Lines of a table whose last column takes what room is left; `colour` is the column of words with colours.

    whole: what the last column has no room for stands below, instead of being cut.
    """
    lines = [list(head), *[[clean(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    room = width()
    if room:
        widths = _squeezed(widths, room)
        lines = [part for line in lines for part in _parts(line, widths[-1])] if whole else lines
    return [_row(line, widths, colour if number else None) for number, line in enumerate(lines)]


def _squeezed(widths: list[int], room: int) -> list[int]:
    """Columns that fit into `room`: the widest gives first, none below what a head needs."""
    widths = list(widths)
    while sum(widths) + 2 * (len(widths) - 1) > room and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    return widths


def _parts(line: list[str], room: int) -> list[list[str]]:
    """A line of a table as those that it takes to show all of its last cell."""
    first, *rest = textwrap.wrap(line[-1], room) or [""]
    return [[*line[:-1], first], *[["" for _ in line[:-1]] + [part] for part in rest]]


def _row(cells: Sequence[str], widths: Sequence[int], colour: int | None) -> str:
    shown = []
    for column, (cell, room) in enumerate(zip(cells, widths, strict=True)):
        text = fit(cell, room)
        padded = " " * (room - len(text)) if column < len(cells) - 1 else ""
        shown.append((coloured(text) if text and column == colour else text) + padded)
    return "  ".join(shown).rstrip()


def duration(seconds: object) -> str:
    """`12 s`, `3 min`, `5 h`, `2 days`: a length of time at a glance."""
    if not isinstance(seconds, int | float):
        return ""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            small = isinstance(seconds, float) and seconds < 10
            return f"{seconds:.1f} s" if small else f"{int(seconds // unit)} {name}"
    return f"{int(seconds // 86400)} days"


def moment(stamp: object) -> str:
    """A time stamp as people read it: `2026-11-21 16:00:00 UTC`."""
    text = str(stamp)
    return f"{text[:10]} {text[11:19]} UTC" if len(text) == 24 and text.endswith("Z") else text
