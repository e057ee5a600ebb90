"""The lines of the log's copy (`ww.supervise.logcopy`): the kept ones, and those that come, through every rotation."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES = 1 << 16


class Tail:
    """`DIRECTORY/previous` and `DIRECTORY/current`. `lost` is true when a rotation was missed since it was last asked."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._file = -1
        self._rest = b""
        self._missed = False

    def kept(self) -> list[bytes]:
        """Every whole line that is kept now, oldest first; what `fresh` gives begins behind them."""
        current = _open(f"{self._directory}/current")
        previous = _open(f"{self._directory}/previous")
        if previous >= 0 and current >= 0 and os.path.sameopenfile(previous, current):
            os.close(previous)  # it was rotated between the two
            previous = -1
        content = b""
        if previous >= 0:
            content = _read_all(previous)
            os.close(previous)
        self._file = current
        return self._lines(content + (_read_all(current) if current >= 0 else b""))

    def fresh(self) -> list[bytes]:
        """The whole lines that have come since."""
        content = b"".join(self._fresh())
        return self._lines(content)

    def lost(self) -> bool:
        """Whether lines were rotated away unread since the last call."""
        missed, self._missed = self._missed, False
        return missed

    def close(self) -> None:
        """Give the descriptor back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _fresh(self) -> Iterator[bytes]:
        yield _read_all(self._file) if self._file >= 0 else b""
        current = _open(f"{self._directory}/current")
        if current < 0:
            return
        if self._file >= 0 and os.path.sameopenfile(self._file, current):
            os.close(current)
            return
        # It was rotated. What is `previous` now is what we read so far, or it came and went in between.
        previous = _open(f"{self._directory}/previous")
        if self._file >= 0:
            yield _read_all(self._file)
            if previous >= 0 and not os.path.sameopenfile(self._file, previous):
                self._missed = True
                yield _read_all(previous)
            os.close(self._file)
        if previous >= 0:
            os.close(previous)
        self._file = current
        yield _read_all(current)

    def _lines(self, content: bytes) -> list[bytes]:
        whole, newline, rest = (self._rest + content).rpartition(b"\n")
        self._rest = rest
        return whole.split(b"\n") if newline else []


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return -1


def _read_all(fd: int) -> bytes:
    pieces = []
    while piece := os.read(fd, CHUNK_BYTES):
        pieces.append(piece)
    return b"".join(pieces)
