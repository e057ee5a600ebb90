"""One hook as a task: its files in order, retries on exit 75, one outcome (decisions, "Hook contract v1")."""

from __future__ import annotations

import os

from ww.errors import EXIT_HOOK, EXIT_TRY_AGAIN
from ww.instance.execution import CannotRun, Execution, Order, Ran, TimedOut
from ww.lifecycle.model import Done, Failed
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.hooklimits import HookLimits
    from ww.instance.hookset import HookFile
    from ww.instance.system import System
    from ww.lifecycle.model import Outcome
    from ww.supervise.loop import Timer
    from ww.types import Callback

SAID_LINES, SAID_CHARACTERS = 3, 400
"""Of what a hook that failed printed last: what the reason has at most."""


class HookJob(Value):
    """What to run: hook `name`, its `files`, their `arguments` and `env`; `attempt` is the first WW_ATTEMPT."""

    __slots__ = ("name", "files", "arguments", "env", "attempt", "capture")

    def __init__(
        self,
        name: str,
        files: list[HookFile],
        arguments: tuple[str, ...],
        env: dict[str, str],
        attempt: int = 1,
        capture: bool = False,
    ) -> None:
        self.name = name
        self.files = files
        self.arguments = arguments
        self.env = env
        self.attempt = attempt
        self.capture = capture


class HookRun:
    """Runs a hook's files one after the other; the first that fails for good ends it.

    `outputs` holds what each file printed when it was captured; `took_ms` the time of all of them.
    """

    def __init__(self, system: System, job: HookJob, limits: HookLimits, done: Callable[[Outcome], None]) -> None:
        self._system = system
        self._job = job
        self._limits = limits
        self._done = done
        self._waiting = list(job.files)
        self._tries = 0
        self._execution: Execution | None = None
        self._timer: Timer | None = None
        self._cancelled = False
        self._started_ms = system.clock.mono_ms()
        self.outputs: list[str] = []
        self.took_ms = 0

    def start(self) -> HookRun:
        """Begin; a hook without files is done at once."""
        self._next_file()
        return self

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """End what runs; see `Task.cancel`."""
        self._cancelled = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._execution is None:
            gone()
        else:
            self._execution.cancel(grace_ms, gone)

    def _next_file(self) -> None:
        self._tries = 0
        if not self._waiting:
            self._finish(Done())
            return
        self._try()

    def _try(self) -> None:
        self._timer = None
        file = self._waiting[0]
        if file.problem:
            self._finish(Failed(EXIT_HOOK, file.problem, self._job.name))
            return
        self._tries += 1
        env = {**self._job.env, "WW_ATTEMPT": str(self._job.attempt + self._tries - 1)}
        order = Order(
            argv=(file.path, *self._job.arguments),
            env=env,
            source=self._source(file.path),
            limit_ms=self._limits.limit_ms,
            grace_ms=self._limits.grace_ms,
            capture=self._job.capture,
        )
        self._execution = Execution(self._system, order, self._ran)
        self._execution.start()

    def _source(self, path: str) -> str:
        base = os.path.basename(path)
        return self._job.name if base == self._job.name else f"{self._job.name}.d/{base}"

    def _ran(self, result: Ran | TimedOut | CannotRun) -> None:
        self._execution = None
        path = self._waiting[0].path
        if isinstance(result, Ran) and result.exit.ok:
            self.outputs.append(result.output)
            self._waiting.pop(0)
            self._next_file()
        elif isinstance(result, Ran) and result.exit.code == EXIT_TRY_AGAIN and self._tries <= self._limits.retries:
            self._retry(path)
        else:
            self._finish(self._failure(path, result))

    def _retry(self, path: str) -> None:
        delay = self._limits.retry_delay_ms << min(self._tries - 1, 10)
        self._system.voice.warn(
            f"{self._source(path)} asks to be tried again (exit code 75): "
            f"try {self._tries + 1} of {self._limits.retries + 1} in {delay / 1000:g} s"
        )
        self._timer = self._system.loop.call_later(delay, self._try)

    def _failure(self, path: str, result: Ran | TimedOut | CannotRun) -> Failed:
        name = self._source(path)
        if isinstance(result, CannotRun):
            return Failed(EXIT_HOOK, result.words, self._job.name, {"path": path})
        detail: dict[str, object] = {"path": path, "took_ms": result.took_ms, "last_lines": result.last_lines}
        if isinstance(result, TimedOut):
            words = f"{name} was still running after {self._limits.limit_ms / 1000:g} s and was ended"
            if result.left:
                words += f"; it left {', '.join(result.left)}, which even KILL does not end"
            return Failed(EXIT_HOOK, f"{words} ({self._limits.setting})", self._job.name, {**detail, "timed_out": True})
        detail |= {"exit_code": result.exit.code, "signal": result.exit.signal}
        words = f"{name} failed: {result.exit.words()}"
        if result.exit.code == EXIT_TRY_AGAIN and self._limits.retries:
            words += f", also after {self._limits.retries} retries"
        words += self._said(result.last_lines)
        return Failed(EXIT_HOOK, words, self._job.name, detail)

    def _said(self, lines: list[str]) -> str:
        """What it printed last, as far as it is short, without secrets: the reason goes where the log does not."""
        kept: list[str] = []
        room = SAID_CHARACTERS
        for line in reversed(lines[-SAID_LINES:]):
            text = self._system.voice.mask(line).strip()
            room -= len(text)
            if not text or room < 0:
                break
            kept.insert(0, text)
        return f": {'; '.join(kept)}" if kept else ""

    def _finish(self, outcome: Outcome) -> None:
        self.took_ms = self._system.clock.mono_ms() - self._started_ms
        # Never from inside start(): whoever starts a hook may not have stored it yet.
        self._system.loop.call_soon(lambda: None if self._cancelled else self._done(outcome))
