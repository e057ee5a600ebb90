"""Small files written whole: by rename, so that a reader sees the old text or the new one and nothing between."""

from __future__ import annotations

import os
import stat

_OTHERS_WRITE = 0o022


def read_text(path: str, limit_bytes: int = 65536) -> str | None:
    """The file's text (UTF-8, bad bytes replaced), or None if there is none. Raises OSError for anything else."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.read(fd, limit_bytes).decode("utf-8", "replace")
    finally:
        os.close(fd)


def read_trusted(path: str, limit_bytes: int) -> bytes:
    """The bytes of a regular file that only root or this user can have written; b"" if it is none, or longer."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        info = os.fstat(fd)
        ours = info.st_uid in (0, os.geteuid()) and not info.st_mode & _OTHERS_WRITE
        if not (stat.S_ISREG(info.st_mode) and ours and info.st_size <= limit_bytes):
            return b""
        return os.read(fd, info.st_size)
    except OSError:
        return b""
    finally:
        os.close(fd)


def write_text(path: str, text: str, mode: int = 0o600, durable: bool = False) -> None:
    """Replace the file by rename; `durable` also syncs file and directory (never in PID 1's loop). Raises OSError."""
    temporary = f"{path}.{os.getpid()}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        _write_all(fd, text.encode("utf-8", "backslashreplace"))
        os.fchmod(fd, mode)
        if durable:
            os.fsync(fd)
    except OSError:
        os.close(fd)
        os.unlink(temporary)
        raise
    os.close(fd)
    os.replace(temporary, path)
    if durable:
        sync_directory(os.path.dirname(path))


def append_line(path: str, line: str, mode: int = 0o600) -> None:
    """Append one line in one write and sync it. A torn last line of an earlier life is closed first. Raises OSError."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        _write_all(fd, (("\n" if torn else "") + line + "\n").encode("utf-8", "backslashreplace"))
        os.fsync(fd)
    finally:
        os.close(fd)
    if size == 0:
        sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Make renames and new names in `path` survive a power loss. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
