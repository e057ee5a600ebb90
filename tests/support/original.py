"""tests/original.txt: what each rule is to an image that was written for the original whaleware."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DIFFERS, SAME, NEW = "≠", "=", "+"
_NEW_SECTION = "new "


def judged(path: Path) -> list[tuple[str, str]]:
    """Each rule that the file names, with its sign."""
    lines = [line.split() for line in path.read_text().splitlines() if line.startswith((DIFFERS, SAME, NEW))]
    return [(rule, sign) for sign, *rules in lines for rule in rules]


def sections(path: Path) -> dict[str, list[str]]:
    """The rules below each heading `# -- NAME` of a file of rules; of original.txt, the sections that are all new."""
    found: dict[str, list[str]] = {}
    below: list[str] = []
    for line in path.read_text().splitlines():
        if line.startswith(_NEW_SECTION):
            found[line.removeprefix(_NEW_SECTION)] = [NEW]
        elif line.startswith("# -- "):
            below = found.setdefault(line.removeprefix("# -- "), [])
        elif re.match(r"[A-Z]", line):
            below.append(line.split()[0])
    return found
