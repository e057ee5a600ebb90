"""Scenarios with the delivery engine in a process of its own: killed, outlived by an outage, given a damaged spool."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from ww.events.spool import START, Reader
from ww.events.wire import Boot, Wire
from ww.sinks.conformance import events, verdict
from ww.sinks.conformance.bench import DOWN
from ww.sinks.conformance.events import item_of
from ww.sinks.conformance.settings import complete

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ww.sinks.base import Item
    from ww.sinks.conformance.bench import Key
    from ww.sinks.conformance.stage import Stage

LIMIT_S = 30.0
"""What a process may take to deliver everything to a receiver that is well."""
_KILLS = 5
_TAIL = 400


class Run:
    """One such process."""

    def __init__(self, stage: Stage, journal: str, max_events: int, die_after: int = 0, hold: str = "") -> None:
        task = {
            "bench": stage.reference,
            "settings": complete(stage.bench.type, stage.bench.settings()),
            "secrets": dict(stage.bench.secrets()),
            "journal": journal,
            "max_events": max_events,
            "die_after": die_after,
            "hold": hold,
            "limit_s": LIMIT_S,
        }
        self._stage = stage
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed at its end
        self.accepted: list[Key] = []
        self.code: int | None = None
        """Its exit code, negative for a signal; None while it runs."""
        path = os.pathsep.join(part for part in sys.path if part)
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "ww.sinks.conformance.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._write(json.dumps(task).encode())

    def _write(self, task: bytes) -> None:
        if self._child.stdin is not None:
            with self._child.stdin as to:
                to.write(task)

    def lines(self) -> Iterator[str]:
        """What it tells, to its end."""
        for raw in self._child.stdout or ():
            line = raw.decode().rstrip("\n")
            if line.startswith("end "):
                self.accepted += [(boot, seq) for boot, seq in json.loads(line.split(" ", 2)[2])]
            yield line

    def kill(self) -> None:
        """At once, as by the kernel."""
        self._child.kill()

    def end(self) -> None:
        """Read it to its end."""
        for _ in self.lines():
            pass
        if self._child.stdout is not None:
            self._child.stdout.close()
        self.code = self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        self._errors.close()
        self._stage.words.add("what its process printed", said)
        if self.code > 0:
            tail = " ".join(said[-_TAIL:].split())
            why = f": {tail}" if tail else ""
            self._stage.blame(verdict.STAYS_DOWN, f"not everything was delivered within {LIMIT_S:g} s{why}")


@contextlib.contextmanager
def running(stage: Stage, journal: str, max_events: int, die_after: int = 0, hold: str = "") -> Iterator[Run]:
    """A process, and its end."""
    run = Run(stage, journal, max_events, die_after, hold)
    try:
        yield run
    except BaseException:
        run.kill()
        raise
    finally:
        run.end()


def _to_the_end(stage: Stage, items: Sequence[Item], when: str) -> None:
    """Start it once more: everything has to arrive."""
    with running(stage, stage.journal(), 10) as run:
        pass
    if run.code == 0:
        stage.expect(items, when)


def crash(stage: Stage) -> None:
    """Killed when the sink has answered and nobody has heard it yet; then started again."""
    items = stage.items(30)
    journal = stage.journal()
    with running(stage, journal, 10, die_after=2) as run:
        pass
    taken = set(run.accepted)
    stage.expect([item for item in items if (item.boot, item.seq) in taken], "after the process was killed")
    _to_the_end(stage, items, "after it was killed, started again and sent what it could not know was there")
    stage.result.said = "killed behind deliver, sent again"


def kills(stage: Stage) -> None:
    """Killed in the middle of deliveries, several times."""
    items = stage.items(120)
    journal = stage.journal()
    chance = random.Random(1)  # noqa: S311 - moments of a test
    taken: set[Key] = set()
    for _ in range(_KILLS):
        with running(stage, journal, 10) as run:
            begun = sum(1 for line in _until(run, "begin 2") if line.startswith("begin"))
            time.sleep(chance.uniform(0, 0.01))
            run.kill()
        taken |= set(run.accepted)
        if begun < 2:
            break
    stage.expect([item for item in items if (item.boot, item.seq) in taken], "after the process was killed")
    _to_the_end(stage, items, "after several kills in the middle of deliveries")
    stage.result.said = f"killed {_KILLS} times inside deliver"


def _until(run: Run, wanted: str) -> Iterator[str]:
    for line in run.lines():
        yield line
        if line == wanted:
            return


def outage(stage: Stage) -> None:
    """The receiver is down when the process begins, comes back, goes in the middle of deliveries, and comes back again."""
    items = stage.items(60)
    hold = f"{stage.directory}/gone"
    stage.bench.inject(DOWN)
    with running(stage, stage.journal(), 10, hold=hold) as run:
        _tries(run, 3)
        stage.bench.heal()
        if _has_taken(run):
            stage.bench.inject(DOWN)
            with open(hold, "w", encoding="utf-8"):
                pass
            _tries(run, 2)
            stage.bench.heal()
    if run.code == 0:
        stage.expect(items, "after the receiver was down and came back, twice")
    stage.result.said = "went on by itself, twice"


def _tries(run: Run, count: int) -> None:
    """Wait for so many calls; fewer if it comes to its end."""
    for line in run.lines():
        count -= line.startswith("begin ")
        if not count:
            return


def _has_taken(run: Run) -> bool:
    """Wait until something is accepted; false if it comes to its end before."""
    return any(line.startswith("end ") and not line.endswith("[]") for line in run.lines())


def spool(stage: Stage) -> None:
    """A journal with a damaged middle and a torn tail: what can be read arrives, and nothing holds it up."""
    for boot in (events.EARLIER_BOOT, events.BOOT):
        journal = events.journal(stage.journal(), boot, boot_no=int(boot[-2:], 16))
        events.fill(journal, 30)
        path = journal.path or ""
        journal.close()
        _damage(path, torn=boot == events.BOOT)
    readable = _readable(stage.journal())
    _to_the_end(stage, readable, "after a damaged spool was read")
    stage.result.said = f"{len(readable)} readable events arrived"


def _damage(path: str, *, torn: bool) -> None:
    size = os.stat(path).st_size
    with open(path, "r+b") as file:
        if torn:
            file.truncate(size - 7)
        else:
            file.seek(size // 2)
            file.write(b"\xff" * 5)


def _readable(directory: str) -> list[Item]:
    found: list[Any] = []
    reader = Reader([directory], START)
    while batch := reader.read(100, 1 << 20):
        found += batch
    return [
        item_of(
            Wire(Boot(events.SERVICE, events.INSTANCE, one.boot)), one.boot, one.event, current=one.boot == events.BOOT
        )
        for one in found
    ]
