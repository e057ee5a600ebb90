"""Damaged segments: what is good in them stays in the journal, the file as it was goes to `bad/` for a person to see."""

from __future__ import annotations

import errno
import os

from ww.events.rewriting import load, replace
from ww.events.segment import parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.events.shelf import Place

DIRECTORY = "bad"
MOST_FILES = 16
MOST_BYTES = 4 << 20
_DIGITS = 6
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def set_aside(place: Place, torn_too: bool) -> str:
    """Make `place` whole again if it is damaged; the path of what was damaged, "" if there was nothing to do.

    `torn_too`: what ends in half a record counts as damaged, for others follow in the same boot. Raises OSError.
    """
    try:
        content = load(place)
    except FileNotFoundError:
        return ""
    if not (content.damaged or (torn_too and content.torn_bytes)):
        return ""
    if not content.records:
        return move(place.path)
    aside = _linked(place.path)
    replace(place, content.records)
    _prune(os.path.dirname(aside))
    return aside


def move(path: str) -> str:
    """Take a whole segment out of the journal; its new path. Raises OSError."""
    aside = _free_name(path)
    os.rename(path, aside)
    _prune(os.path.dirname(aside))
    return aside


def count(directory: str) -> tuple[int, int]:
    """(files that are in `bad/` of a journal, files that ever were)."""
    names = _names(f"{directory}/{DIRECTORY}")
    return len(names), max((_number(name) for name in names), default=0)


def _linked(path: str) -> str:
    """A second name for the file in `bad/`; the one that it has there already if this was begun before and killed."""
    aside = _free_name(path)
    directory, wanted = os.path.dirname(aside), os.stat(path)
    for name in _names(directory):
        if os.path.samestat(os.stat(f"{directory}/{name}"), wanted):
            return f"{directory}/{name}"
    try:
        os.link(path, aside)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(path, aside)
    return aside


def _copy(path: str, aside: str) -> None:
    with open(path, "rb") as file, open(aside, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as copy:
        copy.write(file.read())


def _free_name(path: str) -> str:
    directory, name = os.path.split(path)
    directory += f"/{DIRECTORY}"
    os.makedirs(directory, 0o700, exist_ok=True)
    last = max((_number(name) for name in _names(directory)), default=0)
    return f"{directory}/{last + 1:0{_DIGITS}d}-{name}"


def _prune(directory: str) -> None:
    """The newest stay, as many as there is room for."""
    room = MOST_BYTES
    for index, name in enumerate(reversed(_names(directory))):
        room -= os.stat(f"{directory}/{name}").st_size
        if index and (room < 0 or index >= MOST_FILES):
            os.unlink(f"{directory}/{name}")


def _names(directory: str) -> list[str]:
    """The files that were set aside, oldest first."""
    try:
        return sorted(name for name in os.listdir(directory) if _number(name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _number(name: str) -> int:
    number, _, rest = name.partition("-")
    fits = len(number) >= _DIGITS and number.isascii() and number.isdigit() and parse_name(rest) is not None
    return int(number) if fits else 0
