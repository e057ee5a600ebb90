"""Plugins that never come back, end the interpreter or raise what nobody expects: no other sink knows of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.items import items
from tests.support.paths import REPO
from tests.support.sinktwins import Scripted
from ww.config.sinktypes import Unusable
from ww.sinks.base import Accepted, RetryAfter
from ww.sinks.late import LateSink

MODULE = """
import asyncio, os, sys, threading, time
from ww.sinks.base import Guarantee, Sink, SinkType

class Harm(Sink):
    def __init__(self, harm):
        self.harm = harm
    def deliver(self, batch, deadline):
        self.harm()
        return []

def hang(settings, context):
    time.sleep(300)

def cancelled():
    raise asyncio.CancelledError

def threads():
    for _ in range(20):
        threading.Thread(target=time.sleep, args=(300,)).start()

def of(name, make):
    return SinkType(name, Guarantee.AT_LEAST_ONCE, {"properties": {}}, make, name)

hangs = of("hangs", hang)
exits = of("exits", lambda *_: sys.exit(3))
nothing = of("nothing", lambda *_: None)
cancels = of("cancels", lambda *_: Harm(cancelled))
leaves = of("leaves", lambda *_: Harm(threads))
"""
NAMES = ("hangs", "exits", "nothing", "cancels", "leaves")


SCRIPT = """
import json, os, sys, time
from tests.support.sinktwins import PRESENT, Bookmarks, Journal
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.home.layout import Layout
from ww.sinks.base import Origin
from ww.sinks.delivery.thread import flush_all
from ww.sinks.setup import Surroundings, set_up

root, names = sys.argv[1], sys.argv[2:]
journal, said = Journal(), []
journal.add(5)
around = Surroundings(Origin("web", "web-1", PRESENT.boot), PRESENT, Layout(root), os.environ, None, journal.reader,
                      Bookmarks(), lambda level, words: said.append(words), str, lambda gap: None, lambda *news: None)
with Stopwatch() as setting_up:
    made = {name: set_up(name, {"type": name, "timeout_s": 1}, around) for name in names}
    made["out"] = set_up("out", {"type": "file", "path": "/events.ndjson"}, around)
assert setting_up.seconds < 5
for delivery in made.values():
    delivery.start()
with Stopwatch() as good:
    until(lambda: made["out"].stats()["delivered"] == 5, "the good one", 10)
assert good.seconds < 5
until(lambda: made["hangs"].stats()["state"] == "stuck", "the one that hangs", 10)
until(lambda: made["cancels"].stats()["faults"] > 1, "a second try", 10)
with Stopwatch() as words:
    until(lambda: made["exits"].stats()["last_error"] and made["nothing"].stats()["last_error"], "words", 10)
assert words.seconds < 5
journal.add(1)
with Stopwatch() as end:
    flush_all(made.values(), time.monotonic() + 2)
    for name in ("out", "exits", "nothing", "cancels"):
        assert made[name].stop(time.monotonic() + 1), name
assert end.seconds < 4
print(json.dumps({name: one.stats() for name, one in made.items()}), flush=True)
os._exit(0)
"""


@pytest.mark.rule("D-delivery-threads")
def test_a_plugin_that_harms_costs_the_others_nothing(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    (packages / "harm-1.dist-info").mkdir(parents=True)
    (packages / "harm.py").write_text(MODULE)
    (packages / "harm-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: harm\nVersion: 1\n")
    points = "".join(f"{name} = harm:{name}\n" for name in NAMES)
    (packages / "harm-1.dist-info/entry_points.txt").write_text(f"[ww.sinks]\n{points}")
    environ = {**os.environ, "PYTHONPATH": f"{packages}:{REPO}"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), *NAMES]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    stats = json.loads(done.stdout)
    assert stats["out"]["delivered"] == 6
    assert stats["exits"]["last_error"] == "ww.sinks.exits: the sink cannot be made: SystemExit: 3"
    assert stats["nothing"]["last_error"] == "ww.sinks.nothing: the sink cannot be made: it is no Sink but a NoneType"
    assert len((tmp_path / "events.ndjson").read_text().splitlines()) == 6


@pytest.mark.rule("D-delivery-threads")
def test_a_plugin_is_made_at_its_first_call_and_again_where_it_could_not_be() -> None:
    made = [Unusable("ww.sinks.x: not there yet"), Scripted()]
    sink = LateSink(lambda: made.pop(0))
    sink.idle(time.monotonic() + 1)
    assert sink.idle_s is None
    assert len(made) == 2
    assert sink.deliver(items(1, 1), time.monotonic() + 1) == [RetryAfter(60.0, "ww.sinks.x: not there yet")]
    assert sink.deliver(items(1, 1), time.monotonic() + 1) == [Accepted()]
    assert sink.reach(time.monotonic() + 1) == ""
