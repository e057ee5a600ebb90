"""Processes as `/proc` shows them (runtime.md 7). A process is known by pid and start time, as pids come again."""

from __future__ import annotations

import errno
import os

from ww.clib import SIGNALS
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    _T = TypeVar("_T")

_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
_SPARES = 2
_STAT_BYTES = 4096
_CMDLINE_BYTES = 1024
_CHILDREN_BYTES = 1 << 16
_ENVIRON_BYTES = 1 << 18


class CannotLook(Exception):
    """There is no descriptor left to look at processes with: whoever was there must be taken for still there."""


class Proc(Value):
    """One process; `start` is in clock ticks since the machine booted, `state` the letter of `ps`."""

    __slots__ = ("comm", "pgid", "pid", "ppid", "session", "start", "state")

    pid: int
    ppid: int
    pgid: int
    session: int
    start: int
    state: str
    comm: str

    @property
    def identity(self) -> tuple[int, int]:
        """(pid, start): no other process of this machine's uptime has it."""
        return (self.pid, self.start)

    @property
    def alive(self) -> bool:
        """False for a zombie: it has ended and only waits to be collected."""
        return self.state not in ("Z", "X", "x")


def parse_stat(text: bytes) -> Proc | None:
    """A process from the text of `/proc/PID/stat`; None where it is none. The name may contain anything."""
    opened, closed = text.find(b"("), text.rfind(b")")
    fields = text[closed + 1 :].split()
    if opened < 0 or closed < opened or len(fields) < 20:
        return None
    proc = Proc()
    try:
        proc.pid = int(text[:opened])
        proc.ppid, proc.pgid, proc.session = int(fields[1]), int(fields[2]), int(fields[3])
        proc.start = int(fields[19])
    except ValueError:
        return None
    proc.state = fields[0].decode("ascii", "replace")
    proc.comm = text[opened + 1 : closed].decode("utf-8", "replace")
    return proc


class _Spares:
    """Descriptors held for the day when there are no others."""

    wanted = 0
    held: list[int] = []


def keep_spares() -> None:
    """From now on hold two descriptors that are given up to look at processes when there are no others."""
    _Spares.wanted = _SPARES
    _refill()


def prepare(module: str) -> None:
    """Have `module`, which few runs need, imported, if need be with a spare descriptor; whoever imports it then has it."""
    try:
        _with_spare(lambda: __import__(module))
    except (OSError, CannotLook):
        return  # The import itself says so where the module is used.
    finally:
        _refill()


def _refill() -> None:
    while len(_Spares.held) < _Spares.wanted:
        try:
            _Spares.held.append(os.open("/", os.O_PATH | os.O_CLOEXEC))
        except OSError:
            return  # There is none to be had just now; the next look tries again.


def _with_spare(act: Callable[[], _T]) -> _T:
    """What `act` gives, if need be with a spare descriptor. Raises CannotLook, or the OSError of `act`."""
    while True:
        try:
            return act()
        except OSError as error:
            if error.errno not in _OUT_OF_DESCRIPTORS:
                raise
        if not _Spares.held:
            raise CannotLook("there is no free descriptor to look at processes with")
        os.close(_Spares.held.pop())


def read(pid: int) -> Proc | None:
    """The process `pid` as it is now; None when there is none. Raises CannotLook."""
    text = _read(f"/proc/{pid}/stat", _STAT_BYTES)
    return parse_stat(text) if text else None


def scan() -> list[Proc]:
    """Every process that `/proc` shows, by pid; those that vanish meanwhile are left out. Raises CannotLook."""
    try:
        entries = _with_spare(lambda: os.listdir("/proc"))
        found = [read(int(entry)) for entry in entries if entry.isdigit()]
    except OSError:
        return []
    finally:
        _refill()
    return sorted((proc for proc in found if proc is not None), key=lambda proc: proc.pid)


def descendants(procs: Iterable[Proc], root_pid: int) -> list[Proc]:
    """The children of `root_pid`, their children, and so on; parents before children, without `root_pid` itself."""
    children: dict[int, list[Proc]] = {}
    for proc in procs:
        children.setdefault(proc.ppid, []).append(proc)
    result: list[Proc] = []
    seen = {root_pid}
    queue = [root_pid]
    for pid in queue:
        for proc in children.get(pid, ()):
            if proc.pid not in seen:
                seen.add(proc.pid)
                result.append(proc)
                queue.append(proc.pid)
    return result


def own_children() -> list[int] | None:
    """The pids of our own children, were they zombies, at one read; None where this kernel does not tell."""
    pid = os.getpid()
    try:
        text = _read(f"/proc/{pid}/task/{pid}/children", _CHILDREN_BYTES)
    except CannotLook:
        return None
    if not text and not os.access(f"/proc/{pid}/task/{pid}/children", os.R_OK):
        return None
    return [int(word) for word in text.split()] if len(text) < _CHILDREN_BYTES else None


def cmdline(pid: int) -> str:
    """The command line of `pid`, its arguments joined by blanks, at most 1,024 bytes; empty when it has gone."""
    try:
        text = _read(f"/proc/{pid}/cmdline", _CMDLINE_BYTES)
    except CannotLook:
        return ""
    return text.replace(b"\0", b" ").strip().decode("utf-8", "replace")


def by_pid(pid: int) -> list[Proc]:
    """`pid` as a list of one process, or of none when it has gone. Raises CannotLook."""
    proc = read(pid)
    return [proc] if proc is not None else []


def variable(pid: int, name: str) -> str | None:
    """What `name` was in the environment that `pid` was started with; None if it was not set or cannot be read."""
    prefix = f"{name}=".encode()
    for item in _read(f"/proc/{pid}/environ", _ENVIRON_BYTES).split(b"\0"):
        if item.startswith(prefix):
            return item[len(prefix) :].decode("utf-8", "surrogateescape")
    return None


def has_variable(pid: int, name: str, value: str) -> bool:
    """Whether `pid` was started with `name=value` in its environment; False where that cannot be read."""
    return variable(pid, name) == value


def proc_is_ours() -> bool:
    """False if `/proc` is missing or shows another PID namespace: its numbers would then mean other processes."""
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return False
    except OSError:
        return False
    try:
        status = _read("/proc/self/status", _STAT_BYTES)
    except CannotLook:
        return True  # Its link said so, and whoever looks at a process next hears that it cannot.
    for line in status.split(b"\n"):
        if line.startswith(b"NSpid:"):
            # One number per nested namespace, from that of this /proc inwards.
            return line.split()[1:] == [b"%d" % os.getpid()]
    return True


def signal_proc(proc: Proc, signum: int) -> bool:
    """Send `signum` to that very process; False if it has gone (even if its pid is in use again) or is not ours.

    False, too, where there is no descriptor to look whether it is still that one.
    """
    try:
        return _signal(proc, signum)
    except CannotLook:
        return False
    finally:
        _refill()


def _signal(proc: Proc, signum: int) -> bool:
    handle = open_handle(proc.pid)
    if handle == 0:
        return False
    try:
        now = read(proc.pid)
        if now is None or now.start != proc.start:
            return False
        if handle is None:
            os.kill(proc.pid, signum)
        else:
            SIGNALS.pidfd_send_signal(handle, signum)
    except OSError as error:
        if error.errno in (errno.ESRCH, errno.EPERM):
            return False
        raise
    finally:
        if handle is not None:
            os.close(handle)
    return True


def open_handle(pid: int) -> int | None:
    """A pidfd, readable once the process has ended; 0 when it has gone; None where the kernel or a sandbox has none.

    Raises CannotLook.
    """
    if not hasattr(os, "pidfd_open") or not hasattr(SIGNALS, "pidfd_send_signal"):
        return None
    try:
        return _with_spare(lambda: os.pidfd_open(pid))
    except ProcessLookupError:
        return 0
    except OSError:
        return None


def _read(path: str, limit_bytes: int) -> bytes:
    """At most `limit_bytes` of a file; empty when it is gone or forbidden. Raises CannotLook."""
    try:
        fd = _with_spare(lambda: os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return b""
    try:
        return os.read(fd, limit_bytes)
    except OSError:
        return b""
    finally:
        os.close(fd)
