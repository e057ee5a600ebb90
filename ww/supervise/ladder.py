"""Ending processes by steps with deadlines: TERM, then KILL, then an honest error (runtime.md 12; WW-25).

Each step has a monotonic deadline and a next step; nothing waits. `end_group` ends one child with its process group
and those of its descendants that left the group; `Sweep` (module `sweep`) ends whatever a list names until it is empty.
"""

from __future__ import annotations

import errno
import os

from ww.supervise import procs, signals
from ww.supervise.sweep import FIRST_POLL_MS, LAST_POLL_MS, Sweep, SweepReport, Swept
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.supervise.loop import Loop, Timer
    from ww.supervise.procs import Proc
    from ww.supervise.reaper import Reaper

__all__ = [
    "Gone",
    "Killed",
    "Ladder",
    "Stuck",
    "Sweep",
    "SweepReport",
    "Swept",
    "end_group",
    "group_exists",
    "send_group",
]


class Gone(Value):
    """It ended by itself or on TERM, `after_ms` after it was asked."""

    __slots__ = ("after_ms",)

    def __init__(self, after_ms: int) -> None:
        self.after_ms = after_ms


class Killed(Value):
    """It had to be killed; gone after `after_ms`."""

    __slots__ = ("after_ms",)

    def __init__(self, after_ms: int) -> None:
        self.after_ms = after_ms


class Stuck(Value):
    """Not even KILL ended it (a process in the kernel, on a dead disk); given up after `after_ms`."""

    __slots__ = ("after_ms",)

    def __init__(self, after_ms: int) -> None:
        self.after_ms = after_ms


if TYPE_CHECKING:
    Ended = Gone | Killed | Stuck


class Ladder:
    """The end of one process group; made by `end_group`."""

    __slots__ = (
        "_deadline_ms",
        "_grace_ms",
        "_killed",
        "_loop",
        "_on_gone",
        "_pgid",
        "_poll_ms",
        "_reaper",
        "_started_ms",
        "_strays",
        "_timer",
    )

    def __init__(self, loop: Loop, reaper: Reaper, pgid: int, grace_ms: int, on_gone: Callable[[Ended], None]) -> None:
        self._loop = loop
        self._reaper = reaper
        self._pgid = pgid
        self._grace_ms = grace_ms
        self._on_gone: Callable[[Ended], None] | None = on_gone
        self._killed = False
        self._poll_ms = FIRST_POLL_MS
        self._strays: dict[tuple[int, int], Proc] = {}
        self._started_ms = loop.now_ms()
        self._deadline_ms = self._started_ms + grace_ms
        self._timer: Timer | None = None
        reaper.subscribe(self.poke)
        self._signal(signals.TERM)
        self._schedule()

    def poke(self) -> None:
        """Look now; called whenever the reaper has collected something."""
        if self._on_gone is None:
            return
        if not self._exists():
            self._finish()
        elif self._loop.now_ms() >= self._deadline_ms:
            self._next_step()
        else:
            self._schedule()

    def force(self) -> None:
        """KILL now instead of at the end of the grace."""
        if self._on_gone is not None and not self._killed:
            self._kill()

    def cancel(self) -> None:
        """Stop looking; `on_gone` is not called any more."""
        self._on_gone = None
        self._reaper.unsubscribe(self.poke)
        if self._timer is not None:
            self._timer.cancel()

    def _next_step(self) -> None:
        if self._only_zombies():
            self._finish()
        elif self._killed:
            self._end(Stuck(self._loop.now_ms() - self._started_ms))
        else:
            self._kill()

    def _kill(self) -> None:
        self._killed = True
        self._deadline_ms = self._loop.now_ms() + self._grace_ms
        self._poll_ms = FIRST_POLL_MS
        self._signal(signals.KILL)
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        left_ms = max(0, self._deadline_ms - self._loop.now_ms())
        self._timer = self._loop.call_later(min(self._poll_ms, left_ms), self._tick)

    def _tick(self) -> None:
        self._poll_ms = min(self._poll_ms * 2, LAST_POLL_MS)
        if self._killed:
            # A process that forked between the last scan and its own death leaves children behind.
            self._signal(signals.KILL)
        self.poke()

    def _finish(self) -> None:
        after_ms = self._loop.now_ms() - self._started_ms
        self._end(Killed(after_ms) if self._killed else Gone(after_ms))

    def _end(self, ended: Ended) -> None:
        on_gone = self._on_gone
        self.cancel()
        if on_gone is not None:
            self._loop.guard(on_gone, ended)

    def _signal(self, signum: int) -> None:
        self._find_strays()
        send_group(self._pgid, signum)
        if signum == signals.TERM:
            # A stopped process acts on TERM only when it is continued.
            send_group(self._pgid, signals.CONT)
        for proc in self._strays.values():
            procs.signal_proc(proc, signum)

    def _find_strays(self) -> None:
        """What left the group: descendants, and whoever is in a session of theirs though its parent has died."""
        if not procs.proc_is_ours():
            return
        try:
            everyone = procs.scan()
        except procs.CannotLook:
            return  # The group and the strays that are known are signalled all the same.
        sessions = {self._pgid, *(proc.session for proc in self._strays.values())} - {os.getsid(0)}
        roots = {self._pgid, *(pid for pid, _ in self._strays)}
        roots |= {proc.pid for proc in everyone if proc.pgid == self._pgid or proc.session in sessions}
        kin = [proc for root in roots for proc in procs.descendants(everyone, root)]
        for proc in (*kin, *(proc for proc in everyone if proc.session in sessions)):
            if proc.pgid != self._pgid and proc.pid != os.getpid():
                self._strays[proc.identity] = proc

    def _exists(self) -> bool:
        return group_exists(self._pgid) or any(_is_alive(proc) for proc in self._strays.values())

    def _only_zombies(self) -> bool:
        """True when what is left has ended and waits for a parent that is not us."""
        if not procs.proc_is_ours() or any(_is_alive(proc) for proc in self._strays.values()):
            return False
        try:
            return not any(proc.pgid == self._pgid and proc.alive for proc in procs.scan())
        except procs.CannotLook:
            return False


def end_group(loop: Loop, reaper: Reaper, pid: int, grace_ms: int, on_gone: Callable[[Ended], None]) -> Ladder:
    """TERM to the process group that `pid` leads, KILL after `grace_ms`, `Stuck` after as long again.

    Descendants that left the group get the same. `on_gone` is called once from the loop, when all of them have gone
    (and after the watchers of those that are our children). `pid` must lead its own group: spawned with a new session.
    """
    return Ladder(loop, reaper, pid, grace_ms, on_gone)


def send_group(pgid: int, signum: int) -> bool:
    """Signal a process group; False when nobody of it is left, or is ours to signal. Never our own group."""
    if pgid <= 1 or pgid == os.getpgid(0):
        return False
    try:
        os.killpg(pgid, signum)
    except OSError as error:
        if error.errno in (errno.ESRCH, errno.EPERM):
            return False
        raise
    return True


def group_exists(pgid: int) -> bool:
    """True while a process of the group exists, were it a zombie."""
    if pgid <= 1 or pgid == os.getpgid(0):
        return False
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_alive(proc: Proc) -> bool:
    try:
        now = procs.read(proc.pid)
    except procs.CannotLook:
        return True
    return now is not None and now.start == proc.start and now.alive
