"""Processes that nobody waits for: daemons of svcup, strays of hooks. Counted, named, and swept when it is time.

Only our own descendants are ever looked at or signalled (decisions, "Programs and who may do what").
"""

from __future__ import annotations

import os

from ww.clib import SIGNALS
from ww.instance.execution import STUCK_MS
from ww.lifecycle.model import Done, Failed
from ww.supervise import procs
from ww.supervise.ladder import Sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.system import System
    from ww.instance.tasks import Report
    from ww.supervise.exitcode import Exit
    from ww.supervise.ladder import SweepReport
    from ww.supervise.procs import Proc
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
            self._before = {(proc.pid, proc.start) for proc in _mine()}

    def adopt(self, pidfiles: list[str]) -> None:
        """svcup is done: find the daemons it left, and the ones that a pidfile declares essential."""
        self._pidfiles = pidfiles
        daemons = {proc.pid: proc.comm for proc in self._of_services()}
        self._daemons.update(daemons)
        self._read_pidfiles()
        if daemons:
            names = ", ".join(f"{comm} (pid {pid})" for pid, comm in sorted(daemons.items())[:8])
            more = f" and {len(daemons) - 8} more" if len(daemons) > 8 else ""
            self._system.voice.info(f"svcup left {len(daemons)} running: {names}{more}")

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
        return SweepTask(self._system, self._of_services, grace_ms, done)

    def sweep_all(self, grace_ms: int, done: Report) -> SweepTask:
        """End every descendant."""
        return SweepTask(self._system, _mine, grace_ms, done, everything=True)

    def kill_all(self) -> None:
        """KILL every descendant and wait for nothing."""
        for proc in _mine():
            procs.signal_proc(proc, SIGNALS.SIGKILL)

    def _of_services(self) -> list[Proc]:
        mine = _mine()
        spared = set(self._before)
        kept = {proc.pid for proc in mine if (proc.pid, proc.start) in spared}
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

    def __init__(
        self,
        system: System,
        targets: Callable[[], list[Proc]],
        grace_ms: int,
        done: Report,
        everything: bool = False,
    ) -> None:
        self._system = system
        self._done: Report | None = done
        self._sweep = Sweep(
            system.loop, targets, term_ms=grace_ms, kill_ms=STUCK_MS, on_done=self._swept, everything=everything
        )

    def start(self) -> SweepTask:
        """Begin; nothing to sweep is done at once."""
        self._sweep.start()
        return self

    def poke(self) -> None:
        """Something was reaped: look again at once."""
        self._sweep.poke()

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """Stop waiting for TERM to work."""
        self._done = lambda _outcome: gone()
        if not grace_ms:
            self._sweep.force()

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
            names = ", ".join(f"{proc.comm} (pid {proc.pid})" for proc in report.left)
            done(Failed(1, f"still there after KILL: {names}"))
        else:
            done(Done())


def _mine() -> list[Proc]:
    """Every live descendant; empty where /proc cannot be trusted."""
    if not procs.proc_is_ours():
        return []
    return [proc for proc in procs.descendants(procs.scan(), os.getpid()) if proc.state != "Z"]
