"""The processes that `ww.svcup.pidfiles` declares essential: followed from svcup on, however and by whomever they end.

A pidfile may be anything at all, as a service writes it: it is read without waiting, and only if it is a plain file.
"""

from __future__ import annotations

import os
import select
import stat
import time

from ww.supervise import procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.system import System
    from ww.supervise.exitcode import Exit

_READ_BYTES = 64
_COARSE_MS = 20
"""By how much a file may seem older than it is: file systems take their times from the last tick of the kernel."""
_TOLERANCE_MS = 2_000
"""Between a process's age by the kernel and a file's by the wall clock."""
_MAX_PID = (1 << 31) - 1


class Pidfiles:
    """Calls `died(pidfile, words)` when the process that a pidfile names has ended and the file names no other live one.

    Each process is watched by a descriptor of its own (a pidfd); where there are none, it is looked at by `look`.
    """

    def __init__(self, system: System, died: Callable[[str, str], None]) -> None:
        self._system = system
        self._died = died
        self._followed: dict[str, int] = {}
        self._handles: dict[str, int] = {}
        self._told: dict[str, int] = {}
        """The dead process that a pidfile names, or named last (the file may be gone), once that was told."""
        self._paths: list[str] = []
        self._since_ms = 0

    def watch(self, paths: list[str], since_ms: int) -> None:
        """svcup, which began at `since_ms` of the wall clock, is done: follow what `paths` name."""
        self.forget()
        self._paths = list(paths)
        self._since_ms = since_ms - _COARSE_MS
        self.look()

    def complain(self) -> None:
        """Warn of each pidfile by which nothing is watched."""
        for path in self._paths:
            if path not in self._followed and self._pid_in(path) is None:
                self._system.voice.warn(
                    f"ww.svcup.pidfiles: {path} does not exist after svcup, or is no file with a new pid in it: "
                    "nothing is watched by it until it is"
                )

    def look(self) -> None:
        """Read every pidfile again: one may have come late, or name another process by now."""
        for path in self._paths:
            pid = self._pid_in(path)
            before = self._followed.get(path)
            if pid is not None and pid != before:
                self._take(path, pid, before)
            elif before is not None and path not in self._handles and not _is_alive(before):
                self._ended(path)

    def reaped(self, pid: int, name: str, status: Exit) -> None:
        """A child that nobody else watches has ended; says more than the end of a process that is not ours."""
        for path in [path for path, followed in self._followed.items() if followed == pid]:
            self._ended(path, f"{name} (pid {pid}) of {path} ended: {status.words()}")

    def forget(self) -> None:
        """The services are going down: what ends now was meant to."""
        for path in list(self._followed):
            self._let_go(path)
        self._told.clear()
        self._paths = []

    def _take(self, path: str, pid: int, before: int | None) -> None:
        """`path` names `pid`, instead of `before`; a dead one counts only if there is no live one."""
        handle = _handle(pid)
        if handle != 0:
            if before is not None:
                self._system.voice.info(f"{path} names pid {pid} in place of {before}, which is let go")
            self._follow(path, pid, handle)
        elif self._told.get(path) != pid and (before is None or (path not in self._handles and not _is_alive(before))):
            self._let_go(path)
            self._told[path] = pid
            self._tell(path, f"process (pid {pid}) of {path} is not there any more")

    def _follow(self, path: str, pid: int, handle: int | None) -> None:
        self._let_go(path)
        self._told.pop(path, None)
        self._followed[path] = pid
        if handle is not None:
            self._handles[path] = handle
            self._system.loop.add_reader(handle, lambda: self._readable(path, pid))

    def _readable(self, path: str, pid: int) -> None:
        # Our own children are reaped first, because their exit says why they ended.
        self._system.reaper.reap()
        if self._followed.get(path) == pid:
            self._ended(path)

    def _ended(self, path: str, words: str = "") -> None:
        before = self._followed[path]
        self._let_go(path)
        pid = self._pid_in(path)
        handle = 0 if pid is None or pid == before else _handle(pid)
        if pid is not None and handle != 0:
            self._system.voice.info(f"{path} names pid {pid} in place of {before}, which has ended")
            self._follow(path, pid, handle)
        else:
            self._told[path] = before if pid is None else pid
            self._tell(path, words or f"process (pid {before}) of {path} ended")

    def _pid_in(self, path: str) -> int | None:
        return _pid_in(path, self._since_ms, self._system.clock.wall_ms())

    def _tell(self, path: str, words: str) -> None:
        """Never from inside a call of the watch, which the news may end; nor after `forget`."""
        paths = self._paths
        self._system.loop.call_soon(lambda: self._died(path, words) if self._paths is paths else None)

    def _let_go(self, path: str) -> None:
        self._followed.pop(path, None)
        handle = self._handles.pop(path, None)
        if handle is not None:
            self._system.loop.remove(handle)
            os.close(handle)


def _pid_in(path: str, since_ms: int, now_ms: int) -> int | None:
    """The pid that a pidfile holds; None if there is none, or it is no plain file.

    None also for a file that nobody has written since `since_ms` and whose process is dead, or younger than the file:
    an earlier life left it, and the number belongs to somebody else by now (in a container low ones recur on each boot).
    """
    try:
        # A FIFO without a writer, or a terminal, must not keep us.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        words = os.read(fd, _READ_BYTES).split() if stat.S_ISREG(status.st_mode) else []
    except OSError:
        return None
    finally:
        os.close(fd)
    number = int(words[0]) if words and words[0].isdigit() else 0
    if not 0 < number <= _MAX_PID:
        return None
    written_ms = status.st_mtime_ns // 1_000_000
    return number if written_ms >= since_ms or _is_older(number, now_ms - written_ms) else None


def _is_older(pid: int, file_age_ms: int) -> bool:
    """Whether `pid` lives and was started before a file of that age was written."""
    try:
        proc = procs.read(pid) if procs.proc_is_ours() else None
    except procs.CannotLook:
        return _is_alive(pid)
    if proc is None or not proc.alive:
        return proc is None and not procs.proc_is_ours() and _is_alive(pid)
    age_ms = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000) - proc.start * 1000 // os.sysconf("SC_CLK_TCK")
    return age_ms + _TOLERANCE_MS >= file_age_ms


def _handle(pid: int) -> int | None:
    """A pidfd of a live process; 0 if it has ended, None if it is there and cannot be watched this way."""
    try:
        handle = procs.open_handle(pid)
    except procs.CannotLook:
        return None
    if handle is None:
        return None if _is_alive(pid) else 0
    if handle:
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        if poller.poll(0):
            os.close(handle)
            return 0
    return handle


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        proc = procs.read(pid) if procs.proc_is_ours() else None
    except ProcessLookupError:
        return False
    except (PermissionError, procs.CannotLook):
        return True
    return proc is None or proc.alive
