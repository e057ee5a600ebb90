"""Small tasks that several actions share: done at once, after a time, or by a forked child."""

from __future__ import annotations

import os

from ww.errors import EXIT_TRY_AGAIN
from ww.instance.ending import STUCK_MS, Ending
from ww.lifecycle.model import Done, Failed
from ww.supervise import child, procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.system import System
    from ww.lifecycle.model import Outcome
    from ww.supervise.exitcode import Exit
    from ww.types import Callback

    Report = Callable[[Outcome], None]


class Instant:
    """A task that was over before it could be cancelled."""

    __slots__ = ()

    def cancel(self, grace_ms: int, gone: Callback) -> None:  # noqa: ARG002
        """Nothing is under way."""
        gone()


def at_once(done: Report, outcome: Outcome | None = None) -> Instant:
    """Report `outcome` (Done by default) now."""
    done(outcome or Done())
    return Instant()


class Pause:
    """Waits `ms`, then is done."""

    def __init__(self, system: System, ms: int, done: Report) -> None:
        self._timer = system.loop.call_later(ms, lambda: done(Done()))

    def cancel(self, grace_ms: int, gone: Callback) -> None:  # noqa: ARG002
        """Wait no longer."""
        self._timer.cancel()
        gone()


class FileJob:
    """Runs `job` in a forked child, because it syncs and PID 1 never waits for a disk (runtime.md 19).

    `job` raises OSError, or returns an errno, for what people can mend; `words` say what could not be done.
    """

    def __init__(self, system: System, words: str, job: Callable[[], object], done: Report) -> None:
        self._system = system
        self._words = words
        self._done: Report | None = done
        self._gone: Callback | None = None
        self._pid = 0
        started = child.fork_task(lambda: _perform(job))
        if isinstance(started, child.Started):
            self._pid = started.pid
            system.reaper.watch(started.pid, self._ended)
        else:
            done(Failed(EXIT_TRY_AGAIN, f"cannot {words}: {started.message}"))

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """Let it finish (renames are whole or not at all); KILL only what hangs in a dead disk."""
        if not self._pid:
            gone()
            return
        self._done = None
        self._gone = gone
        pid = self._pid
        self._system.loop.call_later(min(STUCK_MS, max(grace_ms, 1)), lambda: self._give_up(pid))

    def _give_up(self, pid: int) -> None:
        if self._gone is None or not self._pid:
            return
        gone, self._gone = self._gone, None
        Ending(self._system, lambda: procs.by_pid(pid), 0, lambda _report: gone(), pid).start()

    def _ended(self, status: Exit) -> None:
        self._pid = 0
        if self._gone is not None:
            gone, self._gone = self._gone, None
            gone()
        if self._done is not None:
            done, self._done = self._done, None
            done(Done() if status.ok else Failed(EXIT_TRY_AGAIN, _why(self._words, status)))


def _perform(job: Callable[[], object]) -> int:
    try:
        result = job()
    except OSError as error:
        return min(error.errno or 255, 255)
    return min(result, 255) if isinstance(result, int) else 0


def _why(words: str, status: Exit) -> str:
    if status.code is not None:
        return f"cannot {words}: {os.strerror(status.code)}"
    return f"cannot {words}: {status.words()}"
