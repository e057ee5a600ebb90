"""Finding a program and saying in words why it cannot be run (WWA-12: a missing hook, a missing interpreter …)."""

from __future__ import annotations

import errno
import os
import stat
import struct

from ww.types import Value

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HEAD_BYTES = 4096
_ELF_INTERPRETER = 3


class Started(Value):
    """The program runs as `pid`."""

    __slots__ = ("pid",)

    def __init__(self, pid: int) -> None:
        self.pid = pid


class NotFound(Value):
    """There is no file `path`; or it is there and the `interpreter` that it names is not."""

    __slots__ = ("interpreter", "path")

    def __init__(self, path: str, interpreter: str | None) -> None:
        self.path = path
        self.interpreter = interpreter

    def words(self) -> str:
        """One line for a person."""
        if self.interpreter is None:
            return f"{self.path}: there is no such program"
        if self.interpreter.endswith("\r"):
            return f"{self.path}: its first line ends with a carriage return; save it with Unix line ends"
        return f"{self.path}: its interpreter {self.interpreter!r} does not exist"


class NotExecutable(Value):
    """`path` is there but may not be run: no x bit, a directory, or a file system mounted noexec."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def words(self) -> str:
        """One line for a person."""
        return f"{self.path}: is not executable (no x bit for this user, a directory, or mounted noexec)"


class Refused(Value):
    """The kernel refused for another reason; `errno` is its number, `message` says what and why."""

    __slots__ = ("errno", "message")

    def __init__(self, errno: int, message: str) -> None:
        self.errno = errno
        self.message = message

    def words(self) -> str:
        """One line for a person."""
        return f"cannot be started: {self.message}"


def find_program(name: str, search: str | None, cwd: str | None = None) -> str | None:
    """The path of `name`: itself if it has a slash, else its first executable place in `search`; None if nowhere."""
    if "/" in name:
        return name
    found = None
    for directory in (_DEFAULT_PATH if search is None else search).split(":"):
        path = f"{directory or '.'}/{name}"
        real = os.path.join(cwd or "", path)
        if os.path.isfile(real):
            if os.access(real, os.X_OK):
                return path
            found = found or path
    return found


def looks_like_script(path: str, cwd: str | None = None) -> bool:
    """False for binaries: a program of another architecture must not be fed to a shell."""
    return b"\0" not in _head(os.path.join(cwd or "", path))[:256]


def classify(refused: Refused, path: str, cwd: str | None = None) -> NotFound | NotExecutable | Refused:
    """What a failed exec of `path` means."""
    if ": " in refused.message:
        return refused
    real = os.path.join(cwd or "", path)
    if refused.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(path, _interpreter(_head(real)) if os.path.exists(real) else None)
    if refused.errno in (errno.EACCES, errno.EISDIR, errno.EPERM) and _is_there(real):
        return NotExecutable(path)
    if refused.errno == errno.ENOEXEC:
        return Refused(errno.ENOEXEC, f"{path} is not a program for this machine (built for another processor?)")
    return Refused(refused.errno, f"{path}: {refused.message}")


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except OSError:
        return False
    return True


def _head(path: str) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, _HEAD_BYTES)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _interpreter(head: bytes) -> str | None:
    """What a script's first line, or the program header of an ELF file, names as its interpreter."""
    if head[:2] == b"#!":
        words = head[2:].split(b"\n", 1)[0].strip(b" \t").split(b" ", 1)
        return words[0].split(b"\t", 1)[0].decode("utf-8", "replace")
    if head[:6] == b"\x7fELF\x02\x01":
        return _elf_interpreter(head)
    return None


def _elf_interpreter(head: bytes) -> str | None:
    try:
        (table,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        for index in range(count):
            (kind,) = struct.unpack_from("<I", head, table + index * size)
            if kind == _ELF_INTERPRETER:
                (start,) = struct.unpack_from("<Q", head, table + index * size + 8)
                return head[start:].split(b"\0", 1)[0].decode("utf-8", "replace") or None
    except struct.error:
        return None
    return None
