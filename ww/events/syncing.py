"""Making the journal survive a power loss at the end of a boot: for forked children only, it takes as long as the disk takes."""

from __future__ import annotations

import errno
import os

from ww.events.segment import segment_names

SYNCED_MODE = 0o400
_WRITABLE = 0o200


def sync(directory: str, boot_id: str | None = None) -> int:
    """For a forked child at the end of a boot: make what was written survive a power loss; 0, or the errno.

    It syncs every segment of `boot_id` (None: of all boots) that has not been synced since its end, and the directory.
    A segment that is synced loses its write permission, by which the next boots know that nothing is left to do for
    it: each sync makes the disk itself flush, so that a stop would take longer with every boot that is kept.
    """
    try:
        names = [name for name in segment_names(directory) if boot_id is None or f"-{boot_id}-" in name]
        for name in names:
            path = f"{directory}/{name}"
            if not is_synced(path):
                _sync(path, synced_mode=SYNCED_MODE)
        _sync(directory)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def is_synced(path: str) -> bool:
    """Whether the segment was synced since its end. Raises OSError."""
    return not os.stat(path).st_mode & _WRITABLE


def _sync(path: str, synced_mode: int | None = None) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
        if synced_mode is not None:
            os.fchmod(fd, synced_mode)
    finally:
        os.close(fd)
