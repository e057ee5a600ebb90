"""A PostgreSQL of a test's own that may be killed, frozen and started again on its data; passwords and TLS if wanted."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.services import SCRIPT
from tests.support.waiting import until


class OwnPostgres:
    """Made by scripts/services in a directory of its own. `ww` is its superuser, without a password; others need one."""

    def __init__(self, place: Path) -> None:
        environ = {**os.environ, "WW_SERVICES_DIR": str(place)}
        place.mkdir(mode=0o711)
        done = subprocess.run([SCRIPT, "up", "postgres"], env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"postgres: {done.stderr.strip()}")
        self.host, _, port = done.stdout.split()[1].partition(":")
        self.port = int(port)
        self.directory = place / "postgres"
        self.data = self.directory / "data"
        pid = int((self.directory / "pid").read_text().split()[0])
        self._command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        self._child: subprocess.Popen[bytes] | None = None
        """What `start` has started."""
        lines = ["local all all trust", "host all ww all trust", "host all all all scram-sha-256"]
        (self.data / "pg_hba.conf").write_text("\n".join(lines) + "\n")
        self.sql("SELECT pg_reload_conf()")

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """As the superuser."""
        return psycopg.connect(host=self.host, port=self.port, user="ww", dbname=database, autocommit=True)

    def sql(self, statement: str, database: str = "postgres") -> list[Any]:
        """The rows of one statement."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def signal(self, number: signal.Signals) -> None:
        """To the server and every process of it."""
        # Each of its processes has a session of its own.
        for pid in self._pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def kill(self) -> None:
        """As a power cut."""
        self.signal(signal.SIGKILL)
        until(lambda: not self._pids(), "the server is gone", 20)
        if self._child is not None:
            self._child.wait()

    def start(self) -> None:
        """On the data that is there."""
        # Its process may still be listed where nobody collects what has ended; after a power cut it would not.
        for lock in (self.data / "postmaster.pid", *self.directory.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)
        with (self.directory / "log").open("ab") as log:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
        until(self._answers, "the server answers", 30)

    def _answers(self) -> bool:
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _pids(self) -> list[int]:
        """The server, what it started, and the prefix that runs it."""
        marker = f"{self.data}".encode()
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    words = Path(f"/proc/{name}/cmdline").read_bytes()
                    parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
                    state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if state != "Z":
                    found.append((int(name), parent, marker in words))
        ours = {pid for pid, _, named in found if named and pid != os.getpid()}
        return sorted(ours | {pid for pid, parent, _ in found if parent in ours})
