"""What services say of themselves, in the protocol of sd_notify: a datagram of `KEY=VALUE` lines (systemd's sd_notify(3)).

The address is abstract, so that a service with another user and without our files can reach it, and cannot be
guessed. The kernel names each sender: only root, our own user and the users that are given are heard.
"""

from __future__ import annotations

import os
import sys

from ww.clib import sockets
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from ww.supervise.loop import Loop, Timer

LONGEST_BYTES = 4096
LONGEST_STATUS = 200
"""Characters."""
MOST_AT_ONCE = 16
WINDOW_MS = 10
"""In so many milliseconds no more than `MOST_AT_ONCE` datagrams are read; the senders wait in the kernel."""
_CREDENTIALS_BYTES = 12
_LONGEST_NUMBER = 20


class Notice(Value):
    """What one datagram said.

    `ready` (READY=1), `stopping` (STOPPING=1) and `watchdog` (WATCHDOG=1) are true where it said so; `status` is None
    where it said nothing about it, else at most 200 printable characters; `extend_ms` is EXTEND_TIMEOUT_USEC, rounded
    up, and as large as the sender likes.
    """

    __slots__ = ("extend_ms", "ready", "status", "stopping", "watchdog")

    def __init__(
        self,
        ready: bool = False,
        stopping: bool = False,
        status: str | None = None,
        watchdog: bool = False,
        extend_ms: int | None = None,
    ) -> None:
        self.ready = ready
        self.stopping = stopping
        self.status = status
        self.watchdog = watchdog
        self.extend_ms = extend_ms


_NOTHING = Notice()


def parse(datagram: bytes) -> Notice | None:
    """What `datagram` says, were it nothing that we know (MAINPID, FDSTORE, BARRIER …); None where it is no text."""
    if len(datagram) > LONGEST_BYTES or b"\0" in datagram:
        return None
    try:
        text = datagram.decode("utf-8")
    except UnicodeDecodeError:
        return None
    said = dict(line.partition("=")[::2] for line in text.split("\n"))
    status, extend = said.get("STATUS"), said.get("EXTEND_TIMEOUT_USEC", "")
    return Notice(
        ready=said.get("READY") == "1",
        stopping=said.get("STOPPING") == "1",
        status=None if status is None else "".join(c if c.isprintable() else "?" for c in status[:LONGEST_STATUS]),
        watchdog=said.get("WATCHDOG") == "1",
        extend_ms=-(-int(extend) // 1000) if _is_number(extend) else None,
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER


class NotifySocket:
    """One address for the notices of one service; `on_notice` is called from the loop. Raises OSError.

    `uids` are heard besides root and our own user. `address` is the value for NOTIFY_SOCKET. `ignored` counts what was
    from somebody else, too long, or no text.
    """

    __slots__ = (
        "_loop",
        "_on_notice",
        "_pause",
        "_read",
        "_socket",
        "_sockets",
        "_uids",
        "_until_ms",
        "address",
        "ignored",
    )

    def __init__(self, loop: Loop, on_notice: Callable[[Notice], None], uids: frozenset[int]) -> None:
        self._loop = loop
        self._on_notice = on_notice
        self._uids = uids | {0, os.geteuid()}
        self._pause: Timer | None = None
        self._read = 0
        self._until_ms = 0
        self.ignored = 0
        self.address = f"@ww-{os.urandom(16).hex()}"
        self._sockets: ModuleType = sockets()
        self._socket: Any = _bound(self._sockets, b"\0" + self.address[1:].encode())
        loop.add_reader(self._socket.fileno(), self._take)

    def close(self) -> None:
        """Hear no more; what was sent and not read yet is lost. May be called twice."""
        if self._pause is not None:
            self._pause.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove(self._socket.fileno())
            self._socket.close()

    def _take(self) -> None:
        now_ms = self._loop.now_ms()
        if now_ms >= self._until_ms:
            self._until_ms, self._read = now_ms + WINDOW_MS, 0
        while self._read < MOST_AT_ONCE and self._socket.fileno() >= 0:
            self._read += 1
            if not self._take_one():
                return
        if self._socket.fileno() >= 0:
            # A sender that floods would be read without end: it costs this much of our time and no more.
            self._loop.remove(self._socket.fileno())
            self._pause = self._loop.call_at(self._until_ms, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket.fileno(), self._take)

    def _take_one(self) -> bool:
        """Read one datagram; False where there is none."""
        door = self._sockets
        # There is room for the sender's name alone: the kernel itself closes what descriptors came with it, which is
        # what `systemd-notify` waits for after BARRIER=1.
        room = door.CMSG_SPACE(_CREDENTIALS_BYTES)
        try:
            datagram, extra, flags, _ = self._socket.recvmsg(LONGEST_BYTES, room, door.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        uid = _sender(door, extra)
        notice = None if flags & door.MSG_TRUNC or uid not in self._uids else parse(datagram)
        if notice is None:
            self.ignored += 1
        elif notice != _NOTHING:
            self._on_notice(notice)
        return True


def _bound(door: ModuleType, name: bytes) -> Any:
    made = door.socket(door.AF_UNIX, door.SOCK_DGRAM | door.SOCK_NONBLOCK | door.SOCK_CLOEXEC)
    try:
        made.setsockopt(door.SOL_SOCKET, door.SO_PASSCRED, 1)
        made.bind(name)
    except OSError:
        made.close()
        raise
    return made


def _sender(door: ModuleType, extra: list[tuple[int, int, bytes]]) -> int | None:
    """The uid that the kernel vouches for; closes every descriptor of a kernel that gave us some all the same."""
    uid = None
    for level, kind, data in extra:
        if (level, kind) == (door.SOL_SOCKET, door.SCM_RIGHTS):
            for at in range(0, len(data) - 3, 4):
                os.close(int.from_bytes(data[at : at + 4], sys.byteorder))
        elif (level, kind) == (door.SOL_SOCKET, door.SCM_CREDENTIALS) and len(data) >= _CREDENTIALS_BYTES:
            uid = int.from_bytes(data[4:8], sys.byteorder)
    return uid
