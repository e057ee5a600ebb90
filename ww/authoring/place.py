"""Which directory an author means: a home (DIR/ww/usr), or what becomes an image's /ww (DIR/usr)."""

from __future__ import annotations

import os

from ww.errors import UsageError
from ww.home.layout import Layout
from ww.types import Value

PARTS = ("usr", "etc", "files")


class Place(Value):
    """A directory of an author.

    directory:  as it was named, absolute.
    layout:     the paths of the instance that it is, or would be part of.
    complete:   whether the programs that its hooks name must be on this machine: it is a home, or the container's own.
    """

    __slots__ = ("directory", "layout", "complete")

    def __init__(self, directory: str, layout: Layout, complete: bool) -> None:
        self.directory = directory
        self.layout = layout
        self.complete = complete

    def name(self, path: str) -> str:
        """`path` as it is shown: from the directory where it lies below it."""
        inside = os.path.relpath(path, self.directory)
        return path if inside.startswith("..") else inside


def find_place(directory: str) -> Place:
    """The home at `directory`, else the `/ww` of an image. Raises UsageError where it is neither."""
    full = os.path.abspath(directory)
    if not os.path.isdir(full):
        raise UsageError(f"cannot look at {directory}: there is no such directory")
    root = "" if full == "/" else full
    if _has_parts(f"{root}/ww"):
        return Place(full, Layout(root), complete=True)
    if _has_parts(full) and root and not os.path.isdir(f"{full}/usr/bin"):  # else it is the tree of a whole system
        return Place(full, _overlay(full), complete=full == "/ww")
    raise UsageError(
        f"cannot look at {directory}: it holds neither ww/usr or ww/etc (a home) nor usr or etc (the /ww of an image);"
        " make one with ww init"
    )


def _has_parts(directory: str) -> bool:
    return any(os.path.isdir(f"{directory}/{name}") for name in ("usr", "etc"))


def _overlay(directory: str) -> Layout:
    """The layout of an instance whose `/ww` is `directory`; there is no data beside it."""
    layout = Layout("" if directory == "/ww" else os.path.dirname(directory).rstrip("/"))
    for part in PARTS:
        setattr(layout, part, f"{directory}/{part}")
    return layout
