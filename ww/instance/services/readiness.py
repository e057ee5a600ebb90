"""When a service process is ready: one task per way of knowing it, each ended by `cancel`.

PID 1 opens no network socket: TCP and HTTP are asked by a child of ours (runtime, "Programs": check).
"""

from __future__ import annotations

import os

from ww.home.command import check_command
from ww.instance.execution import CannotRun, Execution, Order, Ran, TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.services.definition import Readiness
    from ww.instance.system import System
    from ww.supervise.loop import Timer

    Answer = Callable[[str], None]
    """Told "" when it is ready, else why it never will be."""

_LONGEST_WORDS = 300
_COMMAND_GRACE_MS = 1_000
_MOST_EXTENSION_MS = 3_600_000


class Readying:
    """Waits until `readiness` says ready, then calls `answer("")`; calls `answer(why)` when its time is up.

    `env` is the service's own; `place(path)` is where a file of the definition lies.
    """

    def __init__(
        self, system: System, name: str, readiness: Readiness, env: dict[str, str], place: Callable[[str], str]
    ) -> None:
        self._system = system
        self._name = name
        self._readiness = readiness
        self._env = env
        self._place = place
        self._answer: Answer | None = None
        self._timer: Timer | None = None
        self._limit: Timer | None = None
        self._execution: Execution | None = None
        self._last_problem = ""
        self._started_ms = system.clock.mono_ms()

    def start(self, answer: Answer) -> Readying:
        """Begin to look; the answer never comes from inside this call."""
        self._answer = answer
        readiness = self._readiness
        if readiness.limit_ms:
            self._limit = self._system.loop.call_later(readiness.limit_ms, self._time_is_up)
        if readiness.way == "delay_s":
            self._timer = self._system.loop.call_later(readiness.target, lambda: self._finish(""))
        elif readiness.way == "file":
            self._timer = self._system.loop.call_later(0, self._look_for_file)
        elif readiness.way == "command":
            self._run_command()
        elif readiness.way in ("http", "tcp"):
            self._run_check()
        return self

    def said_ready(self) -> None:
        """The service itself said so (sd_notify); counts where that is how its readiness is known."""
        if self._readiness.way == "notify":
            self._finish("")

    def extend(self, ms: int) -> None:
        """The service asked for more time: its limit is `ms` from now (EXTEND_TIMEOUT_USEC), an hour at most."""
        if self._limit is not None and self._answer is not None:
            self._limit.cancel()
            self._limit = self._system.loop.call_later(min(ms, _MOST_EXTENSION_MS), self._time_is_up)

    def cancel(self) -> None:
        """Look no more; nobody is told."""
        self._answer = None
        for timer in (self._timer, self._limit):
            if timer is not None:
                timer.cancel()
        execution, self._execution = self._execution, None
        if execution is not None:
            execution.cancel(_COMMAND_GRACE_MS, _nobody)

    def _look_for_file(self) -> None:
        path = self._place(self._readiness.target)
        if os.path.exists(path):
            self._finish("")
        else:
            self._last_problem = f"{path} is not there"
            self._timer = self._system.loop.call_later(self._readiness.interval_ms, self._look_for_file)

    def _run_command(self) -> None:
        order = Order(tuple(self._readiness.target), self._env, f"{self._name}.check", capture=True, quiet=True)
        self._execution = Execution(self._system, order, self._checked)
        self._execution.start()

    def _checked(self, result: Ran | TimedOut | CannotRun) -> None:
        self._execution = None
        if isinstance(result, Ran) and result.exit.ok:
            self._finish("")
            return
        if isinstance(result, Ran):
            said = result.output.strip().splitlines()
            self._last_problem = result.exit.words() + (f": {said[-1][:_LONGEST_WORDS]}" if said else "")
        elif isinstance(result, CannotRun):
            self._last_problem = result.words
        self._timer = self._system.loop.call_later(self._readiness.interval_ms, self._run_command)

    def _run_check(self) -> None:
        readiness = self._readiness
        interval = f"{readiness.interval_ms / 1000:g}"
        argv = (*check_command(), readiness.way, self._target(), "--interval-s", interval)
        order = Order(argv, self._env, f"{self._name}.check", capture=True, quiet=True)
        self._execution = Execution(self._system, order, self._asked)
        self._execution.start()

    def _target(self) -> str:
        target = str(self._readiness.target)
        return f"unix:{self._place(target.removeprefix('unix:'))}" if target.startswith("unix:") else target

    def _asked(self, result: Ran | TimedOut | CannotRun) -> None:
        self._execution = None
        if isinstance(result, Ran) and result.exit.ok:
            self._finish("")
            return
        words = result.words if isinstance(result, CannotRun) else result.output.strip()
        self._last_problem = words[:_LONGEST_WORDS] or "the check ended and did not say why"
        # It looks for itself until it is ready: one that ended otherwise could not run, which another may.
        self._timer = self._system.loop.call_later(max(self._readiness.interval_ms, 1_000), self._run_check)

    def _time_is_up(self) -> None:
        execution, self._execution = self._execution, None
        if execution is not None and self._readiness.way in ("http", "tcp"):
            # Its last word is why: it prints that when it is told to end.
            execution.conclude(_COMMAND_GRACE_MS, self._last_word)
            return
        if execution is not None:
            execution.cancel(_COMMAND_GRACE_MS, _nobody)
        self._give_up()

    def _last_word(self, output: str) -> None:
        lines = output.strip().splitlines()
        self._last_problem = lines[-1][:_LONGEST_WORDS] if lines else self._last_problem
        self._give_up()

    def _give_up(self) -> None:
        asked = self._readiness.way in ("http", "tcp")
        way = "" if asked and self._last_problem else f" ({self._readiness.words()})"
        because = f": {self._last_problem}" if self._last_problem else ""
        after_s = round((self._system.clock.mono_ms() - self._started_ms) / 1000, 1)
        self._finish(f"not ready after {after_s:g} s{way}{because}")

    def _finish(self, why_not: str) -> None:
        answer = self._answer
        self.cancel()
        if answer is not None:
            answer(why_not)


def _nobody() -> None:
    """Nobody waits for the end of a look that is not wanted any more."""
