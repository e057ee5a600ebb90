"""A tar that is the same whenever it is written: sorted, of one owner, of one time."""

from __future__ import annotations

import os
import tarfile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TIME_S = int(os.environ.get("SOURCE_DATE_EPOCH") or 1_577_836_800)


def everything(roots: Iterable[Path]) -> Iterator[Path]:
    """Each root and all below it, in one order."""
    for root in roots:
        yield from sorted([root, *root.rglob("*")])


def set_times(roots: Iterable[Path]) -> None:
    """Give every file its time of the archive."""
    for path in everything(roots):
        os.utime(path, (TIME_S, TIME_S), follow_symlinks=False)


def with_parents(paths: Iterable[Path], top: Path) -> list[Path]:
    """`paths`, and each directory that leads to one from `top` on: whoever unpacks it over another sets its time again."""
    return sorted({one for path in paths for one in (path, *path.parents) if one.is_relative_to(top)})


def write(paths: Iterable[Path], file: IO[bytes]) -> None:
    """Write the archive, in the order of `paths`."""
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for path in paths:
            member = tar.gettarinfo(str(path))
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = TIME_S
            if member.isreg():
                with path.open("rb") as content:
                    tar.addfile(member, content)
            else:
                tar.addfile(member)
