"""A scripted life of an instance with a clock that stands still and ids that are known: the events of docs/events.md.

The records are written by the Recorder and the Journal that PID 1 uses, read by the reporter's reader, and made into
CloudEvents by its wire; only what is recorded is the script's.
"""

from __future__ import annotations

from typing import Any

from tests.support.twinservices import Silent
from ww.clock import FakeClock
from ww.events.declaring import gap_of
from ww.events.journal import Journal
from ww.events.spool import Reader
from ww.events.wire import Boot, Wired
from ww.instance.driver import Cause, Situation
from ww.instance.hookenv import Identity, Versions
from ww.instance.record import Lives, Origin, Recorder
from ww.lifecycle.model import State
from ww.lifecycle.policy import StopBudget
from ww.sinks.delivery.items import Items

FIRST = "0197c2d4a6f07c3e9b1f5d2e8c4a6b70"
SECOND = "5b8e1f0c3d7a42969c0d4e2f8a1b6c55"
VOLUME = "c4d1f0aa5e8b4b0f9a3e6d2c1b7f8e90"
START_MS = 1_795_600_800_000


class Life:
    """One boot, second by second."""

    def __init__(self, directory: str, boot_no: int, boot: str, wall_ms: int, versions: Versions) -> None:
        self.clock = FakeClock(mono=1_000, wall=wall_ms)
        self.journal = Journal(directory, boot_no, boot, self.clock, 16 << 20, 0)
        voice: Any = Silent()
        self.recorder = Recorder(self.clock, voice, lambda: self.journal, lambda value: value)
        self.origin = Origin(
            Identity("shop", "shop-7f3a", boot),
            Lives("node-3", VOLUME, boot_no),
            versions,
            {"zone": "a"},
        )
        self.at = Situation(self.clock.mono_ms())

    def enter(self, state: State, after_ms: int, cause: Cause | None = None, **hooks_ms: int) -> None:
        self.clock.advance(after_ms)
        now = self.clock.mono_ms()
        self.at.previous, self.at.previous_ms = self.at.state, now - self.at.entered_ms
        self.at.state, self.at.entered_ms, self.at.cause = state, now, cause
        self.recorder.state(self.at, self.origin, hooks_ms, None)


def live(directory: str) -> None:
    """Two boots of one volume: a first boot to a clean stop, then an upgrade that ends in ERROR."""
    _first(directory)
    _second(directory)


def _first(directory: str) -> None:
    life = Life(directory, 1, FIRST, START_MS, Versions("", "2.4.0"))
    life.enter(State.BOOT, 180)
    life.enter(State.FIRSTBOOT, 412, boot=397)
    life.origin.versions = Versions("2.4.0", "2.4.0")
    life.enter(State.WARMUP, 31_900, firstboot=30_120, svcup=1_640)
    life.enter(State.UP, 2_204, warmup=2_190)
    life.clock.advance(30_000)
    life.recorder.health(
        {
            "healthy": True,
            "monitor": {"clients": 12, "queue": {"waiting": 3, "oldest_s": 0.25}},
            "ww": {"uptime_s": 64, "restarts": 0, "processes": 4},
            "interval_ms": 30_000,
        }
    )
    life.clock.advance(30_000)
    words = "hook monitor failed: exit code 1: no answer on port 8080"
    life.recorder.health(
        {
            "healthy": False,
            "monitor": {},
            "ww": {"uptime_s": 94, "restarts": 0, "processes": 4},
            "interval_ms": 30_000,
            "failure": words,
        }
    )
    life.at.restarts += 1
    life.enter(State.RESTARTING, 4, Cause(words, {"reason": "monitor", "hook": "monitor", "exit_code": 1}))
    life.enter(State.UP, 3_870, svcdown=1_200, svcup=1_650, warmup=990)
    life.clock.advance(600)
    reason = {"reason": "crashed", "service": "mailer", "restarts": 5, "exit_code": 1, "signal": 0}
    life.recorder.notice("service", "service mailer is given up: it ended 6 times within 600 s", reason)
    life.recorder.notice("maintenance", "maintenance is on: what fails is left as it is", {"on": True})
    life.recorder.notice("reload", "the configuration was read again", {"ok": True, "changed": ["log.level"]})
    slow = "/data/.ww/journal: one write took 412 ms"
    life.journal.append("journal", {"where": "fallback", "directory": "/run/ww/journal", "reason": slow})
    gap = gap_of("thinned", 1, FIRST, 5, 6)
    life.journal.append("gap", {**gap, "health": 1, "lifecycle": 0, "words": "health events were thinned"})
    life.at.budget = StopBudget(life.clock.mono_ms(), 9_000)
    life.enter(State.STOPPING, 5_000, Cause("TERM was received", {"reason": "signal", "signal": "TERM"}))
    life.enter(State.STOPPED, 1_310, life.at.cause, svcdown=1_290)
    life.journal.close()


def _second(directory: str) -> None:
    life = Life(directory, 2, SECOND, START_MS + 3_600_000, Versions("2.4.0", "2.5.0"))
    life.enter(State.BOOT, 150)
    life.enter(State.UPGRADING, 365, boot=351)
    life.recorder.internal_error("KeyError: 'state'", ["Traceback (most recent call last):", "KeyError: 'state'"])
    words = "hook upgrade failed: exit code 3"
    life.at.exit_code = 70
    life.at.budget = StopBudget(life.clock.mono_ms(), 9_000)
    cause = Cause(words, {"reason": "hook", "hook": "upgrade", "exit_code": 3}, exit_code=70)
    life.enter(State.ERROR, 9_020, cause, upgrade=9_004)
    life.journal.close()


def wired(directory: str) -> list[Wired]:
    """Every event of the two boots as it is sent, in order."""
    reader = Reader([directory])
    items = Items(Boot("shop", "shop-7f3a", SECOND), reader.fetch)
    found = [items.item(stored) for stored in reader.read(1_000, 1 << 20)]
    reader.close()
    return [Wired(item.kind, dict(item.event), item.text) for item in found]


def goldens(directory: str) -> dict[str, Wired]:
    """One event of each type, and one notice of each kind, by the name that docs/events.md gives it."""
    live(directory)
    chosen: dict[str, Wired] = {}
    for one in wired(directory):
        name = str(one.event["type"]).removeprefix("dev.whaleware.instance.").removesuffix(".v1")
        data: Any = one.event["data"]
        if name == "notice":
            name = f"notice: {data['about']}"
        elif name == "health" and not data["healthy"]:
            name = "health: failed"
        elif name == "boot" and name in chosen:
            continue
        chosen.setdefault(name, one)
    return chosen
