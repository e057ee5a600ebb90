"""One run of one executable: started, logged, limited in time, and ended with everything it started."""

from __future__ import annotations

import os

from ww.instance.ending import Ending
from ww.instance.members import TAG, Members
from ww.supervise import child, logs
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ww.instance.system import System
    from ww.supervise.exitcode import Exit
    from ww.supervise.loop import Timer
    from ww.supervise.sweep import SweepReport
    from ww.types import Callback

    _T = TypeVar("_T")


class Ran(Value):
    """It ended by itself. `output` is what it printed where that was captured, else ""."""

    __slots__ = ("exit", "took_ms", "output", "last_lines")

    def __init__(self, exit: Exit, took_ms: int, output: str, last_lines: list[str]) -> None:  # noqa: A002
        self.exit = exit
        self.took_ms = took_ms
        self.output = output
        self.last_lines = last_lines


class TimedOut(Value):
    """Its time was up and it was ended with all it had started. `output`: see Ran."""

    __slots__ = ("took_ms", "last_lines", "left", "output")

    def __init__(self, took_ms: int, last_lines: list[str], left: list[str], output: str = "") -> None:
        self.took_ms = took_ms
        self.last_lines = last_lines
        self.left = left
        self.output = output


class CannotRun(Value):
    """It was not started; `words` say why."""

    __slots__ = ("words",)

    def __init__(self, words: str) -> None:
        self.words = words


class Order(Value):
    """What to run: `argv` (absolute path first), `env`, the log's `source`, limits in milliseconds (0: none).

    capture: what it prints is kept for the result; with `quiet` its standard error too, and none of it is logged.
    """

    __slots__ = ("argv", "env", "source", "limit_ms", "grace_ms", "capture", "quiet")

    def __init__(
        self,
        argv: tuple[str, ...],
        env: dict[str, str],
        source: str,
        limit_ms: int = 0,
        grace_ms: int = 5_000,
        capture: bool = False,
        quiet: bool = False,
    ) -> None:
        self.argv = argv
        self.env = env
        self.source = source
        self.limit_ms = limit_ms
        self.grace_ms = grace_ms
        self.capture = capture
        self.quiet = quiet


SHORT_HOOKS = ("monitor", "pushstats", "lifecycle")
"""Hooks that run again and again and are not meant to leave anything behind that prints."""
MOST_LEFT_OPEN = 64


class LeftOpen:
    """Outputs that strays of short hooks hold open; the oldest beyond 64 is closed, so that descriptors last.

    Whoever still writes to it gets SIGPIPE. Daemons of the other hooks keep theirs.
    """

    def __init__(self) -> None:
        self._pumps: list[logs.Pump] = []
        self._said = False

    def add(self, system: System, pump: logs.Pump) -> None:
        """The hook of `pump` has ended and somebody holds its output open."""
        self._pumps = [known for known in self._pumps if known.open and known is not pump]
        self._pumps.append(pump)
        while len(self._pumps) > MOST_LEFT_OPEN:
            self._pumps.pop(0).close()
            if not self._said:
                self._said = True
                system.voice.warn(
                    f"more than {MOST_LEFT_OPEN} processes that {', '.join(SHORT_HOOKS)} left behind hold their "
                    "output open: the oldest output is closed each time, and what writes to it ends"
                )


class Execution:
    """Runs one order; a task that can be cancelled at any time."""

    _left_open = LeftOpen()

    def __init__(self, system: System, order: Order, done: Callable[[Ran | TimedOut | CannotRun], None]) -> None:
        self._system = system
        self._order = order
        self._done: Callable[[Ran | TimedOut | CannotRun], None] | None = done
        self._members = Members(order.source)
        self._reaped = False
        self._timer: Timer | None = None
        self._pump: logs.Pump | None = None
        self._capture: logs.Capture | None = None
        self._ending: Ending | None = None
        self._started_ms = system.clock.mono_ms()

    def start(self) -> None:
        """Start it; `done` is called later, or at once when it cannot be run."""
        writers: list[int] = []
        try:
            self._open_output(writers)
            started = self._spawn(writers)
        except OSError as error:
            # Out of descriptors, mostly: whoever asked decides what that means.
            started = child.Refused(error.errno or 0, f"{self._order.argv[0]}: {error.strerror}")
        finally:
            for fd in writers:
                os.close(fd)
        if not isinstance(started, child.Started):
            self._close_output()
            refused = isinstance(started, child.Refused)
            self._finish(CannotRun(started.words() if refused else f"cannot run {started.words()}"))
            return
        self._members.pid = started.pid
        self._system.reaper.watch(started.pid, self._exited)
        if self._order.limit_ms:
            self._timer = self._system.loop.call_later(self._order.limit_ms, self._time_is_up)

    def _open_output(self, writers: list[int]) -> None:
        """Make the pipes that are read here; their other ends are added to `writers`. Raises OSError."""
        capture = self._order.capture
        if not self._order.quiet:
            reader = _new_pipe(writers)
            self._pump = _reading(
                self._system, reader, lambda: self._system.voice.pump(reader, self._order.source, _stream(capture))
            )
        if capture:
            output = _new_pipe(writers)
            self._capture = _reading(self._system, output, lambda: logs.Capture(self._system.loop, output))

    def _spawn(self, writers: list[int]) -> child.Spawned:
        env = {**self._order.env, TAG: self._members.tag}
        return child.spawn(child.Command(argv=self._order.argv, env=env, stdout=writers[-1], stderr=writers[0]))

    def _close_output(self) -> None:
        if self._pump is not None:
            self._pump.close()
        if self._capture is not None:
            self._capture.finish()

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """End it and all it started; `gone` is called when nothing is left, `done` never."""
        self._done = None
        self._stop_timer()
        if self._ending is not None:
            self._ending.then(lambda _report: gone())
            if not grace_ms:
                self._ending.force()
            return
        if not self._members.pid or (self._reaped and not self._members.anybody()):
            self._release_output()
            gone()
            return
        self._end(grace_ms, lambda _report: gone())

    def conclude(self, grace_ms: int, said: Callable[[str], None]) -> None:
        """End it as `cancel` does; `said` is called with what it printed, its last words included."""
        self._done = None
        self._stop_timer()
        self._end(grace_ms, lambda _report: said(self._captured()))

    def _exited(self, status: Exit) -> None:
        self._reaped = True
        if self._ending is not None:
            return
        self._stop_timer()
        took = self._system.clock.mono_ms() - self._started_ms
        self._finish(Ran(status, took, self._captured(), self._last_words()))

    def _time_is_up(self) -> None:
        self._timer = None

        def ended(report: SweepReport) -> None:
            took = self._system.clock.mono_ms() - self._started_ms
            left = [f"{one.comm} (pid {one.pid})" for one in report.left]
            self._finish(TimedOut(took, self._last_words(), left, self._captured()))

        self._end(self._order.grace_ms, ended)

    def _end(self, grace_ms: int, ended: Callable[[SweepReport], None]) -> None:
        def over(report: SweepReport) -> None:
            self._release_output()
            ended(report)

        pgid = 0 if self._reaped else self._members.pid
        self._ending = Ending(self._system, self._members.find, grace_ms, over, pgid).start()

    def _captured(self) -> str:
        return self._capture.finish().decode("utf-8", "replace") if self._capture else ""

    def _release_output(self) -> None:
        self._captured()
        self._last_words()

    def _last_words(self) -> list[str]:
        """What is left in the pipe goes to the log; a daemon that holds the pipe may print on."""
        if self._pump is None:
            return []
        self._pump.drain()
        self._pump.detach()
        if self._pump.open and self._order.source.partition(".d/")[0] in SHORT_HOOKS:
            self._left_open.add(self._system, self._pump)
        return self._pump.last_lines()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _finish(self, result: Ran | TimedOut | CannotRun) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(result)


def _stream(capture: bool) -> str:
    return "stderr" if capture else "stdout"


def _new_pipe(writers: list[int]) -> int:
    reader, writer = logs.make_pipe()
    writers.append(writer)
    return reader


def _reading(system: System, fd: int, begin: Callable[[], _T]) -> _T:
    """What `begin` makes of `fd`, which is closed if that fails."""
    try:
        return begin()
    except OSError:
        system.loop.remove(fd)
        os.close(fd)
        raise
