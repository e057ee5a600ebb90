"""Our own records through a restore: the hook may empty /data, and the version and the steps must be the backup's.

While `/data/.ww/restoring` is there, no instance starts on the data: it may be half of one thing and half of another.
"""

from __future__ import annotations

import os

from ww.home.backups import apply_note
from ww.home.smallfile import read_text, sync_directory, write_text
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.home.backups import BackupNote

_IDENTITY = ("format", "id", "boots")
_STATE = ("steps.jsonl", "version")
_LIMIT_BYTES = 4 << 20


class Kept(Value):
    """What stood in our records before the restore: file name to text."""

    __slots__ = ("files",)

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files


def begin(path: str, name: str) -> Kept:
    """Remember our records under `path` (a `.ww`) and write the sign that a restore of `name` runs. Raises OSError."""
    kept = {file: read_text(f"{path}/{file}", _LIMIT_BYTES) for file in (*_IDENTITY, *_STATE)}
    write_text(f"{path}/restoring", f"{name}\n", durable=True)
    return Kept({file: text for file, text in kept.items() if text is not None})


def complete(path: str, kept: Kept, note: BackupNote | None) -> bool:
    """The hook has succeeded: put our records in order and take the sign away. Raises OSError.

    False if nothing says that this data is initialised, so that the next start does a first boot.
    """
    os.makedirs(path, 0o700, exist_ok=True)
    for file in _IDENTITY if note is not None else (*_IDENTITY, *_STATE):
        if file in kept.files and not os.path.exists(f"{path}/{file}"):
            write_text(f"{path}/{file}", kept.files[file], durable=True)
    if note is not None:
        apply_note(path, note)
    marked = os.path.exists(f"{path}/version")
    for file in ("restoring", "firstboot", "backed-up"):
        if os.path.exists(f"{path}/{file}"):
            os.unlink(f"{path}/{file}")
    sync_directory(path)
    return marked
