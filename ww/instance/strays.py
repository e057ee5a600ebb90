"""Processes that nobody waits for: daemons of svcup, strays of hooks. Counted, named, and swept when it is time.

Only our own descendants are ever looked at or signalled (decisions, "Programs and who may do what").
"""

from __future__ import annotations

import os

from ww.clib import SIGNALS
from ww.instance.ending import Ending
from ww.lifecycle.model import Done, Failed
from ww.supervise import procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.system import System
    from ww.instance.tasks import Report
    from ww.supervise.exitcode import Exit
    from ww.supervise.procs import Proc
    from ww.supervise.sweep import SweepReport
    from ww.types import Callback


class Strays:
    """Knows which descendants were there before the services, which daemons svcup left, and how they end."""

    def __init__(self, system: System, pidfile_died: Callable[[str, str], None]) -> None:
        self._system = system
        self._pidfile_died = pidfile_died
        self._before: set[tuple[int, int]] = set()
        self._daemons: dict[int, str] = {}
        self._pidfiles: list[str] = []
        self._declared: dict[int, str] = {}
        self._snapshot_taken = False
        self.ended = 0
        """How many daemons of svcup ended by themselves in this boot."""

    def snapshot(self) -> None:
        """Remember what runs before the services are started for the first time: a restart leaves it alone."""
        if not self._snapshot_taken:
            self._snapshot_taken = True
            self._before = {proc.identity for proc in _mine()}

    def adopt(self, pidfiles: list[str]) -> None:
        """svcup is done: find the daemons it left, and the ones that a pidfile declares essential."""
        self._pidfiles = pidfiles
        daemons = {proc.pid: proc.comm for proc in self._of_services(_mine())}
        self._daemons.update(daemons)
        self._read_pidfiles()
        if daemons:
            names = ", ".join(f"{comm} (pid {pid})" for pid, comm in sorted(daemons.items())[:8])
            more = f" and {len(daemons) - 8} more" if len(daemons) > 8 else ""
            self._system.voice.info(f"svcup left {len(daemons)} running: {names}{more}")

    def count(self) -> int:
        """How many descendants live now; also learns daemons that appeared, or took their real name, since svcup."""
        mine = _mine()
        if self._snapshot_taken:
            self._daemons.update({proc.pid: proc.comm for proc in self._of_services(mine)})
        return len(mine)

    def reaped(self, pid: int, status: Exit) -> None:
        """A process that nobody watches has ended."""
        name = self._daemons.pop(pid, None)
        if name is None and not self._pidfiles:
            return
        self._read_pidfiles()
        pidfile = self._declared.pop(pid, None)
        if name is not None:
            self.ended += 1
            self._system.voice.warn(f"daemon {name} (pid {pid}) ended: {status.words()}")
        if pidfile is not None:
            self._pidfile_died(pidfile, f"{name or 'process'} (pid {pid}) of {pidfile} ended: {status.words()}")

    def forget(self) -> None:
        """The services are going down: what ends now was meant to."""
        self._daemons.clear()
        self._declared.clear()
        self._pidfiles = []

    def sweep_services(self, grace_ms: int, done: Report) -> SweepTask:
        """End what the services left behind, before they are started again."""
        return SweepTask(self._system, lambda: self._of_services(_mine()), grace_ms, done)

    def sweep_all(self, grace_ms: int, done: Report) -> SweepTask:
        """End every descendant."""
        return SweepTask(self._system, _mine, grace_ms, done)

    def kill_all(self) -> None:
        """KILL every descendant and wait for nothing."""
        for proc in _mine():
            procs.signal_proc(proc, SIGNALS.SIGKILL)

    def _of_services(self, mine: list[Proc]) -> list[Proc]:
        kept = {proc.pid for proc in mine if proc.identity in self._before}
        while True:  # children of what is spared are spared too
            more = {proc.pid for proc in mine if proc.ppid in kept and proc.pid not in kept}
            if not more:
                return [proc for proc in mine if proc.pid not in kept]
            kept |= more

    def _read_pidfiles(self) -> None:
        for path in self._pidfiles:
            try:
                with open(path, "rb") as file:
                    text = file.read(64).split()
            except OSError:
                continue
            if text and text[0].isdigit():
                self._declared[int(text[0])] = path


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
        done, self._done = self._done, None
        if done is None:
            return
        if report.left:
            names = ", ".join(f"{left.comm} (pid {left.pid}): {left.cmdline}" for left in report.left)
            done(Failed(1, f"still there after KILL: {names}"))
        else:
            done(Done())


def _mine() -> list[Proc]:
    """Every live descendant; empty where /proc cannot be trusted."""
    if not procs.proc_is_ours():
        return []
    return [proc for proc in procs.descendants(procs.scan(), os.getpid()) if proc.alive]
