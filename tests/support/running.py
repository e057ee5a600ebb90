"""A real `ww run` under test: started, followed by its JSON log, asked, stopped, and never left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PATIENCE_S = 20.0
"""A machine under full load needs seconds for what takes milliseconds; nothing waits this long that works."""


class Running:
    """One instance whose log goes to the file `log`, where anything may take `patience_s`; use it as a context."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._log = log
        self._patience_s = patience_s
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("CFG", "WW_"))}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env={**clean, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        """The process that gets the signals; a namespace's own first process is a child of the one started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def lines(self) -> list[dict[str, Any]]:
        """What was logged so far; before the configuration is known, the log is plain."""
        return [_record(line) for line in self._log.read_text("utf-8", "replace").splitlines()]

    def states(self) -> list[str]:
        """The states that were declared so far, in order."""
        return [line["state"] for line in self.lines() if line.get("source") == "ww" and line.get("state")]

    def said(self, source: str) -> list[str]:
        """What one hook has printed so far."""
        return [str(line["message"]) for line in self.lines() if line.get("source") == source]

    def until(self, condition: Callable[[Running], object], what: str) -> Self:
        """Wait until `condition` holds; fails with the log if it does not, or if the instance has ended before."""
        deadline = time.monotonic() + self._patience_s
        while not condition(self):
            over = self._process.poll() is not None
            if (over and not condition(self)) or time.monotonic() > deadline:
                log = self._log.read_text("utf-8", "replace")[-6000:]
                raise AssertionError(f"{what} did not come; exit code {self._process.poll()}; log:\n{log}")
            time.sleep(0.02)
        return self

    def until_state(self, name: str, times: int = 1) -> Self:
        """Wait until the state `name` was declared `times` times."""
        return self.until(lambda running: running.states().count(name) >= times, f"state {name}, {times} times,")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the instance itself."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def stop(self) -> int:
        """TERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """The exit code; 128+n for a signal, as a shell has it."""
        code = self._process.wait(PATIENCE_S)
        return code if code >= 0 else 128 - code


class RunningInside(Running):
    """An instance that is PID 1 of a namespace: what was started waits outside of it."""

    def find_first_process(self) -> RunningInside:
        """Learn the pid, as seen from here, of the namespace's PID 1."""
        children = f"/proc/{self._process.pid}/task/{self._process.pid}/children"

        def found(_running: Running) -> bool:
            with open(children) as file:
                pids = file.read().split()
            if pids:
                self.pid = int(pids[0])
            return bool(pids)

        self.until(found, "PID 1 of the namespace")
        return self

    def outside(self, pid: int) -> int:
        """The pid, as seen from here, of the process that has `pid` inside the namespace."""
        namespace = os.readlink(f"/proc/{self.pid}/ns/pid")
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/status") as file:
                    numbers = next(line for line in file if line.startswith("NSpid:")).split()
                if int(numbers[-1]) == pid and os.readlink(f"/proc/{name}/ns/pid") == namespace:
                    return int(name)
            except (OSError, StopIteration):
                continue
        raise AssertionError(f"there is no process {pid} in the namespace of {self.pid}")


def ww_command() -> str:
    """The installed command: the one beside the Python that runs the tests, else the one on the PATH."""
    beside = os.path.dirname(sys.executable)
    command = shutil.which("ww", path=f"{beside}:{os.environ.get('PATH', '')}")
    assert command, "the command ww is not installed"
    return command


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        head, bar, text = line.partition(" | ")
        source = head.rpartition(" ")[2] if bar else ""
        state = text.split()[1] if source == "ww" and text.startswith("state ") else ""
        return {"source": source, "message": text or line, "state": state}
    return record if isinstance(record, dict) else {"message": line}
