"""A receiver of events for the demo: the twenty lines of docs/sinks/http.md as they stand there, in a process of its own."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sinks" / "http.md"
PATIENCE_S = 20.0


class ReceiverError(Exception):
    """It did not start, or does not have what it must have."""


class Receiver:
    """Keeps what it is sent in `place`/events.db, over any number of lives on one port."""

    def __init__(self, place: Path, port: int) -> None:
        self.database = place / "events.db"
        self.log = place / "receiver.log"
        self._place = place
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it takes events."""
        return f"http://127.0.0.1:{self._port}/v1/events"

    @property
    def pid(self) -> int:
        """Of its present life."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Begin a life; it listens when this returns. Raises ReceiverError."""
        self._place.mkdir(exist_ok=True)
        (self._place / "receiver.py").write_text(program())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "receiver.py", str(self._port)],
                cwd=self._place,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > until:
                raise ReceiverError(f"the receiver does not listen; it said: {self.log.read_text()[-400:]}")
            time.sleep(0.01)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def events(self) -> list[dict[str, object]]:
        """Everything that is stored, in the order of arrival."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as store:
            rows = store.execute("SELECT event FROM events ORDER BY rowid").fetchall()
        return [json.loads(text) for (text,) in rows]

    def states(self) -> list[str]:
        """The states among them."""
        found = [event["data"] for event in self.events() if ".notice." not in str(event["type"])]
        return [str(data["state"]) for data in found if isinstance(data, dict) and "state" in data]

    def until_states(self, wanted: list[str]) -> None:
        """Wait until the states that arrived are these, in this order. Raises ReceiverError."""
        until = time.monotonic() + PATIENCE_S
        while (states := self.states()) != wanted:
            if time.monotonic() > until:
                raise ReceiverError(f"the receiver has {' '.join(states) or 'nothing'}, not {' '.join(wanted)}")
            time.sleep(0.05)

    def whole(self) -> int:
        """How many events there are, if none is missing and each boot's came in order. Raises ReceiverError."""
        last: dict[str, int] = {}
        events = self.events()
        for event in events:
            source, number = str(event["source"]), int(str(event["id"]))
            if number != last.get(source, 0) + 1:
                raise ReceiverError(f"event {number} of {source} came after {last.get(source, 0)}")
            last[source] = number
        return len(events)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def program() -> str:
    """The receiver on the page of the sink."""
    found = re.search(r"^## A receiver$.*?^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    if found is None:
        raise ReceiverError(f"{PAGE} has no receiver")
    return found[1]


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
