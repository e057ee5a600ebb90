"""Where the files of an instance are, or would be, and what could not be written."""

from __future__ import annotations

import os

from ww.home.datadir import somebody_elses
from ww.home.layout import find_run_directory, run_directories
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.home.layout import Layout
    from ww.types import JsonObject


_DIRECTORIES = ("data", "backup", "run", "journal", "log")


class Spot(Value):
    """One place: what it is for, its path ("" if there is none), whether it is there, whether it can be written."""

    __slots__ = ("name", "path", "there", "writable")

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self.there = bool(path) and os.path.lexists(path)
        self.writable = bool(path) and can_write(path) and not (name in _DIRECTORIES and os.path.isfile(path))

    def record(self) -> JsonObject:
        """As `ww explain --json` has it."""
        return {"path": self.path or None, "there": self.there, "writable": self.writable}


def can_write(path: str) -> bool:
    """Whether this user could write `path`, or make it where it is not there; nothing is tried."""
    at = path
    while not os.path.lexists(at) and at not in ("", "/"):
        at = os.path.dirname(at)
    wanted = os.W_OK | os.X_OK if os.path.isdir(at) else os.W_OK
    return os.access(at or "/", wanted) and (at == path or os.path.isdir(at or "/"))


def run_directory(layout: Layout, environ: Mapping[str, str]) -> str:
    """The run directory that a start would use, "" if it would have none."""
    found = find_run_directory(layout, environ)
    if found is not None:
        return found
    makeable = (path for path in run_directories(layout, environ) if not os.path.lexists(path) and can_write(path))
    return next(makeable, "")


def spots(layout: Layout, environ: Mapping[str, str], shared: bool) -> list[Spot]:
    """Every place that an instance has; with shared data its journal lies in the run directory."""
    run = run_directory(layout, environ)
    own_data = can_write(f"{layout.data}/.ww") and not shared and (os.path.isdir(layout.data) or bool(layout.root))
    journal = f"{layout.data}/.ww/journal" if own_data else run and f"{run}/journal"
    cfg = f"{layout.etc}/cfg.json" if can_write(f"{layout.etc}/cfg.json") else run and f"{run}/cfg.json"
    paths = {
        "hooks": layout.usr,
        "settings": layout.etc,
        "files": layout.files,
        "data": layout.data,
        "backup": layout.backup,
        "secrets": layout.secrets,
        "run": run,
        "journal": journal,
        "log": run and f"{run}/log",
        "control": run and f"{run}/ctl",
        "cfg": cfg,
    }
    return [Spot(name, path) for name, path in paths.items()]


def given_up(layout: Layout, known: list[Spot]) -> list[str]:
    """What a start goes without, and what that means, one sentence each."""
    at = {spot.name: spot for spot in known}
    words = []
    if not os.path.isdir(layout.data) and not layout.root:
        words.append(f"there is no {layout.data}: nothing is remembered, every boot is a first boot")
    elif not can_write(f"{layout.data}/.ww"):
        whose = somebody_elses(layout.data)
        lost = "" if os.path.lexists(f"{layout.data}/.ww") else ", every boot of fresh data is a first boot"
        words.append(f"{layout.data} cannot be written{whose}: nothing is remembered{lost}")
    if not at["run"].path:
        words.append("no run directory can be written: no status, no log copy, no cached configuration")
    elif not can_write(f"{layout.etc}/cfg.json"):
        words.append(f"{layout.etc} cannot be written: cfg.json lies in the run directory")
    if not at["backup"].writable:
        words.append(f"{layout.backup} cannot be written: a backup hook will fail unless it writes elsewhere")
    return words
