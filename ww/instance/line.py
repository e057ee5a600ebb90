"""PID 1's end of the line to the reporter: datagrams of JSON, never waited for (runtime.md 20)."""

from __future__ import annotations

import errno

from ww.clib import BadJson, json_dumps, json_loads, sockets
from ww.instance.watch import MOST_DEEP, is_deeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ww.supervise.loop import Loop
    from ww.types import JsonObject

DATAGRAM_BYTES = 64 << 10
MOST_QUEUED = 64
"""Messages that wait for room; more are dropped, as the reporter is then no longer listening."""
_PER_TURN = 16
_SECOND_MS = 1_000
_MOST_PER_SECOND = 2_000
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)
_NOT_NOW = (errno.EAGAIN, errno.ENOBUFS)


def make_line() -> tuple[Any, Any]:
    """(our end, which does not block; the child's end); both close on exec. Raises OSError."""
    socket = sockets()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours, theirs


class Line:
    """`heard` gets each message, `broken` once why the line is of no use any more."""

    def __init__(
        self, loop: Loop, end: Any, heard: Callable[[JsonObject], None], broken: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._end: Any = end
        self._heard = heard
        self._broken: Callable[[str], None] | None = broken
        self._queue: list[bytes] = []
        self._position = 0
        self._window_ms = 0
        self._count = 0
        loop.add_reader(end.fileno(), self._readable)

    def send(self, message: JsonObject) -> None:
        """Say it now, or as soon as there is room."""
        if self._end is None:
            return
        text = json_dumps(message).encode("utf-8", "backslashreplace")
        if self._queue or self._position or not self._put(text):
            if len(self._queue) < MOST_QUEUED:
                self._queue.append(text)
            self._wait_for_room()

    def position(self, seq: int) -> None:
        """Everything up to `seq` is journalled; a later position takes the place of one that found no room."""
        if self._end is None:
            return
        if self._position or not self._put(b'{"t":"position","seq":%d}' % seq):
            self._position = seq
            self._wait_for_room()

    def drain(self) -> None:
        """The other end has gone: hear its last words."""
        self._broken = None
        for _ in range(MOST_QUEUED):
            if not self._read():
                return

    def close(self) -> None:
        """Hang up."""
        end, self._end = self._end, None
        self._broken = None
        self._queue = []
        if end is not None:
            self._loop.remove(end.fileno())
            end.close()

    def _put(self, text: bytes) -> bool:
        """Whether it was sent, or never will be."""
        try:
            self._end.send(text)
        except OSError as error:
            # Whoever has gone is heard of by the end of what can be read.
            return error.errno not in _NOT_NOW
        return True

    def _wait_for_room(self) -> None:
        if self._end is not None:
            self._loop.add_writer(self._end.fileno(), self._writable)

    def _writable(self) -> None:
        while self._queue:
            if not self._put(self._queue[0]):
                return
            self._queue.pop(0)
        seq, self._position = self._position, 0
        if seq and not self._put(b'{"t":"position","seq":%d}' % seq):
            self._position = seq
            return
        self._loop.remove_writer(self._end.fileno())

    def _readable(self) -> None:
        for _ in range(_PER_TURN):
            if not self._read():
                return

    def _read(self) -> bool:
        """Take one message; whether there was one."""
        if self._end is None:
            return False
        try:
            text = self._end.recv(DATAGRAM_BYTES + 1)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                self._break("it hung up" if error.errno in _GONE else f"the line failed: {error.strerror}")
            return False
        if text:
            self._take(text)
        else:
            self._break("it hung up")
        return bool(text)

    def _take(self, text: bytes) -> None:
        now_ms = self._loop.now_ms()
        if now_ms - self._window_ms >= _SECOND_MS:
            self._window_ms, self._count = now_ms, 0
        self._count += 1
        message = _message(text)
        if message is None:
            self._break("it talks nonsense")
        elif self._count > _MOST_PER_SECOND:
            self._break(f"it sent more than {_MOST_PER_SECOND} messages in a second")
        else:
            self._heard(message)

    def _break(self, why: str) -> None:
        broken = self._broken
        self.close()
        if broken is not None:
            broken(why)


def _message(text: bytes) -> JsonObject | None:
    """One object with a text as its `t`; None for anything else."""
    if len(text) > DATAGRAM_BYTES:
        return None
    try:
        value = json_loads(text.decode())
    except (BadJson, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("t"), str):
        return None
    # What is nested deeper could not be journalled, nor shown.
    return None if is_deeper(value, MOST_DEEP) else value
