"""One thing that an author should know: where, what, and what to do about it."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from ww.types import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ww.types import JsonObject

PROBLEM = "problem"
"""`ww run` would refuse it, or would not do what is clearly meant."""
WARNING = "warning"
"""It works, and is probably not what is meant."""

LEVELS = (PROBLEM, WARNING)


class Finding(Value):
    """`level` is one of LEVELS; `line` is 0 where the whole file is meant; `do` may be empty."""

    __slots__ = ("level", "file", "line", "what", "do")

    def __init__(self, level: str, file: str, what: str, do: str = "", line: int = 0) -> None:
        self.level = level
        self.file = file
        self.line = line
        self.what = what
        self.do = do

    @property
    def where(self) -> str:
        """`FILE` or `FILE:LINE`."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def record(self) -> JsonObject:
        """As `ww check --json` has it."""
        return {"level": self.level, "file": self.file, "line": self.line or None, "what": self.what, "do": self.do}


def plain_name(name: str) -> str:
    """What is left of a name that means the same when it is written otherwise: `Svc-Up.sh` is `svcup`."""
    return re.sub(r"[^a-z0-9]", "", name.lower().rpartition(".")[0] or name.lower())


def nearest(name: str, known: Iterable[str], cutoff: float = 0.8) -> str:
    """The known name that `name` is a misspelling of, "" if there is none."""
    names = list(known)
    same = [candidate for candidate in names if plain_name(candidate) == plain_name(name)]
    return next(iter(same or difflib.get_close_matches(name, names, n=1, cutoff=cutoff)), "")
