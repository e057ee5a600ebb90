"""Ending a set of processes: TERM, a grace, KILL, and a report of who had to be told twice."""

from __future__ import annotations

from ww.supervise import procs
from ww.supervise.ladder import Stuck, end_group
from ww.supervise.sweep import Sweep, SweepReport, Swept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.system import System
    from ww.supervise.ladder import Ended, Ladder
    from ww.supervise.procs import Proc

STUCK_MS = 2_000
"""After KILL: how long a process may take to go before it is reported as left (uninterruptible sleep)."""


class Ending:
    """A sweep that looks again whenever something was reaped, and that can be hurried.

    Where `/proc` does not show our processes, the process group `pgid` (0: none) is all that can be ended.
    """

    def __init__(
        self,
        system: System,
        targets: Callable[[], list[Proc]],
        grace_ms: int,
        over: Callable[[SweepReport], None],
        pgid: int = 0,
    ) -> None:
        self._system = system
        self._over: Callable[[SweepReport], None] = over
        self._pgid = pgid
        self._grace_ms = grace_ms
        self._ladder: Ladder | None = None
        self._sweep = Sweep(system.loop, system.clock, targets, grace_ms, STUCK_MS, self._report)

    def start(self) -> Ending:
        """Send the first TERM."""
        if self._pgid and not procs.proc_is_ours():
            loop, reaper = self._system.loop, self._system.reaper
            self._ladder = end_group(loop, reaper, self._pgid, self._grace_ms, self._group_report)
        else:
            self._system.reaper.subscribe(self._sweep.poke)
            self._sweep.start()
        return self

    def force(self) -> None:
        """KILL now."""
        if self._ladder is not None:
            self._ladder.force()
        else:
            self._sweep.force()

    def then(self, over: Callable[[SweepReport], None]) -> None:
        """Report to somebody else."""
        self._over = over

    def _report(self, report: SweepReport) -> None:
        self._system.reaper.unsubscribe(self._sweep.poke)
        self._over(report)

    def _group_report(self, ended: Ended) -> None:
        stuck = isinstance(ended, Stuck)
        left = [Swept(self._pgid, "?", "(process group)", ended.after_ms, killed=True)] if stuck else []
        self._over(SweepReport([], left, ended.after_ms, blind=True))
