"""What whaleware notes beside each backup, so that a restore brings back the data's version and its steps as well.

The backup hook decides what a backup is; the version and the step journal are ours. Without them restored data
would claim the version and the steps of the data that it replaces.
"""

from __future__ import annotations

import fcntl
import os

from ww.clib import BadJson, json_dumps, json_loads
from ww.home.smallfile import read_text, write_text
from ww.home.steps import read_steps, step_line
from ww.types import Value

FORMAT = 1
_LIMIT_BYTES = 1 << 20


class BackupNote(Value):
    """The state of the data when backup `name` was made: `version` ("" if unknown), `steps` done, time `at`."""

    __slots__ = ("name", "version", "steps", "at")

    def __init__(self, name: str, version: str, steps: tuple[str, ...], at: str) -> None:
        self.name = name
        self.version = version
        self.steps = steps
        self.at = at


def look(data_path: str, name: str, at: str) -> BackupNote:
    """What the data under `data_path` (its `.ww`) is now. Raises OSError."""
    version = (read_text(f"{data_path}/version") or "").strip()
    return BackupNote(name, version, read_steps(f"{data_path}/steps.jsonl").done, at)


def write_note(backup: str, data_path: str, seen: BackupNote) -> None:
    """Keep what was `seen` of the data in `BACKUP/.ww/NAME.json`.

    Where /backup cannot be written (the hook sends its copy elsewhere), the note is kept with the data. Syncs, so it
    is for a forked child or another process than PID 1. Raises OSError.
    """
    note = {"format": FORMAT, "name": seen.name, "version": seen.version, "steps": list(seen.steps), "at": seen.at}
    text = json_dumps(note) + "\n"
    try:
        _write(f"{backup}/.ww", seen.name, text)
    except OSError:
        _write(f"{data_path}/backups", seen.name, text)


def read_note(backup: str, data_path: str, name: str) -> BackupNote | None:
    """The note of backup `name`, or None where there is none that this ww can read. Raises OSError."""
    for directory in (f"{backup}/.ww", f"{data_path}/backups"):
        text = read_text(f"{directory}/{_file(name)}", _LIMIT_BYTES)
        note = _parse(name, text) if text is not None else None
        if note is not None:
            return note
    return None


def apply_note(data_path: str, note: BackupNote) -> None:
    """Make version and step journal what they were when the backup was made. Raises OSError."""
    lines = [step_line(step, "done", note.at, note.version) for step in note.steps]
    write_text(f"{data_path}/steps.jsonl", "".join(f"{line}\n" for line in lines), durable=True)
    write_text(f"{data_path}/version", f"{note.version}\n", durable=True)


def _write(directory: str, name: str, text: str) -> None:
    os.makedirs(directory, 0o700, exist_ok=True)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _locked(fd, fcntl.LOCK_EX | fcntl.LOCK_NB):
            _remove_unfinished(directory)
        _locked(fd, fcntl.LOCK_SH)
        write_text(f"{directory}/{_file(name)}", text, durable=True)
    finally:
        os.close(fd)


def _locked(fd: int, how: int) -> bool:
    """Every writer shares the lock, so whoever has it alone knows that no note is being written, also elsewhere."""
    try:
        fcntl.flock(fd, how)
    except OSError:
        return False  # Another writes, or this file system has no such locks.
    return True


def _remove_unfinished(directory: str) -> None:
    """What writers left that were killed. Raises OSError."""
    for name in os.listdir(directory):
        if ".json." in name and name.endswith(".tmp"):
            os.unlink(f"{directory}/{name}")


def _file(name: str) -> str:
    """The note's file name; `ww backup` takes no name with a slash."""
    return name.replace("/", "%2F") + ".json"


def _parse(name: str, text: str) -> BackupNote | None:
    try:
        note = json_loads(text)
    except BadJson:
        return None
    if not isinstance(note, dict) or note.get("format") != FORMAT or note.get("name") != name:
        return None
    version, steps, at = note.get("version"), note.get("steps"), note.get("at")
    if not isinstance(version, str) or not isinstance(steps, list):
        return None
    return BackupNote(name, version, tuple(step for step in steps if isinstance(step, str)), str(at))
