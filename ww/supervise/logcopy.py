"""The copy of the log for `ww logs`: two files of at most 1 MiB (runtime.md 14). Its failures are counted, no more."""

from __future__ import annotations

import os

COPY_BYTES = 1 << 20


class LogCopy:
    """`DIRECTORY/current`, renamed to `previous` when it is full. `failed` counts writes that the disk refused."""

    __slots__ = ("_directory", "_fd", "_limit_bytes", "_size", "failed")

    def __init__(self, directory: str, limit_bytes: int = COPY_BYTES) -> None:
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._fd = -1
        self._size = 0
        self.failed = 0
        try:
            os.makedirs(directory, 0o700, exist_ok=True)
        except OSError:
            self.failed += 1
        self._open()

    def _open(self) -> None:
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(f"{self._directory}/current", flags, 0o600)
            self._size = os.fstat(self._fd).st_size
        except OSError:
            self._fd = -1
            self.failed += 1

    def write(self, data: bytes) -> None:
        """Append `data`."""
        if self._size and self._size + len(data) > self._limit_bytes:
            self._rotate()
        if self._fd < 0:
            self.failed += 1
            return
        try:
            self._size += os.write(self._fd, data)
        except OSError:
            self.failed += 1

    def _rotate(self) -> None:
        self.close()
        self._size = 0
        try:
            os.rename(f"{self._directory}/current", f"{self._directory}/previous")
        except OSError:
            self.failed += 1
        self._open()

    def close(self) -> None:
        """Give the descriptor back; a later write is counted as failed."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
