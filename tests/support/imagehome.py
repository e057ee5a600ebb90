"""A home made of one of the real images: its tree below `--root`, with the real server of this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.paths import REPO
from tests.support.running import Running
from tests.support.waiting import until

WW = [sys.executable, "-P", "-m", "ww"]
LONG_S = 60.0
"""For what a log is to say: a real server makes its data in seconds where nothing else is to be done."""


class ImageHome:
    """`images/NAME/ww` below a directory that users of services can enter, which pytest's own are not."""

    def __init__(self, image: str, source: Path | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="ww-", dir="/tmp"))
        self.root.chmod(0o755)
        self.image = image
        self.data = self.root / "data"
        self.backup = self.root / "backup"
        self._runs: list[Running] = []
        shutil.copytree(source or REPO / "images" / image / "ww", self.root / "ww")
        for name in ("data", "backup", "run"):
            (self.root / name).mkdir()
        self.config: dict[str, Any] = {"ww": {"log": {"format": "json"}}}

    def secret(self, name: str, text: str) -> dict[str, str]:
        """Put a secret where secrets are, readable by us alone; the reference to it."""
        path = self.root / "run/secrets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n")
        path.chmod(0o600)
        return {"$secret": name}

    def start(self, *, prefix: tuple[str, ...] = (), **changes: Any) -> Running:
        """`ww run` with `config` and `changes` as CFG."""
        log = self.root / f"log-{len(self._runs)}"
        environ = {"CFG": json.dumps({**self.config, **changes})}
        environ |= {name: value for name, value in os.environ.items() if name == "WW_TEST_TREE"}
        running = Running([*prefix, *WW, "run", "--root", str(self.root)], log, environ, LONG_S)
        self._runs.append(running)
        return running

    def up(self, **changes: Any) -> Running:
        """As `start`, and UP."""
        return self.start(**changes).until_state("UP")

    def ww(self, *arguments: str, code: int = 0) -> str:
        """The output of another command of ww on this home, which ends with `code`."""
        environ = {**os.environ, "WW_ROOT": str(self.root)}
        done = subprocess.run(
            [*WW, *arguments], capture_output=True, text=True, env=environ, check=False, timeout=60, cwd="/"
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def health(self) -> dict[str, Any]:
        """What the monitor hook printed last; it runs first when the instance is UP, which is waited for."""
        found = until(lambda: json.loads(self.ww("status", "--json"))["health"], "the first health", LONG_S)
        monitor: dict[str, Any] = found["monitor"]
        return monitor

    def pid(self, service: str) -> int:
        """The process of a service."""
        rows = json.loads(self.ww("status", "--json"))["services"]
        return next(int(row["pid"]) for row in rows if row["name"] == service)

    def kill(self, running: Running) -> None:
        """What a machine that loses its power does: everything of this home is gone at once, `ww run` first."""
        running.signal(signal.SIGKILL)
        running.wait()
        killed = self._kill_all()
        # Whoever adopted them is to reap them: a server takes the number of one that was not for a living one.
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in killed), "nobody is left", 30)

    def end(self) -> None:
        """The test is over."""
        for running in self._runs:
            running.__exit__()
        self._kill_all()
        shutil.rmtree(self.root)

    def _kill_all(self) -> set[int]:
        """Until nobody of this home is left who could write; who was killed."""
        killed: set[int] = set()
        while left := self.processes():
            killed |= set(left)
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        return killed

    def processes(self) -> list[int]:
        """All that belong to this home."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                # Servers that write their own title over their environment are told by their directory.
                ours = f"WW_ROOT={self.root}".encode() in (path / "environ").read_bytes().split(b"\0")
                if ours or os.readlink(path / "cwd").startswith(f"{self.root}/"):
                    found.append(int(path.name))
            except OSError:
                continue
        return found


def listening_ports(pid: int) -> set[int]:
    """The TCP ports that a process listens on."""
    sockets = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            sockets.add(os.readlink(link))
    except FileNotFoundError:
        pass  # it ended, or closed it, while we looked
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


def schema_keys(schema: dict[str, Any], path: str = "") -> set[str]:
    """Every key that the schema of an image has, but ww's own: `warm.queries`, `roles.NAME.login`."""
    found = set()
    for name, child in schema.get("properties", {}).items():
        if path or name != "ww":
            key = f"{path}.{name}" if path else name
            found |= {key} | schema_keys(child, key)
    members = schema.get("additionalProperties")
    if isinstance(members, dict):
        found |= schema_keys(members, f"{path}.NAME")
    return found


def table_keys(readme: str) -> set[str]:
    """The keys in the first column of the table of settings of a README."""
    section = readme.partition("\n## Settings\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([A-Za-z0-9_.]+)` \|", section, re.MULTILINE))
