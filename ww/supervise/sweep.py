"""Ending everything that is left, and saying who held it up (WW-25; runtime.md 12)."""

from __future__ import annotations

import errno
import os

from ww.supervise import procs, signals
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.clock import Clock
    from ww.supervise.loop import Loop, Timer
    from ww.supervise.procs import Proc

FIRST_POLL_MS = 10
LAST_POLL_MS = 100


class Swept(Value):
    """One process that was there: `took_ms` from its first signal until it was gone, `killed` if TERM did not do."""

    __slots__ = ("cmdline", "comm", "killed", "pid", "took_ms")

    def __init__(self, pid: int, comm: str, cmdline: str, took_ms: int, killed: bool) -> None:
        self.pid = pid
        self.comm = comm
        self.cmdline = cmdline
        self.took_ms = took_ms
        self.killed = killed


class SweepReport(Value):
    """`swept` went, `left` did not. `blind`: `/proc` does not show our processes, so none can be named."""

    __slots__ = ("blind", "left", "swept", "took_ms")

    def __init__(self, swept: list[Swept], left: list[Swept], took_ms: int, blind: bool) -> None:
        self.swept = swept
        self.left = left
        self.took_ms = took_ms
        self.blind = blind


class _Target:
    __slots__ = ("cmdline", "killed", "proc", "since_ms")

    def __init__(self, proc: Proc, since_ms: int) -> None:
        self.proc = proc
        self.cmdline = procs.cmdline(proc.pid)
        self.since_ms = since_ms
        self.killed = False

    def swept(self, now_ms: int) -> Swept:
        return Swept(self.proc.pid, self.proc.comm, self.cmdline, now_ms - self.since_ms, self.killed)


class Sweep:
    """TERM to everything that `list_targets` names, also to what appears later; KILL after `term_ms`; done when empty.

    While `list_targets` raises CannotLook, everybody is taken for still there.
    Gives up `kill_ms` after the first KILL. Looks again after 10 to 100 ms, and at once on `poke` (call it when the
    reaper reports an adopted process, or subscribe it). Nothing happens before `start`. As PID 1 with a foreign
    `/proc` it signals everything at once, blindly; elsewhere it then signals nothing.
    """

    __slots__ = (
        "_blind",
        "_cannot_look",
        "_clock",
        "_deadline_ms",
        "_kill_ms",
        "_killing",
        "_list_targets",
        "_loop",
        "_on_done",
        "_poll_ms",
        "_started_ms",
        "_swept",
        "_targets",
        "_term_ms",
        "_timer",
    )

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        list_targets: Callable[[], list[Proc]],
        term_ms: int,
        kill_ms: int,
        on_done: Callable[[SweepReport], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._list_targets = list_targets
        self._term_ms = term_ms
        self._kill_ms = kill_ms
        self._on_done: Callable[[SweepReport], None] | None = on_done
        self._blind = False
        self._cannot_look = False
        self._killing = False
        self._poll_ms = FIRST_POLL_MS
        self._started_ms = 0
        self._deadline_ms = 0
        self._targets: dict[tuple[int, int], _Target] = {}
        self._swept: list[Swept] = []
        self._timer: Timer | None = None

    def start(self) -> None:
        """Begin; the first TERM is sent before this returns, `on_done` comes from the loop."""
        self._started_ms = self._clock.mono_ms()
        self._deadline_ms = self._started_ms + self._term_ms
        self._blind = not procs.proc_is_ours()
        if self._blind:
            _signal_everything(signals.TERM)
            _signal_everything(signals.CONT)
        if self._look():
            self._schedule()
        else:
            self._loop.call_soon(self._finish)

    def poke(self) -> None:
        """Look now."""
        if self._timer is None or self._on_done is None:
            return
        self._timer.cancel()
        self._tick()

    def force(self) -> None:
        """KILL now instead of after `term_ms`."""
        if self._timer is not None and self._on_done is not None and not self._killing:
            self._deadline_ms = self._clock.mono_ms()
            self.poke()

    def _tick(self) -> None:
        now_ms = self._clock.mono_ms()
        if now_ms >= self._deadline_ms and not self._killing:
            self._killing = True
            self._deadline_ms = now_ms + self._kill_ms
            self._poll_ms = FIRST_POLL_MS
        anyone = self._look()
        if not anyone or (self._killing and now_ms >= self._deadline_ms):
            self._finish()
        else:
            self._schedule()

    def _schedule(self) -> None:
        left_ms = max(0, self._deadline_ms - self._clock.mono_ms())
        self._timer = self._loop.call_later(min(self._poll_ms, left_ms), self._tick)
        self._poll_ms = min(self._poll_ms * 2, LAST_POLL_MS)

    def _look(self) -> bool:
        """One look at who is there, each signalled as it needs; False when nobody is."""
        if self._blind:
            if self._killing:
                _signal_everything(signals.KILL)
            return _signal_everything(0)
        now_ms = self._clock.mono_ms()
        try:
            present = {proc.identity: proc for proc in self._list_targets() if proc.alive}
        except procs.CannotLook:
            self._cannot_look = True
            return True
        self._cannot_look = False
        for identity in [known for known in self._targets if known not in present]:
            self._swept.append(self._targets.pop(identity).swept(now_ms))
        for identity, proc in present.items():
            self._signal(self._targets.get(identity), proc, now_ms)
        return bool(present)

    def _signal(self, known: _Target | None, proc: Proc, now_ms: int) -> None:
        # A TERM between fork and exec meets a copy of the parent's handler and is lost: another name, another TERM.
        changed = known is None or known.proc.comm != proc.comm
        if known is None or changed:
            known = self._targets[proc.identity] = _Target(proc, known.since_ms if known else now_ms)
        if self._killing:
            known.killed = True
            procs.signal_proc(proc, signals.KILL)
        elif changed:
            procs.signal_proc(proc, signals.TERM)
            procs.signal_proc(proc, signals.CONT)

    def _finish(self) -> None:
        on_done, self._on_done = self._on_done, None
        if self._timer is not None:
            self._timer.cancel()
        if on_done is None:
            return
        now_ms = self._clock.mono_ms()
        left = [target.swept(now_ms) for target in self._targets.values()]
        if self._blind and _signal_everything(0):
            left.append(Swept(0, "?", "(this /proc does not show our processes)", now_ms - self._started_ms, True))
        if self._cannot_look:
            left.append(
                Swept(0, "?", "(no free descriptor to look at processes with)", now_ms - self._started_ms, False)
            )
        self._loop.guard(on_done, SweepReport(self._swept, left, now_ms - self._started_ms, self._blind))


def _signal_everything(signum: int) -> bool:
    """`kill(-1)`, which spares PID 1 itself; False when nobody is left. Anywhere but in PID 1 it signals nobody."""
    if os.getpid() != 1:
        return False
    try:
        os.kill(-1, signum)
    except OSError as error:
        if error.errno == errno.ESRCH:
            return False
        if error.errno != errno.EPERM:
            raise
    return True
