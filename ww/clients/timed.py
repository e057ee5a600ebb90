"""Sockets that keep to one deadline: name lookup, connection, handshake, every byte sent and received.

A read timeout alone is started anew by each byte, so a server that trickles holds its client for ever. These sockets
ask before each call how much time is left of the whole. The deadline is the thread's: `within` sets it.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Address = tuple[Any, ...]
    Found = tuple[int, int, int, str, Address]

CONNECT_S = 5.0
"""At most so long for one address, however much time is left."""


class NotConnected(OSError):
    """No connection was made, so nothing was sent; the words say why."""


class HandshakeFault(OSError):
    """The two did not come to trust each other, so nothing was sent; the cause says why."""


class _Deadline(threading.local):
    at = float("inf")


_deadline = _Deadline()


@contextmanager
def within(deadline: float) -> Iterator[None]:
    """Everything that this thread's timed sockets do inside must be done by `deadline`, a value of `time.monotonic()`."""
    before, _deadline.at = _deadline.at, deadline
    try:
        yield
    finally:
        _deadline.at = before


def left_s() -> float:
    """The seconds that are left. Raises TimeoutError when none are."""
    left = _deadline.at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return min(left, 86_400.0)


class _Timed:
    """Mixed into a socket class: each call may take what is left, no more."""

    def recv(self, *args: Any) -> bytes:
        self.settimeout(left_s())  # type: ignore[attr-defined]
        return super().recv(*args)  # type: ignore[misc,no-any-return]

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(left_s())  # type: ignore[attr-defined]
        return super().recv_into(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def send(self, *args: Any) -> int:
        self.settimeout(left_s())  # type: ignore[attr-defined]
        return super().send(*args)  # type: ignore[misc,no-any-return]

    def sendall(self, *args: Any) -> None:
        self.settimeout(left_s())  # type: ignore[attr-defined]
        super().sendall(*args)  # type: ignore[misc]


class TimedSocket(_Timed, socket.socket):
    """A plain one."""


class TimedTlsSocket(_Timed, ssl.SSLSocket):
    """The one that an `ssl.SSLContext` makes when this is its `sslsocket_class`."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands in the time that is left."""
        self.settimeout(left_s())
        try:
            super().do_handshake(block)
        except ssl.SSLError as error:
            raise HandshakeFault(*error.args) from error


def dial(host: str, port: int, options: Sequence[tuple[int, int, int | bytes]] = ()) -> TimedSocket:
    """A connection to `host`, whose addresses share the time that is left. Raises NotConnected."""
    found = lookup(host, port)
    words = "it has no address"
    for number, (family, kind, proto, _, address) in enumerate(found):
        try:
            return _connect(family, kind, proto, address, min(CONNECT_S, left_s() / (len(found) - number)), options)
        except TimeoutError:
            words = "no answer to the connection in time"
        except OSError as error:
            words = error.strerror or str(error)
    raise NotConnected(f"cannot connect to {host}:{port}: {words}")


def _connect(
    family: int,
    kind: int,
    proto: int,
    address: Address,
    timeout_s: float,
    options: Sequence[tuple[int, int, int | bytes]],
) -> TimedSocket:
    sock = TimedSocket(family, kind, proto)
    try:
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(timeout_s)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def lookup(host: str, port: int) -> list[Found]:
    """The addresses of `host`, within the deadline. Raises NotConnected.

    The resolver cannot be given a time limit, so it runs in a thread of its own, which is left behind if it must.
    """
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)  # type: ignore[return-value]
    except OSError:
        pass
    found: list[Found] = []
    failed: list[str] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(getattr(error, "strerror", "") or str(error))

    thread = threading.Thread(target=ask, daemon=True, name=f"lookup {host}")
    thread.start()
    thread.join(left_s())
    if found:
        return found
    raise NotConnected(f"cannot look up {host}: {failed[0] if failed else 'no answer from the name service in time'}")
