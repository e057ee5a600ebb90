"""What the http sink costs and how fast it is, in a process of its own beside a real receiver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ww
from tests.support.paths import REPO

EVENTS = 20_000
PROGRAM = """
import json, os, subprocess, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
receiver = subprocess.Popen([sys.executable, sys.argv[1]], stdout=subprocess.PIPE, text=True)
from ww.sinks.base import Accepted, Context, Item, Origin
from ww.sinks.http import TYPE
from tests.support.stopwatch import Stopwatch

EVENT = {"specversion": "1.0", "source": "/instances/web/i-1/boots/b", "type": "dev.whaleware.instance.health.v1",
         "subject": "i-1", "time": "2026-11-21T10:00:00.000Z", "data": {"healthy": True, "monitor": {"text": "x" * 200}}}

def resident_mb():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Rss:")) / 1024

def used_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

def row(first):
    events = [{**EVENT, "id": f"{seq:012d}", "sequence": f"{seq:012d}"} for seq in range(first, first + 500)]
    return [Item("b", int(one["id"]), "health", one, json.dumps(one).encode()) for one in events]

try:
    url = receiver.stdout.readline().strip()
    before = resident_mb()
    sink = TYPE.make({"url": url}, Context("out", Origin("web", "i-1", "b"), str, print, print))
    computed_s, passed_s = -used_s(receiver.pid), 0.0
    for first in range(1, int(sys.argv[2]) + 1, 500):
        batch = row(first)
        started = time.process_time()
        with Stopwatch() as call:
            answers = sink.deliver(batch, time.monotonic() + 10)
        computed_s += time.process_time() - started
        passed_s += call.seconds
        assert answers == [Accepted()] * 500, answers[0]
    computed_s += used_s(receiver.pid)
    rates = [round(int(sys.argv[2]) / took_s) for took_s in (computed_s, passed_s)]
    after = resident_mb()
    assert "charset_normalizer" not in sys.modules
    import charset_normalizer
    print(json.dumps({"events_per_s": rates, "before_mb": before, "after_mb": after}))
finally:
    receiver.kill()
    receiver.wait()
"""


@pytest.mark.rule("D-sink-http-speed", "D-sink-http-footprint")
def test_ten_thousand_events_a_second_leave_one_core_in_little_memory(
    record_property: Callable[[str, object], None],
) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{Path(ww.__file__).parent.parent}:{REPO}"}
    argv = [sys.executable, "-P", "-c", PROGRAM, str(REPO / "tests" / "support" / "receiver.py"), str(EVENTS)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    of_computing, of_waiting = figures["events_per_s"]
    record_property("http: events a second, with the receiver on the same core", of_computing)
    record_property("http: MB resident, reporter's own code left out", round(figures["after_mb"], 1))
    assert of_computing >= 10_000
    assert of_waiting >= 10_000
    assert figures["after_mb"] <= 31
    assert figures["after_mb"] - figures["before_mb"] <= 17
