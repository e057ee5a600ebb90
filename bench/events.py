"""The rows of events: how fast they are written, synced and delivered, what their reporter weighs, what an outage costs.

All with the real parts of ww: PID 1 of a namespace with its reporter and the sink `http`, and a receiver in a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import ours, report
from bench.install import PLACE
from bench.lives import Late, Life, clean_environment
from bench.peers import Start, fresh
from bench.rows import Bench
from bench.samples import RESULTS, Sink

HERE = Path(__file__).parent
PYTHON = str(PLACE / "ww" / "bin" / "python")
OURS, TOLD, FLOOR, REQUESTS = "ww", report.TOLD, "Python's floor", "Python's floor, requests alone"
WRITTEN, SYNCED, MEMORY = "event-written", "event-synced", "reporter-memory"
JOURNAL, OUT, OUTAGE, AFTER = "journal-in", "events-out", "outage-bytes", "outage-seconds"
NAMES = frozenset([WRITTEN, SYNCED, MEMORY, JOURNAL, OUT, OUTAGE, AFTER])
TURNS = 7
CHANGES = 25
"""Restarts in one life; each changes the state two or three times."""
EVENTS, BACKLOG = 20_000, 3_000
AWAY_S = 1.0
SAMPLES, SAMPLE_S = 4, 0.5
"""How much of its health the reporter has seen, and measured, when it is looked at."""
LIMIT_S = 90
MONITOR = """#!/bin/sh
echo '{"clients": 12, "queue": {"waiting": 3, "oldest_s": 0.25}}'
"""
IMPORTS = "import requests, sys; sys.stdin.read()"


def events(bench: Bench) -> None:
    """Everything about events, turn by turn."""
    contenders: list[tuple[str, Callable[[int], None]]] = []
    if bench.wanted(WRITTEN, SYNCED, MEMORY):
        contenders += [
            ("states of a life with a reporter", lambda turn: life(bench, turn)),
            ("requests in an interpreter", lambda turn: interpreter(bench, turn)),
            ("the disk alone", lambda turn: disk(bench, turn)),
        ]
    if bench.wanted(JOURNAL):
        programs = {OURS: "journal", TOLD: "journal_told", FLOOR: "journal_floor"}
        contenders += [(f"{JOURNAL} {who}", worked(bench, JOURNAL, who, what)) for who, what in programs.items()]
    if bench.wanted(OUT):
        programs = {OURS: "out", REQUESTS: "out_floor"}
        contenders += [(f"{OUT} {who}", received(bench, OUT, who, what, EVENTS)) for who, what in programs.items()]
    if bench.wanted(AFTER):
        contenders.append((AFTER, received(bench, AFTER, OURS, "after", BACKLOG, AWAY_S)))
    bench.alternate(contenders, rounds=min(TURNS, bench.rounds))
    if bench.wanted(OUTAGE):  # by a fake clock, so that it is the same every time
        worked(bench, OUTAGE, OURS, "outage")(0)


# One life


def life(bench: Bench, turn: int) -> None:
    """PID 1 changes its state many times, while its reporter syncs and delivers; then both are looked at, and it ends."""
    place = fresh(PLACE / "lives" / "events")
    notes = place / "states.json"
    row = WRITTEN
    try:
        with hub(0) as port:
            start = reporting(place, notes, port)
            with Life(start, place) as one:
                one.born()
                reporter = until(lambda: reporter_of(one.pid), "its reporter")
                until(lambda: seen(port)["events"], "the first event at the receiver")
                for change in range(CHANGES):
                    os.kill(one.pid, signal.SIGHUP)
                    one.await_notes("start", change + 2)
                    until(lambda: state(place) == "UP", "UP")
                delivered = seen(port)["events"]
                until(lambda: seen(port)["events"] >= delivered + SAMPLES, "samples of its health at the receiver")
                row = MEMORY
                bench.put(MEMORY, OURS, turn, **sizes(reporter))
                row = WRITTEN
                one.stopped(start.stop)
        noted = json.loads(notes.read_text())
        bench.put(WRITTEN, OURS, turn, ms=noted["written"])
        bench.put(SYNCED, OURS, turn, ms=noted["synced"], unsynced=noted["unsynced"])
    except (Late, OSError, ValueError) as error:
        bench.put(row, OURS, turn, failed=str(error))


def reporting(place: Path, notes: Path, port: int) -> Start:
    """`ww run` with a stop-watch, one service and the sink `http`."""
    made = ours.home(place, 1)
    settings = {
        "ww": {
            **ours.SETTINGS["ww"],
            "monitor": {"interval_s": SAMPLE_S},
            "sinks": {"hub": {"type": "http", "url": f"http://127.0.0.1:{port}/"}},
        }
    }
    (made / "ww/etc/default_cfg.json").write_text(json.dumps(settings))
    monitor = made / "ww/usr/monitor"
    monitor.write_text(MONITOR)
    monitor.chmod(0o755)
    package = next((PLACE / "ww").glob("lib/python3*/site-packages/ww"))
    watch = [PYTHON, "-IS", str(HERE / "watchstates.py"), str(notes), str(package)]
    return Start([*watch, ours.RUN, "--root", str(made)])


def state(place: Path) -> str:
    """What the instance says of itself."""
    return str(json.loads((place / "home/run/state.json").read_text())["state"])


def reporter_of(pid: int) -> int:
    """The child of PID 1 that delivers, as this namespace numbers it; 0 if there is none."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if b"\0_reporter\0" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return 0


def sizes(pid: int) -> dict[str, object]:
    """What one process has of memory."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        if name in ("Rss", "Pss"):
            found[f"{name.lower()}_kib"] = int(rest.split()[0])
    return {**found}


def interpreter(bench: Bench, turn: int) -> None:
    """An interpreter that has imported requests, and does nothing."""
    command = [PYTHON, "-I", "-c", IMPORTS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=clean_environment({})) as process:
        time.sleep(1)  # until it waits
        bench.put(MEMORY, REQUESTS, turn, **sizes(process.pid))
        process.communicate()


def disk(bench: Bench, turn: int) -> None:
    """What a write of a record costs, and one that is synced, with nothing around it."""
    found = run(str(fresh(PLACE / "lives" / "events-disk")), "disk_floor")
    bench.put(WRITTEN, FLOOR, turn, **given(found, "written_ms"))
    bench.put(SYNCED, FLOOR, turn, **given(found, "synced_ms"))


def given(found: dict[str, object], name: str) -> dict[str, object]:
    return found if "failed" in found else {"ms": found[name]}


# Programs


def worked(bench: Bench, row: str, who: str, what: str) -> Callable[[int], None]:
    """A program of bench/eventwork.py, and what it found."""

    def live(turn: int) -> None:
        place = fresh(PLACE / "lives" / f"events-{what}")
        bench.put(row, who, turn, **run(str(place), what))
        shutil.rmtree(place)

    return live


def received(bench: Bench, row: str, who: str, what: str, count: int, away_s: float = 0.0) -> Callable[[int], None]:
    """The same with a receiver on the other core, which is away at first."""

    def live(turn: int) -> None:
        place = fresh(PLACE / "lives" / f"events-{what}")
        with hub(away_s) as port:
            bench.put(row, who, turn, **run(str(place), what, f"http://127.0.0.1:{port}/", str(count), str(cores()[0])))
        shutil.rmtree(place)

    return live


def run(place: str, what: str, *arguments: str) -> dict[str, object]:
    """What the program printed; `failed` and its last words if it did not."""
    command = [PYTHON, "-I", str(HERE / "eventwork.py"), what, place, *arguments]
    done = subprocess.run(
        command, env=clean_environment({}), capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    if done.returncode:
        return {"failed": (done.stderr or done.stdout or "it said nothing").strip()[-300:]}
    found: dict[str, object] = json.loads(done.stdout)
    return found


@contextmanager
def hub(away_s: float) -> Iterator[int]:
    """The port of a receiver on the last core, which listens only after `away_s`."""
    command = [sys.executable, str(HERE / "hub.py"), str(cores()[-1]), str(away_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else 0)
        finally:
            process.kill()


def seen(port: int) -> dict[str, int]:
    """What the receiver has seen."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        told: dict[str, int] = json.load(answer)
    return told


def cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def until(condition: Callable[[], int], what: str) -> int:
    """The first answer that is not 0. Raises Late."""
    deadline = time.monotonic() + 20
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise Late(f"{what} did not come")
        time.sleep(0.005)
    return answer


def main() -> int:
    """Only these rows, put down anew, and the page."""
    from bench.run import undisturbed

    undisturbed()
    events(Bench(Sink(RESULTS), TURNS, NAMES))
    return report.main([])


if __name__ == "__main__":
    sys.exit(main())
