"""Who may write here: flock on a file that says who holds it, and on the directory itself, whose inode outlives the file."""

from __future__ import annotations

import errno
import fcntl
import os

from ww.types import Value


class Lock(Value):
    """A lock that is held until `release`, or until the process ends."""

    __slots__ = ("fds",)

    def __init__(self, fds: tuple[int, ...]) -> None:
        self.fds = fds

    def release(self) -> None:
        """Let others have it."""
        for fd in self.fds:
            os.close(fd)


class Held(Value):
    """Somebody else holds the lock; `holder` is what they wrote about themselves."""

    __slots__ = ("holder",)

    def __init__(self, holder: str) -> None:
        self.holder = holder


class NoLock(Value):
    """It cannot be locked here at all; `why` is for people."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


def take_lock(file: str, directory: str, holder: str) -> Lock | Held | NoLock:
    """Try once, without waiting, to lock `file` and `directory`; `holder` says who we are.

    The file alone is not enough: a restore hook may empty the directory, and a new file is another lock.
    """
    try:
        fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        return NoLock(f"cannot open {file}: {error.strerror}")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        both = (fd, *_lock_directory(directory))
    except OSError as error:
        who = os.pread(fd, 1024, 0).decode("utf-8", "replace").strip()
        os.close(fd)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return Held(who or "an unknown holder")
        return NoLock(f"cannot lock {file}: {error.strerror}")
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{holder}\n".encode("utf-8", "backslashreplace"), 0)
    except OSError:
        pass  # a full disk: the lock is held all the same, only nameless
    return Lock(both)


def _lock_directory(directory: str) -> tuple[int, ...]:
    """Raises BlockingIOError when somebody else holds it; a file system that cannot lock directories has only the file."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return ()
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise
    except OSError:
        os.close(fd)
        return ()
    return (fd,)
