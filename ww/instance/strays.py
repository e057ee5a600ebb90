"""Processes that nobody waits for: daemons of svcup, strays of hooks. Counted, named, and swept when it is time.

Only our own descendants are ever looked at or signalled (decisions, "Programs and who may do what").
"""

from __future__ import annotations

import os

from ww.clib import SIGNALS
from ww.instance.ending import Ending
from ww.instance.members import of_service
from ww.lifecycle.model import Done, Failed
from ww.supervise import procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.pidfiles import Pidfiles
    from ww.instance.system import System
    from ww.instance.tasks import Report
    from ww.supervise.exitcode import Exit
    from ww.supervise.loop import Timer
    from ww.supervise.procs import Proc
    from ww.supervise.sweep import SweepReport
    from ww.types import Callback


NAMES_MS = 200
"""After svcup: when a daemon bears its own name, which it takes on by its exec, and has written its pidfile."""
_KILL_ROUNDS = 3
_NAMED_AT_ONCE = 8


class Strays:
    """Knows which descendants were there before the services, which daemons svcup left, and how they end.

    `spared`: who is none of them, with all that these have started; only `kill_all` ends them too.
    """

    def __init__(
        self,
        system: System,
        pidfile_died: Callable[[str, str], None],
        spared: Callable[[], set[int]] = set,
    ) -> None:
        procs.keep_spares()
        self._spared = spared
        self._system = system
        self._pidfile_died = pidfile_died
        self._pidfiles: Pidfiles | None = None
        self._before: set[tuple[int, int]] = set()
        self._daemons: dict[int, str] = {}
        self._naming: Timer | None = None
        self._snapshot_taken = False
        self._svcup_ms = 0
        self.ended = 0
        """How many daemons of svcup ended by themselves in this boot."""

    def snapshot(self) -> None:
        """Remember what runs before the services are started for the first time: a restart leaves it alone."""
        self._svcup_ms = self._system.clock.wall_ms()
        if not self._snapshot_taken:
            self._snapshot_taken = True
            try:
                self._before = {proc.identity for proc in self._others()}
            except procs.CannotLook as error:
                self._system.voice.warn(f"{error}: a restart will also end what boot left running")

    def adopt(self, pidfiles: list[str]) -> None:
        """svcup is done: find the daemons it left, and the ones that a pidfile declares essential."""
        self._learn_daemons()
        self._naming = self._system.loop.call_later(NAMES_MS, self._name_daemons)
        if pidfiles and self._pidfiles is None:
            procs.prepare("ww.instance.pidfiles")
            from ww.instance.pidfiles import Pidfiles

            self._pidfiles = Pidfiles(self._system, self._pidfile_died)
        if self._pidfiles is not None:
            self._pidfiles.watch(pidfiles, self._svcup_ms)

    def count(self) -> int | None:
        """How many descendants live now, None if that cannot be seen; also looks at daemons and pidfiles anew."""
        if self._snapshot_taken and self._pidfiles is not None:
            self._pidfiles.look()
        return self._learn_daemons()

    def reaped(self, pid: int, status: Exit) -> None:
        """A process that nobody watches has ended."""
        name = self._daemons.pop(pid, None)
        if name is not None:
            self.ended += 1
            # Between its fork and its exec a process bears the name of its parent.
            named = f"daemon {name}" if self._naming is None else "a daemon of svcup"
            self._system.voice.warn(f"{named} (pid {pid}) ended: {status.words()}")
        if self._pidfiles is not None:
            self._pidfiles.reaped(pid, name if name and self._naming is None else "process", status)

    def forget(self) -> None:
        """The services are going down: what ends now was meant to."""
        self._daemons.clear()
        if self._pidfiles is not None:
            self._pidfiles.forget()
        if self._naming is not None:
            self._naming.cancel()
            self._naming = None

    def sweep_services(self, grace_ms: int, done: Report) -> SweepTask:
        """End what the services left behind, before they are started again."""
        return SweepTask(self._system, lambda: self._of_services(self._others()), grace_ms, done)

    def sweep_all(self, grace_ms: int, done: Report) -> SweepTask:
        """End every descendant."""
        return SweepTask(self._system, self._others, grace_ms, done)

    def kill_all(self) -> None:
        """KILL every descendant and wait for nothing; again for what was started meanwhile, three times at most."""
        for _ in range(_KILL_ROUNDS):
            try:
                mine = _mine()
            except procs.CannotLook:
                return
            for proc in mine:
                procs.signal_proc(proc, SIGNALS.SIGKILL)
            if not mine:
                return

    def _learn_daemons(self) -> int | None:
        """Know exactly the daemons that are there: our own children that nobody waits for, as only these are reaped here."""
        try:
            everyone = self._others(ended=True)
        except procs.CannotLook:
            return None
        if self._snapshot_taken:
            me, watched = os.getpid(), set(self._system.reaper.watched())
            children = [proc for proc in self._of_services(everyone) if proc.ppid == me and proc.pid not in watched]
            children = [proc for proc in children if proc.pid in self._daemons or not of_service(proc.pid)]
            # What has ended and waits to be reaped keeps the name that it had; if it had none, it is no news.
            known = {proc.pid: self._daemons.get(proc.pid, "") if not proc.alive else proc.comm for proc in children}
            self._daemons = {pid: comm for pid, comm in known.items() if comm}
        return sum(proc.alive for proc in everyone)

    def _name_daemons(self) -> None:
        self._naming = None
        self._learn_daemons()
        if self._pidfiles is not None:
            self._pidfiles.look()
            self._pidfiles.complain()
        daemons = sorted(self._daemons.items())
        if daemons:
            names = ", ".join(f"{comm} (pid {pid})" for pid, comm in daemons[:_NAMED_AT_ONCE])
            more = f" and {len(daemons) - _NAMED_AT_ONCE} more" if len(daemons) > _NAMED_AT_ONCE else ""
            self._system.voice.info(f"svcup left {len(daemons)} running: {names}{more}")

    def _others(self, ended: bool = False) -> list[Proc]:
        """Every descendant but those that are spared. Raises procs.CannotLook."""
        spared, mine = self._spared(), _mine(ended)
        return _without(mine, spared) if spared else mine

    def _of_services(self, mine: list[Proc]) -> list[Proc]:
        return _without(mine, {proc.pid for proc in mine if proc.identity in self._before})


class SweepTask:
    """A sweep as a task. Failed means that something is left that even KILL does not end."""

    def __init__(self, system: System, targets: Callable[[], list[Proc]], grace_ms: int, done: Report) -> None:
        self._system = system
        self._done: Report | None = done
        self._ending = Ending(system, targets, grace_ms, self._swept)

    def start(self) -> SweepTask:
        """Begin; nothing to sweep is done in the next turn."""
        self._ending.start()
        return self

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """Stop waiting for TERM to work."""
        self._done = lambda _outcome: gone()
        if not grace_ms:
            self._ending.force()

    def _swept(self, report: SweepReport) -> None:
        for record in report.swept:
            how = "KILL, it did not heed TERM" if record.killed else "TERM"
            say = self._system.voice.warn if record.killed else self._system.voice.info
            say(
                f"ended {record.comm} (pid {record.pid}) by {how} after {record.took_ms} ms: {record.cmdline}",
                pid=record.pid,
                killed=record.killed,
                took_ms=record.took_ms,
            )
        for record in report.left:
            self._system.voice.error(
                f"still there after KILL: {record.comm} (pid {record.pid}): {record.cmdline}",
                pid=record.pid,
                took_ms=record.took_ms,
            )
        done, self._done = self._done, None
        if done is None:
            return
        if report.left:
            names = ", ".join(f"{left.comm} (pid {left.pid}): {left.cmdline}" for left in report.left)
            done(Failed(1, f"still there after KILL: {names}"))
        else:
            done(Done())


def _without(mine: list[Proc], kept: set[int]) -> list[Proc]:
    """All but `kept` and what these have started."""
    while True:
        more = {proc.pid for proc in mine if proc.ppid in kept and proc.pid not in kept}
        if not more:
            return [proc for proc in mine if proc.pid not in kept]
        kept |= more


def _mine(ended: bool = False) -> list[Proc]:
    """Every live descendant, if `ended` also those not reaped yet; empty where /proc cannot be trusted.

    Raises procs.CannotLook.
    """
    if not procs.proc_is_ours():
        return []
    return [proc for proc in procs.descendants(procs.scan(), os.getpid()) if proc.alive or ended]
