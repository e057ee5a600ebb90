"""UNIX sockets by path: names longer than the kernel takes, and who is at the other end."""

from __future__ import annotations

import errno
import os
import struct

from ww.clib import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

_PATH_BYTES = 107
_CREDENTIALS = struct.Struct("3i")


def by_path(act: Callable[[str], None], path: str) -> None:
    """`act(path)` for a bind or a connect, through the directory's descriptor where `path` is too long. Raises OSError."""
    if len(os.fsencode(path)) <= _PATH_BYTES:
        act(path)
        return
    directory, name = os.path.split(path)
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        act(f"/proc/self/fd/{fd}/{name}")
    finally:
        os.close(fd)


def user_of(connection: _socket.socket) -> int:
    """The uid of the other end, as the kernel has it; -1 where it cannot be known."""
    try:
        return _credentials(connection)[1]
    except OSError:
        return -1


def process_of(connection: _socket.socket) -> int:
    """The pid of the other end (of who listened, for a client). Raises OSError, also where it is out of our sight."""
    pid = _credentials(connection)[0]
    if pid <= 0:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    return pid


def _credentials(connection: _socket.socket) -> tuple[int, int, int]:
    library = sockets()
    pid, uid, gid = _CREDENTIALS.unpack(
        connection.getsockopt(library.SOL_SOCKET, library.SO_PEERCRED, _CREDENTIALS.size)
    )
    return pid, uid, gid
