"""`/data/.ww`: what whaleware keeps on an instance's data volume (decisions, "Files of an instance").

format      {"format": 1}; a newer one is refused in words
id          the volume's own id, 128 random bits
boots       how many boots this volume has seen
version     the image version whose upgrade completed; also the marker of a completed first boot
firstboot   how many times a first boot was begun on data that is not marked yet
steps.jsonl upgrade steps begun and done
lock        flock, exclusive for the life of an instance; says who holds it
journal/    the event journal
"""

from __future__ import annotations

import errno
import os

from ww.clib import BadJson, json_dumps, json_loads
from ww.home.smallfile import read_text, write_text
from ww.types import Value

FORMAT = 1
_MOST_DIGITS = 15


class Usable(Value):
    """The data directory can be read and written; `path` is its `.ww`."""

    __slots__ = ("path", "marked")

    def __init__(self, path: str, marked: bool) -> None:
        self.path = path
        self.marked = marked


class Unusable(Value):
    """There is no data directory, or it cannot be written: nothing can be remembered. `why` is for people."""

    __slots__ = ("why", "marked")

    def __init__(self, why: str, marked: bool) -> None:
        self.why = why
        self.marked = marked


class Unreadable(Value):
    """It cannot be told whether the data is initialised. Nothing may be done: a first boot would overwrite it."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class Newer(Value):
    """A newer ww has written here: touch nothing."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


def open_data(data: str, may_create: bool) -> Usable | Unusable | Unreadable | Newer:
    """Look at `data` (and make it and its `.ww`, where allowed). Writes nothing but the directories."""
    path = f"{data}/.ww"
    try:
        newer = newer_format(path)
        marked = is_marked(data)
    except OSError as error:
        words = f"cannot tell whether {data} is initialised: {error.filename or path}: {error.strerror}"
        return Unreadable(words + somebody_elses(data, error.errno))
    if newer:
        return newer
    try:
        if may_create:
            os.makedirs(data, 0o755, exist_ok=True)
        os.makedirs(path, 0o700, exist_ok=True)
        os.chmod(path, 0o700)
    except OSError as error:
        return Unusable(f"cannot write {data}: {error.strerror}{somebody_elses(data, error.errno)}", marked)
    if not os.access(path, os.W_OK | os.X_OK):
        return Unusable(f"cannot write {path}{somebody_elses(data, errno.EACCES)}", marked)
    return Usable(path, marked)


def somebody_elses(data: str, number: int | None = errno.EACCES) -> str:
    """Whose `data` is, who we are, and what gives it to us, where errno `number` may come from that; else ""."""
    if number not in (errno.EACCES, errno.EPERM):
        return ""
    for path in (f"{data}/.ww", data):
        try:
            owner = os.stat(path).st_uid
        except OSError:
            continue
        user = os.geteuid()
        if owner == user or not user:
            return ""
        give = f"as root, once, with nothing running on it: chown -R {user}:{os.getegid()} {data}"
        return f" ({path} is user {owner}'s, and ww run is user {user}; {give})"
    return ""


def is_marked(data: str) -> bool:
    """Whether a first boot has completed here: our marker, or the original's `/data/whaleup` (WW-16).

    Raises OSError where that cannot be told: only "there is no such file" means that the data is fresh.
    """
    return _is_there(f"{data}/.ww/version") or _is_there(f"{data}/whaleup")


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def newer_format(path: str) -> Newer | None:
    """What refuses the `.ww` at `path` because a newer ww wrote it, or None. Raises OSError."""
    text = read_text(f"{path}/format")
    if text is None or not text.strip():
        return None  # blank: a power cut right after the first boot ever
    try:
        record = json_loads(text)
        found = record.get("format") if isinstance(record, dict) else None
    except BadJson:
        found = None
    if isinstance(found, int) and found <= FORMAT:
        return None
    return Newer(
        f"cannot use {path}: its format is {json_dumps(found)} and this ww knows {FORMAT};"
        " run the image that wrote it, or a newer one"
    )


def claim_boot(path: str, known: int = 0) -> tuple[str, int]:
    """Write the format, make the volume's id if it has none, count this boot; returns (volume id, boot number).

    `known` is the highest number that is seen elsewhere: a count that a power cut or a person took away does not begin
    anew below it. Only under the lock. Raises OSError.
    """
    volume = volume_id(path)
    if not (read_text(f"{path}/format") or "").strip():
        write_text(f"{path}/format", json_dumps({"format": FORMAT}) + "\n")
    if not volume:
        volume = os.urandom(16).hex()
        write_text(f"{path}/id", volume + "\n")
    counted = (read_text(f"{path}/boots") or "").strip()
    boots = max(int(counted) if counted.isdecimal() and len(counted) <= _MOST_DIGITS else 0, known) + 1
    write_text(f"{path}/boots", f"{boots}\n")
    return volume, boots


def volume_id(path: str) -> str:
    """The volume's own id, "" if it has none yet. Raises OSError."""
    return (read_text(f"{path}/id") or "").strip()


def read_version(path: str) -> str:
    """The version whose upgrade completed on this data; "" if unknown. Raises OSError."""
    return (read_text(f"{path}/version") or "").strip()


def firstboot_attempts(path: str) -> int:
    """How many first boots were begun here without completing. Raises OSError."""
    text = (read_text(f"{path}/firstboot") or "").strip()
    return int(text) if text.isdecimal() else 0


def backed_up(path: str, from_version: str, to_version: str) -> str:
    """The name of the backup made before this very upgrade, if it was begun and not completed; "" else. Raises OSError."""
    lines = (read_text(f"{path}/backed-up") or "").splitlines()
    return lines[2] if lines[:2] == [from_version, to_version] and len(lines) > 2 else ""
