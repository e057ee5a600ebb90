"""A file replaced whole: a reader sees the old text or the new one. Standard library only."""

from __future__ import annotations

import os
import stat


def write(path: str, data: bytes, mode: int) -> None:
    """Replace `path` by a file with `data` and `mode`. Raises OSError, and then leaves `path` as it was."""
    _replace(path, data, mode, None)


def rewrite(path: str, data: bytes, mode: int | None, new_mode: int) -> None:
    """As `write`, but an existing file keeps its owner, group and (unless `mode` is given) its mode.

    A file that was not there gets `mode`, else `new_mode`. Through a symbolic link its target is replaced.
    Raises OSError; FileExistsError where `path` is something else than a regular file.
    """
    path = os.path.realpath(path)
    try:
        old = os.stat(path)
    except FileNotFoundError:
        _replace(path, data, new_mode if mode is None else mode, None)
        return
    if not stat.S_ISREG(old.st_mode):
        raise FileExistsError(17, "it is not a regular file", path)
    _replace(path, data, stat.S_IMODE(old.st_mode) if mode is None else mode, (old.st_uid, old.st_gid))


def _replace(path: str, data: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name[:200]}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(temporary, flags, 0o600)
    try:
        while data:
            data = data[os.write(fd, data) :]
        if owner is not None and owner != (os.geteuid(), os.getegid()):
            os.fchown(fd, *owner)
        os.fchmod(fd, mode)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)
