"""An instance that delivers to receivers, each of them killed at random, and an oracle of what must have arrived.

The oracle reads the journal's own files, which it keeps by links of its own, so that no retention takes them away.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.support.freeports import free_port
from tests.support.home import Home, Instance
from tests.support.linefiles import whole_lines
from tests.support.ownpostgres import OwnPostgres
from tests.support.paths import REPO
from tests.support.waiting import until
from ww.events.records import read_segment

Key = tuple[str, int]
"""Boot and sequence of an event."""
UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")
SOON = {"timeout_s": 2, "retry": {"first_s": 0.05, "max_s": 0.5}, "breaker": {"open_s": 0.3}}
"""What a receiver that comes back within a second is asked again by."""
PAUSE_S, OUTAGE_S = 1.4, 0.4
"""The longest time from one kill to the next; the longest that a receiver is away."""
WEIGHTS = {"reporter": 4, "container": 2, "http": 2, "elasticsearch": 2, "postgres": 1}
DATABASE = "events"
ROWS = "SELECT boot, seq FROM ww_events ORDER BY id"
LAST_WAIT_S, LAST_LIVES = 40.0, 3


class Program:
    """A receiver in a process of its own, which keeps its port and what it has stored."""

    def __init__(self, name: str, store: pathlib.Path) -> None:
        self.store = store
        self.url = ""
        self._port = free_port()
        self._program = str(REPO / "tests" / "support" / name)
        self.start()

    def start(self) -> None:
        """On the port that it had."""
        argv = [sys.executable, self._program, "--port", str(self._port), "--store", str(self.store)]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        assert self.url, f"{self._program} did not start"

    def kill(self) -> None:
        """kill -9, and wait for its end."""
        with self._process:
            self._process.kill()

    def lines(self) -> list[dict[str, Any]]:
        """What it has stored, in the order of arrival."""
        return [json.loads(line) for line in whole_lines(self.store)] if self.store.exists() else []


class Site:
    """One instance with sinks `http`, `elasticsearch`, `postgres` and `sqlite`; `kill_one` kills any of those that live."""

    def __init__(self, home: Home, place: pathlib.Path, server: OwnPostgres, chance: random.Random) -> None:
        self.home = home
        self.chance = chance
        self.kills: dict[str, int] = {}
        self._kept = place / "kept"
        self._kept.mkdir()
        self.hub = Program("receiver.py", place / "hub.ndjson")
        self.search = Program("bulkprogram.py", place / "search.ndjson")
        self.server = server
        server.sql(f"CREATE DATABASE {DATABASE}")
        home.service("main")
        home.hook("monitor", """echo '{"requests": 12, "queue": {"length": 3}}'""", note=False)
        sinks = {
            "hub": {"type": "http", "url": self.hub.url, **SOON},
            "search": {"type": "elasticsearch", "urls": [self.search.url], **SOON},
            "store": {"type": "postgres", "database": DATABASE, **whose(server), **SOON},
            "history": {"type": "sqlite", "path": "/events.sqlite", **SOON},
        }
        home.settings(sinks=sinks, monitor={"interval_s": 0.1})
        self.instance = self._boot()

    def _boot(self) -> Instance:
        instance = self.home.start(prefix=UNSHARE)
        until(lambda: first_process(instance) or instance.ended(), "PID 1 of the namespace", 20)
        return instance

    # Kills

    def kill_one(self) -> str:
        """At a random moment kill something that lives; what it was. Receivers come back after a moment."""
        time.sleep(self.chance.uniform(0, PAUSE_S))  # the moment is what is tried
        victims: dict[str, Callable[[], None]] = {
            "container": self._kill_container,
            "http": lambda: self._kill_receiver(self.hub),
            "elasticsearch": lambda: self._kill_receiver(self.search),
            "postgres": lambda: self._kill_receiver(self.server),
        }
        if reporter := self._reporter():
            victims["reporter"] = lambda: os.kill(reporter, signal.SIGKILL)
        names = sorted(victims)
        (who,) = self.chance.choices(names, [WEIGHTS[name] for name in names])
        try:
            victims[who]()
        except ProcessLookupError:
            return self.kill_one()
        self.kills[who] = self.kills.get(who, 0) + 1
        return who

    def _kill_container(self) -> None:
        self._signal(signal.SIGKILL)
        self.instance.wait()
        self.keep()
        self.instance = self._boot()

    def _signal(self, number: signal.Signals) -> None:
        first = first_process(self.instance)
        assert first, f"the instance has ended by itself: {self.instance.messages()}"
        os.kill(first, number)

    def _kill_receiver(self, receiver: Program | OwnPostgres) -> None:
        receiver.kill()
        time.sleep(self.chance.uniform(0, OUTAGE_S))  # an outage
        receiver.start()

    def _reporter(self) -> int:
        """Its pid as seen from here; 0 between two lives."""
        first = first_process(self.instance)
        for pid in children(first) if first else []:
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"_reporter" in words:
                return pid
        return 0

    # The oracle

    def keep(self) -> None:
        """Keep every segment that there is, whatever becomes of its name."""
        for path in (self.home.root / "data/.ww/journal").glob("*.j"):
            kept = self._kept / path.name
            if not kept.exists():
                os.link(path, kept)

    def journalled(self) -> list[Key]:
        """Every event that was ever written, by boot and sequence."""
        self.keep()
        found: dict[Key, int] = {}
        for path in sorted(self._kept.iterdir()):
            segment = read_segment(str(path))
            found |= {(segment.boot_id, event.seq): segment.boot_no for event in segment.events}
        return sorted(found, key=lambda key: (found[key], key[1]))

    def stored(self) -> dict[str, list[Key]]:
        """What each receiver holds, in the order of arrival, as often as it holds it."""
        search = [str(one["id"]).rpartition("-") for one in self.search.lines()]
        with contextlib.closing(sqlite3.connect(f"file:{self.home.root}/events.sqlite?mode=ro", uri=True)) as database:
            rows = database.execute(ROWS).fetchall()
        return {
            "http": [(str(one["source"]).rpartition("/")[2], int(one["id"])) for one in self.hub.lines()],
            "elasticsearch": [(boot, int(seq)) for boot, _, seq in search],
            "postgres": [(str(boot), int(seq)) for boot, seq in self.server.sql(ROWS, DATABASE)],
            "sqlite": [(str(boot), int(seq)) for boot, seq in rows],
        }

    def settle(self) -> None:
        """Until every receiver has what is written, then a stop in order, which delivers its own events too.

        What a busy machine leaves undone at a stop is done in the next life.
        """
        for _ in range(LAST_LIVES):
            self.instance.wait_state("UP", within_s=LAST_WAIT_S)
            until(self._all_have, "every receiver has what is written", LAST_WAIT_S)
            self._signal(signal.SIGTERM)
            assert self.instance.wait() == 0, self.instance.messages()
            if self._all_have():
                return
            self.instance = self._boot()

    def _all_have(self) -> bool:
        written = self.journalled()[-1]
        return all(keys[-1:] == [written] or written in keys for keys in self.stored().values())

    def end(self) -> None:
        """Leave nothing behind."""
        self.instance.kill()
        self.hub.kill()
        self.search.kill()


def whose(server: OwnPostgres) -> dict[str, Any]:
    """How its superuser, who has no password, comes in."""
    return {"host": server.host, "port": server.port, "user": "ww"}


def first_process(instance: Instance) -> int:
    """The pid, as seen from here, of the namespace's PID 1; 0 if there is none."""
    return next(iter(children(instance.process.pid)), 0)


def children(pid: int) -> list[int]:
    """Those of the first thread of `pid`."""
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def difference(wanted: list[Key], found: list[Key]) -> dict[str, list[Key]]:
    """What is lost, what is there twice, what nobody wrote, and what came behind a later one of its boot; {} if nothing."""
    seen: set[Key] = set()
    twice, late = [], []
    highest: dict[str, int] = {}
    for boot, seq in found:
        if (boot, seq) in seen:
            twice.append((boot, seq))
        elif seq < highest.get(boot, 0):
            late.append((boot, seq))
        seen.add((boot, seq))
        highest[boot] = max(seq, highest.get(boot, 0))
    faults = {
        "lost": [key for key in wanted if key not in seen],
        "twice": twice,
        "invented": sorted(seen - set(wanted)),
        "out of order": late,
    }
    return {name: keys for name, keys in faults.items() if keys}
