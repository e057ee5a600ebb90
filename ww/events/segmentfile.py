"""One open segment, read record by record while it may still be growing."""

from __future__ import annotations

import os

from ww.events.records import READ_FLAGS, next_good, record_text
from ww.events.segment import FRAME, header
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.events.shelf import Place

_CHUNK_BYTES = 256 << 10
_BLOCK_BYTES = 4096


class Damage(Value):
    """What of a file is no record though good ones follow: offsets in bytes, and why in words."""

    __slots__ = ("end", "path", "start", "words")

    def __init__(self, path: str, start: int, end: int, words: str) -> None:
        self.path = path
        self.start = start
        self.end = end
        self.words = words


class SegmentFile:
    """The good records of the segment at `place`, from its beginning. Raises OSError if it cannot be opened.

    It is never read as a whole for one new record. Once it is open it does not matter whether its name is taken away.
    `stubborn`: read zeros where the disk gives nothing, instead of raising OSError.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.stubborn = False
        self.damaged: list[Damage] = []
        """New ones are added at the end; whoever reports them may clear the list."""
        self._header = header(place.boot)
        self._begun = False
        """The header is behind us."""
        self._fd = os.open(place.path, READ_FLAGS)
        self._buffer = b""
        self._base = 0
        """Offset of the buffer in the file."""
        self._next = 0
        """Offset of the next record in the buffer."""

    @property
    def offset(self) -> int:
        """Where the next record begins, in bytes."""
        return self._base + self._next

    def peek(self) -> bytes | None:
        """The text of the next good record; None if there is none yet. Raises OSError if the disk does not give it."""
        text = record_text(self._buffer, self._next) if self._begun else None
        if text is not None:
            return text
        # What was read of a record that was being written is stale by now.
        self._fill(self.offset)
        if not self._begun and self._buffer.startswith(self._header):
            self._begun = True
            self._next = len(self._header)
        if self._next >= len(self._buffer):
            return None
        text = record_text(self._buffer, self._next) if self._begun else None
        return text if text is not None else self._behind_damage()

    def skip(self, text: bytes) -> None:
        """Step behind the record whose text `peek` returned."""
        self._next += FRAME.size + len(text)

    def size(self) -> int:
        """Bytes of the file now. Raises OSError."""
        return os.fstat(self._fd).st_size

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _behind_damage(self) -> bytes | None:
        """The text of the next good record behind what is none; None if there is none."""
        offset = self.offset
        if next_good(self._rest(offset), 0) is None:
            return None
        # That look may have met the writer half way; but what stands before a good record was written before it.
        rest = self._rest(offset)
        found = next_good(rest, 0)
        if found is None:
            return None
        if found:
            self.damaged.append(Damage(self.place.path, offset, offset + found, "it holds what is no record"))
        self._buffer, self._base, self._next, self._begun = rest, offset, found, True
        return record_text(rest, found)

    # Bytes

    def _fill(self, offset: int) -> None:
        self._buffer = self._read(offset, _CHUNK_BYTES)
        self._base, self._next = offset, 0

    def _rest(self, offset: int) -> bytes:
        return self._read(offset, max(0, self.size() - offset))

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            if not self.stubborn:
                raise
            return self._by_blocks(offset, size, str(error.strerror))

    def _by_blocks(self, offset: int, size: int, words: str) -> bytes:
        parts = []
        place, end = offset, min(offset + size, self.size())
        while place < end:
            length = min(_BLOCK_BYTES - place % _BLOCK_BYTES, end - place)
            try:
                parts.append(os.pread(self._fd, length, place))
            except OSError:
                parts.append(bytes(length))
                self.damaged.append(Damage(self.place.path, place, place + length, words))
            place += length
        return b"".join(parts)
