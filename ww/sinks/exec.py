"""The sink `exec`: a program of the author's, started for each batch, with one event per line on its standard input."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from ww.config.sinktypes import own_schema
from ww.errors import EXIT_TRY_AGAIN
from ww.sinks.base import Accepted, Guarantee, Rejected, RetryAfter, Sink, SinkType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.sinks.base import Answer, Context, Item
    from ww.types import Json

EXIT_REJECTED = 65
"""EX_DATAERR: the program will never take what it was given."""
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_GRACE_SHARE = 0.1
"""Of its time limit that a program has between TERM and KILL."""
_SHORTEST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.02


class Exec(Sink):
    """Runs `command` (program and arguments) in `cwd`; what it prints goes to the container log."""

    def __init__(self, command: Sequence[str], cwd: str, env: Mapping[str, Json], context: Context) -> None:
        self._command = list(command)
        self._cwd = cwd
        # Raises ValueError for a path that leads out of the root.
        context.place(self._command[0])
        context.place(cwd)
        self._env = env
        self._context = context

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """One run for the batch; its exit code is the answer for every event of it."""
        env = self._environment()
        try:
            code, late = self._run(b"".join(item.text + b"\n" for item in batch), env, deadline)
        except OSError as error:
            return [RetryAfter(reason=f"cannot start {self._command[0]}: {error.strerror}")] * len(batch)
        if late:
            answer: Answer = RetryAfter(reason=f"{self._command[0]} took longer than its time")
        elif code == 0:
            answer = Accepted()
        elif code == EXIT_REJECTED and len(batch) == 1:
            answer = Rejected(f"{self._command[0]} ended with {EXIT_REJECTED}")
        elif code == EXIT_REJECTED:
            # Which one it was the engine finds out: such a batch is halved until one event is alone.
            answer = RetryAfter(reason=f"{self._command[0]} ended with {EXIT_REJECTED}", too_large=True)
        elif code == EXIT_TRY_AGAIN:
            answer = RetryAfter(reason=f"{self._command[0]} ended with {EXIT_TRY_AGAIN}, try again")
        else:
            answer = RetryAfter(reason=f"{self._command[0]} {_ended(code)}")
        return [answer] * len(batch)

    def reach(self, deadline: float) -> str:  # noqa: ARG002
        """Whether the program is there and may be executed."""
        path = self._environment().get("PATH", os.defpath)
        program = (
            os.path.join(self._placed(self._cwd), self._program()) if "/" in self._command[0] else self._command[0]
        )
        if not os.path.isdir(self._placed(self._cwd)):
            return f"there is no directory {self._cwd} (cwd)"
        return (
            "" if shutil.which(program, path=path) else f"there is no program {self._command[0]} that can be executed"
        )

    def _program(self) -> str:
        return self._placed(self._command[0])

    def _placed(self, path: str) -> str:
        """An absolute path below the root of the instance where there is one, else on the machine, as /bin/sh is."""
        if not path.startswith("/"):
            return path
        below = self._context.place(path)
        return below if os.path.exists(below) else path

    def _run(self, text: bytes, env: Mapping[str, str], deadline: float) -> tuple[int, bool]:
        """Its exit code, and whether it was ended because of the deadline. Raises OSError."""
        with open(os.memfd_create("events", os.MFD_CLOEXEC), "w+b") as given:
            given.write(text)
            given.seek(0)
            process = subprocess.Popen(
                [self._program(), *self._command[1:]],
                stdin=given,
                stdout=sys.__stderr__,
                stderr=sys.__stderr__,
                cwd=self._placed(self._cwd),
                env=env,
                start_new_session=True,
            )
        left = max(0.0, deadline - time.monotonic())
        late = not _ended_within(process.pid, left * (1 - _GRACE_SHARE))
        if late:
            _signal_group(process.pid, signal.SIGTERM)
            _ended_within(process.pid, left * _GRACE_SHARE / 2)
        # Whatever it has started ends with it, or deliveries would leave processes behind; it is not reaped before, so
        # that the group is its own for certain.
        _signal_group(process.pid, signal.SIGKILL)
        return process.wait(), late

    def _environment(self) -> dict[str, str]:
        """Few variables: those of the reporter may hold secrets that are none of the program's business."""
        origin = self._context.origin
        env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        env |= {
            "WW_SINK": self._context.name,
            "WW_SERVICE": origin.service,
            "WW_INSTANCE": origin.instance,
            "WW_BOOT": origin.boot,
            "WW_RUN": origin.run,
            "WW_ROOT": self._context.place("/").rstrip("/"),
        }
        return env | {name: self._context.secret(value) for name, value in self._env.items()}


def _ended_within(pid: int, seconds: float) -> bool:
    """Whether a child has ended by then; it is left to be reaped."""
    until = time.monotonic() + seconds
    pause_s = _SHORTEST_PAUSE_S
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause_s, left))
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
    return True


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left in it


def _ended(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with {code}"


def make(settings: Mapping[str, Json], context: Context) -> Sink:
    """The sink of a program."""
    command, env = settings["command"], settings["env"]
    if not isinstance(command, list) or not isinstance(env, dict):
        raise ValueError("command is a list, and env an object")  # noqa: TRY004 - what make raises for bad settings
    return Exec([str(part) for part in command], str(settings["cwd"]), env, context)


TYPE = SinkType(
    name="exec",
    guarantee=Guarantee.AT_LEAST_ONCE,
    schema=own_schema("exec"),
    make=make,
    summary="a program of your own, started for each batch",
)
