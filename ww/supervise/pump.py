"""Reading what children print: into the log (`Pump`), or into memory (`Capture`). Nothing a child does holds us up."""

from __future__ import annotations

import errno
import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.supervise.logsink import ContainerLog
    from ww.supervise.loop import Loop
    from ww.types import Callback

READ_BYTES = 64 << 10
LINE_BYTES = 16 << 10
PIPE_BYTES = 1 << 20
CAPTURE_BYTES = 64 << 10
_RING_BYTES = 16 << 10
_CONTINUES = 0x80
_CONTINUES_MASK = 0xC0
_LONGEST_CHARACTER = 4


def make_pipe() -> tuple[int, int]:
    """(reading end, writing end): close-on-exec, the reading end non-blocking, 1 MiB where the kernel allows it."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reader, False)
    try:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        pass  # Over this user's limit of pipe pages: 64 KiB it is, slower and as safe.
    return reader, writer


class LineCutter:
    """Cuts any stream of bytes into whole lines; what it gives does not depend on how the bytes were chunked.

    A line over 16 KiB comes as pieces of 16 KiB (a little less where a UTF-8 character would be cut), of which all
    but the last are marked as going on.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """(whole lines ending in a newline, False) and (a piece of a line without one, True), in order."""
        data = self._rest + data
        found: list[tuple[bytes, bool]] = []
        start = 0
        end = data.rfind(b"\n") + 1
        while start < end:
            # The last newline that is no further than a line may be long: everything before it is short lines.
            stop = _last_short_line(data, start, end)
            if stop > start:
                found.append((data[start:stop], False))
                start = stop
            else:
                start = self._cut(data, start, found)
        while len(data) - start > LINE_BYTES:
            start = self._cut(data, start, found)
        self._rest = data[start:]
        return found

    def _cut(self, data: bytes, start: int, found: list[tuple[bytes, bool]]) -> int:
        stop = start + LINE_BYTES
        for back in range(_LONGEST_CHARACTER):
            if data[stop - back] & _CONTINUES_MASK != _CONTINUES:
                stop -= back
                break
        found.append((data[start:stop], True))
        return stop


def _last_short_line(data: bytes, start: int, end: int) -> int:
    """The end of the run of lines from `start` that are all at most 16 KiB; `start` if the first one is longer."""
    stop = start
    while stop < end:
        newline = data.rfind(b"\n", stop, min(end, stop + LINE_BYTES + 1))
        if newline < 0:
            break
        stop = newline + 1
    return stop


class Pump:
    """One child's output into the log, a prefix before each line; `last_lines` keeps the end for the reason record.

    Takes `fd` over and closes it at the end. Stops reading while the log is full. `on_eof` is called once when all
    writers have closed, unless `detach`ed before.
    """

    __slots__ = (
        "_backlog",
        "_cutter",
        "_fd",
        "_log",
        "_loop",
        "_ring_lines",
        "_source",
        "_stream",
        "_tail",
        "_waiting",
        "on_eof",
    )

    def __init__(
        self, loop: Loop, fd: int, source: str, log: ContainerLog, ring_lines: int = 20, stream: str = "stdout"
    ) -> None:
        self._loop = loop
        self._fd = fd
        self._source = source
        self._stream = stream
        self._log = log
        self._ring_lines = ring_lines
        self._cutter = LineCutter()
        self._tail = b""
        self._backlog = b""
        self._waiting = False
        self.on_eof: Callback | None = None
        os.set_blocking(fd, False)
        loop.add_reader(fd, self._on_readable)

    @property
    def open(self) -> bool:
        """False after the end of the output."""
        return self._fd >= 0

    def last_lines(self) -> list[str]:
        """The last lines, oldest first, at most `ring_lines` and 16 KiB; also one that nobody has ended yet."""
        lines = self._tail.removesuffix(b"\n").split(b"\n") if self._tail else []
        return [line.decode("utf-8", "replace") for line in lines[-self._ring_lines :]]

    def drain(self) -> bool:
        """The child has exited: take its last words out of the pipe, at most 1 MiB; True when the output has ended.

        Afterwards `last_lines` is final. What the log cannot take now waits here and goes there by itself.
        """
        taken = 0
        while self._fd >= 0 and taken < PIPE_BYTES:
            count = self._read()
            if not count:
                break
            taken += count
        return self._fd < 0

    def detach(self) -> None:
        """The child has exited: a daemon that it left may print on, but nobody waits for the end of it any more."""
        self.on_eof = None
        self._end_last_line()

    def close(self) -> None:
        """Stop reading at once; what was read is still written."""
        if self._fd >= 0:
            self._loop.remove(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._end_last_line()

    def _on_readable(self) -> None:
        self._read()

    def _wait_for_log(self) -> None:
        if self._fd >= 0:
            self._loop.remove(self._fd)
        if not self._waiting:
            self._waiting = True
            self._log.when_ready(self._resume)

    def _resume(self) -> None:
        self._waiting = False
        self._pour()
        if self._fd >= 0 and not self._waiting:
            self._loop.add_reader(self._fd, self._on_readable)

    def _read(self) -> int:
        """One read of at most 64 KiB and how much it gave; 0 when there was nothing or it was the end."""
        data = read_some(self._fd, READ_BYTES)
        if data is None:
            return 0
        if not data:
            self.close()
            on_eof, self.on_eof = self.on_eof, None
            if on_eof is not None:
                self._loop.guard(on_eof)
            return 0
        self._remember(data)
        self._backlog = self._backlog + data if self._backlog else data
        self._pour()
        return len(data)

    def _end_last_line(self) -> None:
        if self._tail and not self._tail.endswith(b"\n"):
            self._tail += b"\n"
            self._backlog += b"\n"
            self._pour()

    def _pour(self) -> None:
        """Give the log what it takes."""
        size = self._log.formatter.chunk_bytes
        while self._backlog and not self._log.full:
            data, self._backlog = self._backlog[:size], self._backlog[size:]
            self._log.write(b"".join(self._formatted(data)))
        if self._backlog:
            self._wait_for_log()

    def _formatted(self, data: bytes) -> Iterator[bytes]:
        formatter = self._log.formatter
        for text, goes_on in self._cutter.feed(data):
            form = formatter.piece if goes_on else formatter.lines
            yield form(self._source, self._stream, text)

    def _remember(self, data: bytes) -> None:
        tail = self._tail + data
        if len(tail) > _RING_BYTES:
            tail = tail[-_RING_BYTES:]
            first = tail.find(b"\n")
            if 0 <= first < len(tail) - 1:
                tail = tail[first + 1 :]
        self._tail = tail


class Capture:
    """What a child prints, at most `limit_bytes`; the rest is read and dropped, and `truncated` says so.

    Takes `fd` over. `on_eof` is called once when all writers have closed; `finish` does not wait for that.
    """

    __slots__ = ("_data", "_fd", "_limit_bytes", "_loop", "on_eof", "truncated")

    def __init__(self, loop: Loop, fd: int, limit_bytes: int = CAPTURE_BYTES) -> None:
        self._loop = loop
        self._fd = fd
        self._limit_bytes = limit_bytes
        self._data = bytearray()
        self.truncated = False
        self.on_eof: Callback | None = None
        os.set_blocking(fd, False)
        loop.add_reader(fd, self._on_readable)

    @property
    def open(self) -> bool:
        """False after the end of the output."""
        return self._fd >= 0

    @property
    def data(self) -> bytes:
        """What was captured so far."""
        return bytes(self._data)

    def finish(self) -> bytes:
        """The child has exited: take what is in the pipe now, close it even if a grandchild holds it, return all."""
        for _ in range(PIPE_BYTES // READ_BYTES):
            if self._fd < 0 or not self._read():
                break
        self._close()
        return bytes(self._data)

    def _on_readable(self) -> None:
        self._read()

    def _read(self) -> bool:
        data = read_some(self._fd, READ_BYTES)
        if data is None:
            return False
        room = self._limit_bytes - len(self._data)
        self._data += data[:room]
        self.truncated = self.truncated or len(data) > room
        if data:
            return True
        self._close()
        on_eof, self.on_eof = self.on_eof, None
        if on_eof is not None:
            self._loop.guard(on_eof)
        return False

    def _close(self) -> None:
        if self._fd >= 0:
            self._loop.remove(self._fd)
            os.close(self._fd)
            self._fd = -1


def read_some(fd: int, limit_bytes: int) -> bytes | None:
    """What is there, at most `limit_bytes`; empty at the end; None when nothing is there now."""
    try:
        return os.read(fd, limit_bytes)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:
            return b""  # The other side of a terminal has gone.
        raise
