"""One line in, one line out, over a UNIX socket: for PID 1, which no client may hold up, fill or kill (runtime.md 22).

A connection is *silent* until its line is complete, then it *waits* for its answer, then it *leaves*. Each of the three
has its bound in numbers, bytes and time; where one is full the oldest makes room, so that whoever comes to repair
something is never locked out. Nothing here waits, and nothing a client does is an error of ours.
"""

from __future__ import annotations

import errno
import os
import select

from ww.clib import sockets
from ww.home.unixsocket import by_path, user_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from ww.supervise.loop import Loop, Timer
    from ww.types import Callback

LINE_BYTES = 64 << 10
"""The longest line in, and the most that waits to be read of an answer."""
SPEAK_MS = 2_000
"""How long a client may take to say its line, and to read what is left of its answer."""
MOST_SILENT = 16
MOST_WAITING = 64
MOST_LEAVING = 16
PAUSE_MS = 200
"""After the system refused to accept (no descriptor is free): when to try again."""
LATE, TOO_LONG, CROWDED, DISPLACED, FORBIDDEN = "late", "too_long", "crowded", "displaced", "forbidden"
"""Why a connection is refused; the words for it are the caller's. Only one that was displaced had been heard."""

_ACCEPTS_PER_TURN = 8
_BACKLOG = 128
_BEHIND_THE_LINE_BYTES = 4096
_IGNORED = (errno.EINTR, errno.ECONNABORTED, errno.EPROTO)


class Peer:
    """One connection. `answer` is called once; `on_gone` hears of a client that left, or was sent away, before that."""

    __slots__ = ("_received", "_server", "_socket", "_timer", "_unsent", "gone", "on_gone")

    def __init__(self, server: LineServer, connection: _socket.socket) -> None:
        self._server = server
        self._socket = connection
        self._received = bytearray()
        self._unsent = b""
        self._timer: Timer | None = None
        self.gone = False
        self.on_gone: Callback | None = None

    def answer(self, line: bytes) -> None:
        """Send `line`, which ends with a newline, and close. To one that was answered or has gone: nothing."""
        if not self.gone:
            self._server.answer(self, line)


class LineServer:
    """Listens at `path` (mode 0600) and calls `on_line(peer, line)`. Raises OSError if it cannot listen.

    `refusal` words a refusal (LATE, TOO_LONG …) as a line. Only uid 0 and ours are heard. A socket
    that an earlier life left at `path` is replaced: the caller holds the lock of its directory.
    """

    def __init__(
        self, loop: Loop, path: str, on_line: Callable[[Peer, bytes], None], refusal: Callable[[str], bytes]
    ) -> None:
        self._loop = loop
        self._path = path
        self._on_line = on_line
        self._refusal = refusal
        self._no_signal: int = sockets().MSG_NOSIGNAL
        self._uids = (0, os.getuid())
        self._silent: dict[Peer, int] = {}
        self._waiting: dict[Peer, int] = {}
        self._leaving: dict[Peer, int] = {}
        self._pause: Timer | None = None
        self._listener = _listen(path)
        loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Stop listening, drop every client and remove the socket."""
        if self._listener.fileno() < 0:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove(self._listener.fileno())
        self._listener.close()
        for peer in (*self._silent, *self._waiting, *self._leaving):
            self._drop(peer)
        try:
            _forget(self._path)
        except OSError:
            pass  # the directory has become read-only: the next life replaces the socket

    # Coming in

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                fd, _address = self._listener._accept()  # type: ignore[attr-defined]
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _IGNORED:
                    self._rest()
                return
            library = sockets()
            self._greet(library.socket(library.AF_UNIX, library.SOCK_STREAM, 0, fd))

    def _rest(self) -> None:
        """No descriptor is free: the connection stays readable, so do not look for a while, and give ours back."""
        self._loop.remove(self._listener.fileno())
        self._pause = self._loop.call_later(PAUSE_MS, self._resume)
        for peer in (*self._silent, *self._leaving):
            self._drop(peer)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _greet(self, connection: _socket.socket) -> None:
        connection.setblocking(False)
        peer = Peer(self, connection)
        if user_of(connection) not in self._uids:
            self.answer(peer, self._refusal(FORBIDDEN))
            return
        self._make_room(self._silent, MOST_SILENT - 1, CROWDED)
        self._silent[peer] = connection.fileno()
        self._loop.add_reader(self._silent[peer], lambda: self._listen_to(peer))
        peer._timer = self._loop.call_later(SPEAK_MS, lambda: self._refuse(peer, LATE))
        self._listen_to(peer)  # most have spoken by now, and a flood behind this one cannot push it out

    def _make_room(self, crowd: dict[Peer, int], most: int, why: str) -> None:
        """The oldest goes: to refuse the newest would lock out whoever comes to look."""
        while len(crowd) > most:
            self._refuse(next(iter(crowd)), why)

    # Listening

    def _listen_to(self, peer: Peer) -> None:
        data = self._receive(peer)
        if data is None or peer.gone:
            return
        if peer in self._silent:
            self._take(peer, data)
        elif not data:
            self._half_closed(peer)
        else:
            peer._received += data
            if len(peer._received) > _BEHIND_THE_LINE_BYTES:
                self._drop(peer)  # it keeps talking: nobody listens, and reading it for ever would cost us

    def _receive(self, peer: Peer) -> bytes | None:
        try:
            data: bytes = peer._socket.recv(LINE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            self._drop(peer)
            return None
        return data

    def _take(self, peer: Peer, data: bytes) -> None:
        """More of the line; its end is a newline, or the end of what the client sends."""
        ended = not data or b"\n" in data
        peer._received += data
        if not peer._received:
            self._drop(peer)
        elif ended:
            line = bytes(peer._received.partition(b"\n")[0])
            self._heard(peer, line, half_closed=not data)
        elif len(peer._received) >= LINE_BYTES:
            self._refuse(peer, TOO_LONG)

    def _heard(self, peer: Peer, line: bytes, half_closed: bool) -> None:
        if len(line) >= LINE_BYTES:
            self._refuse(peer, TOO_LONG)
            return
        self._set_timer(peer, None)
        fd = self._silent.pop(peer)
        self._waiting[peer] = fd
        peer._received = bytearray()
        if half_closed:
            self._half_closed(peer)
        if not peer.gone:
            self._on_line(peer, line)
        self._make_room(self._waiting, MOST_WAITING, DISPLACED)  # after it: what is answered at once displaces nobody

    def _half_closed(self, peer: Peer) -> None:
        """It will send no more. Readable for ever from now on, so it is not watched; one that left whole is dropped."""
        fd = self._waiting[peer]
        poller = select.poll()
        poller.register(fd, 0)
        if any(event & (select.POLLHUP | select.POLLERR) for _, event in poller.poll(0)):
            self._drop(peer)
        else:
            self._loop.remove(fd)

    # Going out

    def answer(self, peer: Peer, line: bytes) -> None:
        """Send `line` to `peer`, then close; what its system does not take at once is bounded in bytes and in time."""
        if peer in self._leaving:
            return
        fd = peer._socket.fileno()
        peer.on_gone = None
        self._silent.pop(peer, None)
        self._waiting.pop(peer, None)
        self._loop.remove(fd)
        peer._unsent = line
        self._leaving[peer] = fd
        self._send(peer)
        if peer.gone:
            return
        if len(peer._unsent) > LINE_BYTES:
            self._drop(peer)
            return
        if len(self._leaving) > MOST_LEAVING:
            self._drop(next(iter(self._leaving)))
        self._loop.add_writer(fd, lambda: self._send(peer))
        self._set_timer(peer, self._loop.call_later(SPEAK_MS, lambda: self._drop(peer)))

    def _send(self, peer: Peer) -> None:
        try:
            sent = peer._socket.send(peer._unsent, self._no_signal)
        except BlockingIOError:
            return
        except OSError:
            self._drop(peer)
            return
        peer._unsent = peer._unsent[sent:]
        if not peer._unsent:
            self._drop(peer)

    def _refuse(self, peer: Peer, why: str) -> None:
        on_gone = peer.on_gone
        self.answer(peer, self._refusal(why))
        if on_gone is not None:
            on_gone()

    def _drop(self, peer: Peer) -> None:
        if peer.gone:
            return
        peer.gone = True
        self._set_timer(peer, None)
        for crowd in (self._silent, self._waiting, self._leaving):
            crowd.pop(peer, None)
        self._loop.remove(peer._socket.fileno())
        peer._socket.close()
        on_gone, peer.on_gone = peer.on_gone, None
        if on_gone is not None:
            on_gone()

    def _set_timer(self, peer: Peer, timer: Timer | None) -> None:
        if peer._timer is not None:
            peer._timer.cancel()
        peer._timer = timer


def _listen(path: str) -> _socket.socket:
    _forget(path)
    library = sockets()
    listener: _socket.socket = library.socket(library.AF_UNIX, library.SOCK_STREAM | library.SOCK_CLOEXEC, 0)
    listener.setblocking(False)
    mask = os.umask(0o177)
    try:
        by_path(listener.bind, path)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
