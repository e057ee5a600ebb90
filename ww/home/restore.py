"""Our own records through a restore: the hook may empty /data, and the version and the steps must be the backup's.

While the sign of a restore is there, no instance starts on the data: it may be half of one thing and half of another.
The sign stands in `/data/.ww/restoring` and once more beside the backups, because the hook may remove the first.
"""

from __future__ import annotations

import os

from ww.home.datadir import is_marked
from ww.home.smallfile import read_text, sync_directory, write_text
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.home.backups import BackupNote

_IDENTITY = ("format", "id", "boots")
_STATE = ("steps.jsonl", "version")
_OVER = ("restoring", "firstboot", "backed-up")
_LIMIT_BYTES = 4 << 20


class Kept(Value):
    """What stood in our records before the restore: file name (below `.ww`) to text."""

    __slots__ = ("files",)

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files


def begin(data: str, backup: str, name: str) -> Kept:
    """Remember our records of `data` and write the sign that a restore of `name` runs. Raises OSError."""
    path = f"{data}/.ww"
    names = (*_IDENTITY, *_STATE, *_notes(path))
    kept = {file: read_text(f"{path}/{file}", _LIMIT_BYTES) for file in names}
    volume = (kept["id"] or "").strip()
    write_text(f"{path}/restoring", f"{name}\n", durable=True)
    try:
        os.makedirs(f"{backup}/.ww", 0o700, exist_ok=True)
        write_text(f"{backup}/.ww/restoring", f"{name}\n{volume}\n", durable=True)
    except OSError:
        pass  # backups live elsewhere: a hook that empties /data as well is told apart by nothing, and documented so
    return Kept({file: text for file, text in kept.items() if text is not None})


def complete(data: str, backup: str, kept: Kept, note: BackupNote | None) -> bool:
    """The hook has succeeded: put our records in order and take the signs away. Raises OSError.

    False if nothing says that this data is initialised, so that the next start does a first boot.
    """
    path = f"{data}/.ww"
    os.makedirs(path, 0o700, exist_ok=True)
    for file, text in kept.files.items():
        wanted = file not in _STATE or note is None
        if wanted and not os.path.exists(f"{path}/{file}"):
            os.makedirs(os.path.dirname(f"{path}/{file}"), 0o700, exist_ok=True)
            write_text(f"{path}/{file}", text, durable=True)
    if note is not None:
        from ww.home.backups import apply_note

        apply_note(path, note)
    marked = is_marked(data)
    for file in (*(f"{path}/{name}" for name in _OVER), f"{backup}/.ww/restoring"):
        if os.path.exists(file):
            os.unlink(file)
    sync_directory(path)
    return marked


def restoring(data: str, backup: str) -> str:
    """The name of the backup whose restore into `data` was begun and not completed; "" if none was. Raises OSError."""
    name = (read_text(f"{data}/.ww/restoring") or "").strip()
    if name:
        return name
    try:
        sign = (read_text(f"{backup}/.ww/restoring") or "").splitlines()
    except OSError:
        return ""  # no access to /backup is no sign of anything
    volume = (read_text(f"{data}/.ww/id") or "").strip()
    ours = len(sign) > 1 and (not volume or volume == sign[1])
    return sign[0] if ours else ""


def _notes(path: str) -> list[str]:
    """Notes of backups that are kept with the data, because /backup cannot be written."""
    try:
        return [f"backups/{name}" for name in os.listdir(f"{path}/backups")]
    except OSError:
        return []
