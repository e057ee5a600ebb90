"""The container log: written as fast as its reader reads, waited for never (runtime.md 14).

Slow: when 1 MiB waits, `full` is true and pumps stop reading, so children feel the reader's pace. Stuck: no progress
for a second while full, and lines are dropped and counted, so that a dead reader holds up nobody; once half of what
waited has gone, one line says what was dropped. Closed: everything is discarded and counted, and life goes on.
"""

from __future__ import annotations

import errno
import os
import select
import stat

from ww.clock import Clock
from ww.supervise.logcopy import LogCopy
from ww.supervise.logformat import Formatter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.supervise.loop import Loop, Timer
    from ww.types import Callback

LIMIT_BYTES = 1 << 20
STUCK_MS = 1_000
_OWN_EXTRA_BYTES = 1 << 20
_WRITE_BYTES = 64 << 10
_POLLED_WRITE_BYTES = 4096


class ContainerLog:
    """Descriptor `fd` as a log; `directory` gets a copy in `current` and `previous` (1 MiB each).

    `formatter` is what pumps and `line` use (plain by default). `dropped_lines` and `dropped_bytes` count all that
    never reached the log.
    """

    __slots__ = (
        "_broken",
        "_buffer",
        "_copy",
        "_dropping",
        "_fd",
        "_full_since_ms",
        "_loop",
        "_owns_fd",
        "_polled",
        "_progress_ms",
        "_stuck_timer",
        "_unsaid_bytes",
        "_unsaid_lines",
        "_waiters",
        "_writing",
        "dropped_bytes",
        "dropped_lines",
        "formatter",
        "limit_bytes",
    )

    def __init__(
        self,
        loop: Loop,
        fd: int = 1,
        formatter: Formatter | None = None,
        directory: str | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._loop = loop
        self.formatter = formatter if formatter is not None else Formatter("plain", Clock())
        self.limit_bytes = limit_bytes
        self._fd, self._owns_fd, self._polled = _open_without_waiting(fd)
        self._copy = LogCopy(directory) if directory is not None else None
        self._buffer = bytearray()
        self._waiters: list[Callback] = []
        self._writing = False
        self._dropping = False
        self._broken = False
        self._progress_ms = 0
        self._full_since_ms = 0
        self._stuck_timer: Timer | None = None
        self.dropped_lines = 0
        self.dropped_bytes = 0
        self._unsaid_lines = 0
        self._unsaid_bytes = 0

    # Writing

    def line(self, level: str, text: str, **fields: object) -> None:
        """What ww itself has to say; `level` is `info`, `warning` or `error`."""
        self._accept(self.formatter.own(level, text, fields), _OWN_EXTRA_BYTES, own=True)

    def write(self, data: bytes) -> None:
        """Add whole formatted lines. Never waits; what does not fit is dropped and counted."""
        self._accept(data, len(data))

    @property
    def full(self) -> bool:
        """True while producers should not read more: call `when_ready` and come back."""
        return not self._dropping and len(self._buffer) >= self.limit_bytes

    def when_ready(self, callback: Callback) -> None:
        """Call `callback` once when the log is not `full` any more."""
        self._waiters.append(callback)

    def _accept(self, data: bytes, extra_bytes: int, own: bool = False) -> None:
        if self._copy is not None and data:
            self._copy.write(data)
        if (self._dropping and not own) or len(self._buffer) + len(data) > self.limit_bytes + extra_bytes:
            self._drop(data)
            return
        self._buffer += data
        if not self._writing:
            self._write_some()
            self._follow_up()
        elif self.full:
            self._watch_for_stuck()

    def _drop(self, data: bytes) -> None:
        lines = data.count(b"\n")
        self.dropped_lines += lines
        self.dropped_bytes += len(data)
        self._unsaid_lines += lines
        self._unsaid_bytes += len(data)

    def _write_some(self) -> bool:
        """Write until the reader takes no more, at most 256 KiB; False when it took nothing."""
        moved = False
        for _ in range(4):
            if not self._buffer or (self._polled and not _can_write(self._fd)):
                break
            piece = bytes(self._buffer[: _POLLED_WRITE_BYTES if self._polled else _WRITE_BYTES])
            try:
                count = os.write(self._fd, piece)
            except BlockingIOError:
                break
            except OSError as error:
                # EPIPE: nobody reads. EIO: the terminal has gone. ENOSPC: a full disk. None of them is our end.
                if error.errno != errno.EINTR:
                    self._broken = True
                    self._drop(bytes(self._buffer))
                    self._buffer.clear()
                break
            self._broken = False
            del self._buffer[:count]
            moved = moved or count > 0
        if moved:
            self._progress_ms = self._loop.now_ms()
        return moved

    def _on_writable(self) -> None:
        self._write_some()
        self._follow_up()

    def _follow_up(self) -> None:
        """After every attempt: ask for the next one, say what was lost, wake who waits, watch a reader that sleeps."""
        if len(self._buffer) * 2 <= self.limit_bytes:
            self._say_what_was_dropped()
        if self._buffer and not self._writing:
            self._writing = True
            self._loop.add_writer(self._fd, self._on_writable)
        elif not self._buffer and self._writing:
            self._writing = False
            self._loop.remove_writer(self._fd)
        if self.full:
            self._watch_for_stuck()
        elif self._waiters:
            self._wake()

    def _say_what_was_dropped(self) -> None:
        self._dropping = False
        # A closed log must not answer each of its own failures with one more line.
        if self._unsaid_lines and not self._broken:
            lines, size = self._unsaid_lines, self._unsaid_bytes
            self._unsaid_lines = self._unsaid_bytes = 0
            text = f"the log was not read: {lines} lines ({size} bytes) were dropped here"
            self._buffer += self.formatter.own("warning", text, {"dropped_lines": lines, "dropped_bytes": size})

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            self._loop.call_soon(waiter)

    def _watch_for_stuck(self) -> None:
        if self._stuck_timer is None or not self._stuck_timer.pending:
            self._full_since_ms = self._loop.now_ms()
            self._stuck_timer = self._loop.call_at(self._full_since_ms + STUCK_MS, self._check_stuck)

    def _check_stuck(self) -> None:
        if not self.full:
            return
        quiet_since_ms = max(self._progress_ms, self._full_since_ms)
        if self._loop.now_ms() - quiet_since_ms >= STUCK_MS:
            self._dropping = True
            self._wake()
        else:
            self._stuck_timer = self._loop.call_at(quiet_since_ms + STUCK_MS, self._check_stuck)

    # The end

    def flush(self, deadline_ms: int) -> bool:
        """At exit only: write what waits until the monotonic `deadline_ms`; True if all of it went."""
        poller = select.poll()
        poller.register(self._fd, select.POLLOUT)
        while self._buffer or (self._waiters and not self.full):
            left_ms = deadline_ms - self._loop.now_ms()
            if left_ms <= 0 or not poller.poll(left_ms):
                return False
            self._write_some()
            if len(self._buffer) * 2 <= self.limit_bytes:
                self._say_what_was_dropped()
                waiters, self._waiters = self._waiters, []
                for waiter in waiters:
                    self._loop.guard(waiter)
        return True

    def close(self) -> None:
        """Stop watching, and give back the descriptors that this object opened."""
        if self._writing:
            self._loop.remove_writer(self._fd)
        if self._stuck_timer is not None:
            self._stuck_timer.cancel()
        if self._owns_fd:
            os.close(self._fd)
        if self._copy is not None:
            self._copy.close()


def _open_without_waiting(fd: int) -> tuple[int, bool, bool]:
    """(descriptor, ours, polled): a way to write to what `fd` is that never waits and changes nothing for others.

    O_NONBLOCK on `fd` itself would change it for every process that shares it, so a new open file is made from /proc.
    Where that cannot be had (ENXIO: a socket; EACCES: another user's pipe), each write is preceded by a poll and stays
    under PIPE_BUF, which a descriptor that polls writable takes whole. A regular file keeps its shared offset.
    """
    try:
        kind = os.fstat(fd).st_mode
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), True, False
    if stat.S_ISREG(kind):
        return fd, False, False
    if not stat.S_ISSOCK(kind):
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            return os.open(f"/proc/self/fd/{fd}", flags), True, False
        except OSError:
            pass  # The polled way works for whatever the reason was.
    return fd, False, True


def _can_write(fd: int) -> bool:
    """True if a write would not wait, or would fail at once."""
    poller = select.poll()
    poller.register(fd, select.POLLOUT)
    ready = poller.poll(0)
    return bool(ready)
