"""A home directory of an instance, made of small shell hooks, and a real `ww run` on it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

from tests.support.linefiles import whole_lines
from tests.support.waiting import until
from ww.events.spool import read_journal

PATIENCE_S = float(os.environ.get("WW_TEST_PATIENCE_S", "20"))
"""How long anything may take; the tests that run this suite on defects have less of it."""
LOG_PIPE_BYTES = 1 << 20
PLAIN_STATE = re.compile(r" ww \| state (\w+)")
WW = [sys.executable, "-P", "-m", "ww"]


class Home:
    """The directory that `--root` gets. Every hook notes its name in `calls`, then does what the test wrote."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.calls_file = root / "calls"
        self.started: list[Instance] = []
        for name in ("ww/usr", "ww/etc", "ww/files", "data", "backup", "run"):
            (root / name).mkdir(parents=True, exist_ok=True)
        self.config: dict[str, object] = {"ww": {"log": {"format": "json", "level": "debug"}}}
        self.calls_file.touch()

    def hook(self, name: str, body: str = "", shebang: str = "#!/bin/sh", note: bool = True) -> pathlib.Path:
        """Write hook `name`; `body` runs after the call was noted as `NAME ARGUMENTS`."""
        path = self.root / "ww/usr" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            shebang,
            f'if [ $# -gt 0 ]; then echo "{name} $*"; else echo "{name}"; fi >> {self.calls_file}' if note else "",
            body,
        ]
        # An instance may run it at any moment: it never finds half of it, nor one that is open for writing.
        new = self.root / "hook.new"
        new.write_text("\n".join(line for line in lines if line) + "\n")
        new.chmod(0o755)
        new.replace(path)
        return path

    def service(self, name: str, body: str = "exec sleep 300", *, check: str = "", **fields: object) -> Home:
        """Write `services/NAME/run` (each life notes `run NAME`), with `ww.services.NAME` where fields are given."""
        self.hook(f"services/{name}/run", f"echo run {name} >> {self.calls_file}\n{body}", note=False)
        if check:
            self.hook(f"services/{name}/check", check, note=False)
        if fields:
            services = dict(self.config["ww"].get("services", {}))  # type: ignore[attr-defined]
            self.settings(services={**services, name: fields})
        return self

    def events(self) -> list[dict[str, object]]:
        """The data of every state event that was journalled, in order, over all boots."""
        return [event.data for event in read_journal(str(self.root / "data/.ww/journal")) if event.kind == "state"]

    def status(self) -> dict[str, Any]:
        """`ww status --json`."""
        done = self.ww("status", "--json")
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def hooks(self, *names: str) -> Home:
        """Write several hooks that only note their call."""
        for name in names:
            self.hook(name)
        return self

    def all_hooks(self) -> Home:
        """The nine of the original; monitor prints health."""
        self.hooks("boot", "firstboot", "upgrade", "svcup", "warmup", "svcdown", "lifecycle", "pushstats")
        self.hook("monitor", "echo '{\"mem\": 128}'")
        return self

    def settings(self, **sections: object) -> Home:
        """Set `ww.SECTION` of the default configuration."""
        ww = dict(self.config.get("ww", {}))  # type: ignore[call-overload]
        for name, value in sections.items():
            if isinstance(value, dict) and isinstance(ww.get(name), dict):
                ww[name] = {**ww[name], **value}
            else:
                ww[name] = value
        self.config["ww"] = ww
        return self

    def calls(self) -> list[str]:
        """Every call so far; a line that is being written is none yet."""
        return whole_lines(self.calls_file)

    def write_config(self) -> None:
        new = self.root / "default_cfg.new"
        new.write_text(json.dumps(self.config))
        new.replace(self.root / "ww/etc/default_cfg.json")

    def start(
        self,
        *arguments: str,
        env: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        command: Sequence[str] | None = None,
    ) -> Instance:
        """Start `ww run --root`, under `prefix` (unshare …) if given."""
        self.write_config()
        run = [*(command if command is not None else [*WW, "run"]), "--root", str(self.root), *arguments]
        instance = Instance(self, [*prefix, *run], env or {})
        self.started.append(instance)
        return instance

    def end(self) -> None:
        """What a test's clean-up does: whatever was started here and runs on is killed."""
        for instance in self.started:
            instance.kill()
        for pid in self.left_behind():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def left_behind(self) -> list[int]:
        """What a killed `ww run` leaves outside a PID namespace: processes that carry this home in their environment."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"WW_ROOT={self.root}".encode() in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found

    def run_to_end(self, *arguments: str, env: dict[str, str] | None = None) -> Instance:
        instance = self.start(*arguments, env=env)
        instance.wait()
        return instance

    def ww(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run another `ww` command on this home."""
        full = {**os.environ, "WW_ROOT": str(self.root), **(env or {})}
        return subprocess.run([*WW, *arguments], capture_output=True, text=True, env=full, check=False, timeout=30)

    def exit_record(self) -> dict[str, object]:
        record: dict[str, object] = json.loads((self.root / "run/exit.json").read_text())
        return record

    def wipe_data(self) -> None:
        shutil.rmtree(self.root / "data")
        (self.root / "data").mkdir()


class Instance:
    """A running `ww run`, read through its log."""

    def __init__(self, home: Home, argv: Sequence[str], env: dict[str, str]) -> None:
        self.home = home
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CFG", "WW_"))}
        kept = {k: v for k, v in os.environ.items() if k == "WW_TEST_TREE"}
        self.process = subprocess.Popen(
            list(argv),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**clean, **kept, **env},
            stdin=subprocess.DEVNULL,
            bufsize=0,
        )
        assert self.process.stdout is not None
        self._log = self.process.stdout.fileno()
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._log, fcntl.F_SETPIPE_SZ, LOG_PIPE_BYTES)
        self._is_open = True
        self._pieces: list[bytes] = []
        self._begun = b""
        """A line whose end has not come."""
        self._lines: list[dict[str, object]] = []
        self._states: list[str] = []
        self._taking = threading.Lock()
        """Held for no longer than one read of the pipe takes."""
        self._parsing = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Takes and does no more: whoever reads too slowly makes `ww run` wait for a second and then leave lines out."""
        poll = select.poll()
        poll.register(self._log, select.POLLIN)
        while self._is_open:
            poll.poll()
            with self._taking:
                self._take()

    def _take(self) -> None:
        """What lies in the pipe, which holds no more than one read takes."""
        poll = select.poll()
        poll.register(self._log, select.POLLIN)
        if self._is_open and poll.poll(0):
            more = os.read(self._log, LOG_PIPE_BYTES)
            self._is_open = bool(more)
            self._pieces.append(more)

    def _look(self) -> None:
        """All that was logged before now, parsed."""
        with self._parsing:
            with self._taking:
                self._take()
                pieces, self._pieces = self._pieces, []
                is_over = not self._is_open
            *whole, self._begun = b"".join((self._begun, *pieces)).split(b"\n")
            for line in whole:
                self._note(line)
            if is_over and self._begun:
                self._note(self._begun)
                self._begun = b""

    def _note(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace")
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        parsed = value if isinstance(value, dict) else {"message": line}
        plain = PLAIN_STATE.search(line) if value is None else None
        if plain or "state" in parsed:
            self._states.append(plain[1] if plain else str(parsed["state"]))
        self._lines.append(parsed)

    def lines(self) -> list[dict[str, object]]:
        """All that was logged before this was asked, as objects; a line that is not JSON is `{"message": line}`."""
        self._look()
        return list(self._lines)

    def states(self) -> list[str]:
        """The states declared so far; before the configuration is compiled the log is plain text."""
        self._look()
        return list(self._states)

    def messages(self) -> str:
        return "\n".join(str(line.get("message", "")) for line in self.lines())

    def wait_state(self, state: str, count: int = 1, within_s: float = PATIENCE_S) -> Instance:
        """Wait until `state` was entered `count` times."""
        until(lambda: self.states().count(state) >= count or self.ended(), f"{state} in {self.states()}", within_s)
        assert self.states().count(state) >= count, f"ended with {self.process.returncode}:\n{self.messages()}"
        return self

    def wait_message(self, text: str, within_s: float = PATIENCE_S) -> Instance:
        until(lambda: text in self.messages() or self.ended(), f"{text!r} in the log", within_s)
        assert text in self.messages(), self.messages()
        return self

    def ended(self) -> bool:
        return self.process.poll() is not None and not self._reader.is_alive()

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def stop(self, within_s: float = PATIENCE_S) -> int:
        """TERM, wait, and the exit code."""
        self.signal()
        return self.wait(within_s)

    def wait(self, within_s: float = PATIENCE_S) -> int:
        code = self.process.wait(within_s)
        self._close()
        return code

    def _close(self) -> None:
        self._reader.join(5)
        if self.process.stdout is not None and not self._reader.is_alive():
            self.process.stdout.close()

    def kill(self) -> None:
        """What a test's clean-up does; never part of what is tested."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._close()
