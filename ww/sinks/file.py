"""The sink `file`: NDJSON in a file, rotated by size."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from ww.config.sinktypes import own_schema
from ww.sinks.base import Accepted, Guarantee, RetryAfter, Sink, SinkType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.sinks.base import Answer, Context, Item
    from ww.types import Json

_MODE_DIRECTORY = 0o755


class File(Sink):
    """Appends a line per event to `path`; beyond `max_bytes` it becomes `path`.1, and what was .1 becomes .2, up to `keep`.

    `fsync`: whether a batch is on the disk before it counts as accepted.
    """

    def __init__(self, path: str, max_bytes: int, keep: int, fsync: bool, mode: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._fsync = fsync
        self._mode = mode
        self._fd = -1
        self._size = 0

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """Events are accepted up to the one that the disk refuses."""
        done = 0
        reason = ""
        try:
            while done < len(batch) and (not done or time.monotonic() < deadline):
                done += self._append(batch[done:])
        except OSError as error:
            reason = f"{self._path}: {error.strerror}"
            self._let_go()
        return [*[Accepted()] * done, *[RetryAfter(reason=reason)] * (len(batch) - done)]

    def reach(self, deadline: float) -> str:  # noqa: ARG002
        """Whether the file can be opened for writing."""
        try:
            self._open()
        except OSError as error:
            return f"{self._path}: {error.strerror}"
        return ""

    def close(self, deadline: float) -> None:  # noqa: ARG002
        """Close the file."""
        self._let_go()

    def _append(self, items: Sequence[Item]) -> int:
        """Write as many of `items` as this file still takes, one at least; how many. Raises OSError, nothing written then."""
        self._open()
        if self._size and self._size + len(items[0].text) >= self._max_bytes:
            self._rotate()
        lines: list[bytes] = []
        size = 0
        for item in items:
            if lines and self._size + size + len(item.text) >= self._max_bytes:
                break
            lines.append(item.text + b"\n")
            size += len(lines[-1])
        self._write(b"".join(lines))
        return len(lines)

    def _write(self, data: bytes) -> None:
        """All of it, or none: what was written of it is taken back, unless somebody else has written behind it."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
            if self._fsync:
                os.fdatasync(self._fd)
        except OSError:
            if os.fstat(self._fd).st_size == self._size + len(data) - len(left):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)

    def _open(self) -> None:
        """Open the file that has the name now: somebody else may have rotated or removed it."""
        if self._fd >= 0 and self._is_there():
            return
        self._let_go()
        os.makedirs(os.path.dirname(self._path) or "/", _MODE_DIRECTORY, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        try:
            # Who may write into its directory, such as the service, may not choose what else the reporter writes into.
            self._fd = os.open(self._path, flags | os.O_NOFOLLOW, self._mode)
        except OSError as error:
            if error.errno == errno.ELOOP and os.path.islink(self._path):
                raise OSError(errno.ELOOP, "it is a symbolic link, and none is followed") from None
            raise
        info = os.fstat(self._fd)
        if not stat.S_ISREG(info.st_mode):
            self._let_go()
            raise OSError(errno.EINVAL, "it is no regular file")
        self._size = info.st_size
        if self._fsync and not self._size:
            _sync_directory(os.path.dirname(self._path))
        self._end_last_line()

    def _is_there(self) -> bool:
        try:
            info, ours = os.stat(self._path), os.fstat(self._fd)
        except FileNotFoundError:
            return False
        self._size = ours.st_size  # another writer may have been there
        return (info.st_dev, info.st_ino) == (ours.st_dev, ours.st_ino)

    def _end_last_line(self) -> None:
        """A line that a kill or a power loss cut in the middle is ended, so that the next one is whole."""
        if self._size and os.pread(self._fd, 1, self._size - 1) != b"\n":
            self._write(b"\n")

    def _rotate(self) -> None:
        self._let_go()
        if self._keep:
            for number in range(self._keep - 1, 0, -1):
                _move(f"{self._path}.{number}", f"{self._path}.{number + 1}")
            _move(self._path, f"{self._path}.1")
        else:
            os.unlink(self._path)
        self._open()

    def _let_go(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _move(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:
        return


def _sync_directory(path: str) -> None:
    fd = os.open(path or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make(settings: Mapping[str, Json], context: Context) -> Sink:
    """The sink of a file below the instance's root; a relative path lies below its data."""
    path = str(settings["path"])
    if path.endswith("/"):
        raise ValueError(f"path {path!r} names a directory; write the name of a file")
    where = context.place(path)
    return File(
        where,
        _number(settings["max_bytes"]),
        _number(settings["keep"]),
        bool(settings["fsync"]),
        int(str(settings["mode"]), 8),
    )


def _number(value: Json) -> int:
    return int(value) if isinstance(value, int | float) else 0


TYPE = SinkType(
    name="file",
    guarantee=Guarantee.AT_LEAST_ONCE,
    schema=own_schema("file"),
    make=make,
    summary="a file with one JSON object per line, rotated by size",
)
