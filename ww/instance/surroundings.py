"""What `ww run` says of its surroundings at start: who it is, what it can write, what is limited, what it goes without."""

from __future__ import annotations

import os

from ww.home.places import can_write, given_up, spots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.home.layout import Layout

_WRITTEN = ("settings", "data", "backup", "run")
_MOST = 64
_PIDS_FILES = ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")


def describe(layout: Layout, environ: Mapping[str, str]) -> list[str]:
    """Sentences for the log, the first one always the same kind; no place is tried, only asked about."""
    known = spots(layout, environ, shared=False)
    # Below --root what is not there yet is made; in a container it is left out.
    usable = [spot for spot in known if spot.writable and (spot.there or layout.root)]
    if not can_write(f"{layout.data}/.ww"):  # what was written there is somebody else's
        usable = [spot for spot in usable if spot.name != "data"]
    places = [_place(spot.path) for spot in usable if spot.name in _WRITTEN]
    words = f"user {os.getuid()}, group {os.getgid()}; can write {', '.join(places) or 'nothing'}"
    if _is_read_only("/"):
        words += "; / is read-only"
    limit = _pids_limit()
    if limit:
        words += f"; at most {limit} processes"
    return [words, *(f"goes without: {sentence}" for sentence in given_up(layout, known))]


def _is_read_only(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _place(path: str) -> str:
    try:
        flags = os.statvfs(path).f_flag
    except OSError:
        return path
    return f"{path} (noexec)" if flags & os.ST_NOEXEC else path


def _pids_limit() -> str:
    """The most processes that our cgroup may have; "" where there is no limit that we can see."""
    for path in _PIDS_FILES:
        try:
            with open(path, encoding="ascii") as file:
                text = file.read(_MOST).strip()
        except (OSError, UnicodeDecodeError):
            continue
        return text if text.isdigit() else ""
    return ""
