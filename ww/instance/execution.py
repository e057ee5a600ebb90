"""One run of one executable: started, logged, limited in time, and ended with everything it started."""

from __future__ import annotations

import os

from ww.instance.ending import Ending
from ww.supervise import child, logs, procs
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.system import System
    from ww.supervise.exitcode import Exit
    from ww.supervise.loop import Timer
    from ww.supervise.sweep import SweepReport
    from ww.types import Callback

TAG = "WW_HOOK_RUN"
"""Every execution has a unique value of this variable: what it started is found by it, also in other sessions."""


class Ran(Value):
    """It ended by itself. `output` is what it printed where that was captured, else ""."""

    __slots__ = ("exit", "took_ms", "output", "last_lines")

    def __init__(self, exit: Exit, took_ms: int, output: str, last_lines: list[str]) -> None:  # noqa: A002
        self.exit = exit
        self.took_ms = took_ms
        self.output = output
        self.last_lines = last_lines


class TimedOut(Value):
    """Its time was up and it was ended with all it had started."""

    __slots__ = ("took_ms", "last_lines", "left")

    def __init__(self, took_ms: int, last_lines: list[str], left: list[str]) -> None:
        self.took_ms = took_ms
        self.last_lines = last_lines
        self.left = left


class CannotRun(Value):
    """It was not started; `words` say why."""

    __slots__ = ("words",)

    def __init__(self, words: str) -> None:
        self.words = words


class Order(Value):
    """What to run: `argv` (absolute path first), `env`, the log's `source`, limits in milliseconds (0: none)."""

    __slots__ = ("argv", "env", "source", "limit_ms", "grace_ms", "capture")

    def __init__(
        self,
        argv: tuple[str, ...],
        env: dict[str, str],
        source: str,
        limit_ms: int = 0,
        grace_ms: int = 5_000,
        capture: bool = False,
    ) -> None:
        self.argv = argv
        self.env = env
        self.source = source
        self.limit_ms = limit_ms
        self.grace_ms = grace_ms
        self.capture = capture


class Execution:
    """Runs one order; a task that can be cancelled at any time."""

    _count = 0

    def __init__(self, system: System, order: Order, done: Callable[[Ran | TimedOut | CannotRun], None]) -> None:
        Execution._count += 1
        self._system = system
        self._order = order
        self._done: Callable[[Ran | TimedOut | CannotRun], None] | None = done
        self._tag = f"{order.source}-{Execution._count}"
        self._pid = 0
        self._reaped = False
        self._timer: Timer | None = None
        self._pump: logs.Pump | None = None
        self._capture: logs.Capture | None = None
        self._ending: Ending | None = None
        self._started_ms = system.clock.mono_ms()

    def start(self) -> None:
        """Start it; `done` is called later, or at once when it cannot be run."""
        reader, writer = logs.make_pipe()
        out_reader, out_writer = logs.make_pipe() if self._order.capture else (-1, writer)
        started = child.spawn(
            child.Command(
                argv=self._order.argv, env={**self._order.env, TAG: self._tag}, stdout=out_writer, stderr=writer
            )
        )
        for fd in {writer, out_writer}:
            os.close(fd)
        if not isinstance(started, child.Started):
            for fd in {reader, out_reader} - {-1}:
                os.close(fd)
            self._finish(CannotRun(f"cannot run {started.words()}"))
            return
        self._pid = started.pid
        self._pump = self._system.voice.pump(reader, self._order.source, "stderr" if self._order.capture else "stdout")
        if self._order.capture:
            self._capture = logs.Capture(self._system.loop, out_reader)
        self._system.reaper.watch(self._pid, self._exited)
        if self._order.limit_ms:
            self._timer = self._system.loop.call_later(self._order.limit_ms, self._time_is_up)

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """End it and all it started; `gone` is called when nothing is left, `done` never."""
        self._done = None
        self._stop_timer()
        if self._ending is not None:
            self._ending.then(lambda _report: gone())
            if not grace_ms:
                self._ending.force()
            return
        if not self._pid or (self._reaped and not any(proc.alive for proc in self._members())):
            self._release_output()
            gone()
            return
        self._end(grace_ms, lambda _report: gone())

    def _exited(self, status: Exit) -> None:
        self._reaped = True
        if self._ending is not None:
            return
        self._stop_timer()
        took = self._system.clock.mono_ms() - self._started_ms
        output = self._capture.finish().decode("utf-8", "replace") if self._capture else ""
        self._finish(Ran(status, took, output, self._last_words()))

    def _time_is_up(self) -> None:
        self._timer = None

        def ended(report: SweepReport) -> None:
            took = self._system.clock.mono_ms() - self._started_ms
            self._finish(TimedOut(took, self._last_words(), [f"{left.comm} (pid {left.pid})" for left in report.left]))

        self._end(self._order.grace_ms, ended)

    def _end(self, grace_ms: int, ended: Callable[[SweepReport], None]) -> None:
        def over(report: SweepReport) -> None:
            self._release_output()
            ended(report)

        pgid = 0 if self._reaped else self._pid
        self._ending = Ending(self._system, self._members, grace_ms, over, pgid).start()

    def _members(self) -> list[procs.Proc]:
        """What belongs to this execution: its group and session, and whatever carries its tag."""
        return [
            proc
            for proc in procs.descendants(procs.scan(), os.getpid())
            if self._pid in (proc.pid, proc.pgid, proc.session) or procs.has_variable(proc.pid, TAG, self._tag)
        ]

    def _release_output(self) -> None:
        if self._capture:
            self._capture.finish()
        self._last_words()

    def _last_words(self) -> list[str]:
        """What is left in the pipe goes to the log; a daemon that holds the pipe may print on."""
        if self._pump is None:
            return []
        self._pump.drain()
        self._pump.detach()
        return self._pump.last_lines()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _finish(self, result: Ran | TimedOut | CannotRun) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(result)
