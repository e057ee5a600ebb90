"""A journal, a sink's reader and the spool's keeper on real files, to be killed at any point, with what must hold of them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ww.clock import FakeClock
from ww.events.journal import Journal, Written
from ww.events.keeper import Keeper, Ports
from ww.events.model import GAP, Event
from ww.events.records import parse_event, read_segment
from ww.events.retention import Limits
from ww.events.segment import FRAME, SEGMENT_BYTES, encode_event, header, parse_name, segment_name
from ww.events.segmentfile import SegmentFile
from ww.events.shelf import Place
from ww.events.spool import Cursors, Reader, Stored

DAY_MS = 86_400_000
SINK = "sink"


class SlowClock(FakeClock):
    """Every look at it takes `slow_ms`, so that a write seems to take long."""

    __slots__ = ("slow_ms",)

    def __init__(self) -> None:
        super().__init__()
        self.slow_ms = 0

    def mono_ms(self) -> int:
        self.mono += self.slow_ms
        return self.mono


class World:
    """One instance's events. `numbered`: it has a volume, so that its boots are counted."""

    def __init__(
        self, root: str, numbered: bool = True, max_bytes: int = 3 * SEGMENT_BYTES, boots: Sequence[str] = ()
    ) -> None:
        self.directories = [f"{root}/main", f"{root}/fallback"]
        self.limits = Limits(max_bytes, 7 * DAY_MS)
        self.clock = SlowClock()
        self.numbered = numbered
        self.boots: list[str] = list(boots)
        self.accepted: dict[tuple[str, int], str] = {}
        """Kind of what the journal has taken and no power loss took back."""
        self.delivered: dict[tuple[str, int], str] = {}
        self.ranges: list[tuple[str, int, int, str]] = []
        """Delivered declarations: boot, from, to, reason."""
        self.queue: deque[dict[str, object]] = deque()
        self.synced_seq = 0
        self.said: list[str] = []
        self.taken: Callable[[Stored], None] = lambda stored: None  # noqa: ARG005
        """Called for each event that the sink takes, before its cursor moves."""
        self.journal: Any = None
        self.boot()

    # PID 1

    def boot(self) -> None:
        """A new boot, whatever became of the one before; its reporter with it."""
        if self.journal is not None:
            self.journal.close()
            self.kill_reporter()
        self.clock.advance(1000)
        self.boots.append(f"boot{len(self.boots):02d}-{os.urandom(4).hex()}")
        number = len(self.boots) if self.numbered else 0
        main, fallback = self.directories
        self.journal = Journal(main, number, self.boots[-1], self.clock, 1 << 40, 0, fallback)
        self.journal.bounded = False
        self.synced_seq = 0
        self.queue.clear()
        self.start_reporter()

    @property
    def running(self) -> str:
        return self.boots[-1]

    def append(self, kind: str, data: dict[str, object]) -> int:
        """Journal an event; its sequence."""
        self.clock.advance(10)
        outcome = self.journal.append(kind, data)  # type: ignore[arg-type]
        if isinstance(outcome, Written):
            self.accepted[self.running, outcome.seq] = kind
        return outcome.seq

    def declare_next(self) -> bool:
        """PID 1 takes the next declaration that the keeper has sent; false if there is none."""
        if not self.queue:
            return False
        self.append(GAP, self.queue.popleft())
        return True

    # The reporter

    def start_reporter(self) -> None:
        self.cursors = Cursors(self.directories, self.clock, self.said.append)
        self.reader = Reader(self.directories, self.cursors.get(SINK), self.running, self.clock)
        self.last = (-1, 0)
        ports = Ports(self.queue.append, self._synced, self.said.append)
        self.keeper = Keeper(self.directories, self.running, self.cursors, self.limits, ports, self.clock)
        self.keeper.configure([SINK])

    def kill_reporter(self) -> None:
        """What it had not written is gone."""
        self.reader.close()
        self.keeper.close()
        self.queue.clear()

    def _synced(self, seq: int) -> None:
        self.synced_seq = seq

    def deliver(self, events: int = 1000, size: int = 1 << 20) -> int:
        """The sink takes some events; how many."""
        found = self.reader.read(events, size)
        for stored in found:
            self.taken(stored)
            place = (self.boots.index(stored.boot), stored.event.seq)
            assert place > self.last, f"{place} came behind {self.last}"
            self.last = place
            self.take(stored.boot, stored.event)
            self.cursors.set(SINK, stored.position)
        return len(found)

    def take(self, boot: str, event: Event) -> None:
        """The receiver has it."""
        self.delivered[boot, event.seq] = event.kind
        gap = event.data
        if event.kind == GAP and isinstance(gap.get("from"), int):
            self.ranges.append((str(gap["boot"]), gap["from"], gap["to"], str(gap["reason"])))  # type: ignore[arg-type]

    def keep(self) -> None:
        """One step of the keeper, a little later."""
        self.clock.advance(600)
        self.keeper.step()

    def settle(self) -> None:
        """Everything is delivered, declared and done."""
        for _ in range(2):
            self.clock.advance(31_000)
            busy = True
            while busy:
                busy = self.keeper.step() == 0
                busy = self.declare_next() or busy
                busy = bool(self.deliver()) or busy
        assert not self.queue

    # Catastrophes

    def segments(self) -> list[str]:
        """Paths of all segments."""
        return [
            f"{directory}/{name}"
            for directory in self.directories
            if os.path.isdir(directory)
            for name in sorted(os.listdir(directory))
            if parse_name(name)
        ]

    def lose_power(self, choose: Callable[[int, int], int]) -> None:
        """What the present boot has not synced is gone from some byte on; what the journal had of it is not counted."""
        self.journal.close()
        for path in self.segments():
            segment = read_segment(path)
            if segment.boot_id != self.running:
                continue
            safe = _end_of(path, self.synced_seq)
            size = os.path.getsize(path)
            if safe < size:
                os.chmod(path, 0o600)
                os.truncate(path, choose(safe, size))
        left = {event.seq for path in self.segments() for event in _events_of(path, self.running)}
        for boot, seq in list(self.accepted):
            if boot == self.running and seq not in left and seq > self.synced_seq:
                del self.accepted[boot, seq]
        self.boot()

    def declared(self, boot: str, seq: int) -> bool:
        """Whether a delivered gap event says that this may be missing."""
        return any(boot == one and first <= seq <= last for one, first, last, _ in self.ranges)

    def check(self) -> None:
        """Nothing that was accepted is missing without a word; lifecycle events are not what is thinned."""
        for (boot, seq), kind in self.accepted.items():
            if (boot, seq) in self.delivered:
                assert self.delivered[boot, seq] == kind
                continue
            assert self.declared(boot, seq), f"{kind} {seq} of {boot} is missing and nobody said so"
        total = sum(os.path.getsize(path) for path in self.segments())
        assert total <= max(self.limits.max_bytes, 2 * SEGMENT_BYTES)


def _end_of(path: str, seq: int) -> int:
    """Offset behind the last record with at most this sequence."""
    parts = parse_name(os.path.basename(path))
    assert parts is not None
    file = SegmentFile(Place(*parts, 0, path))
    end = len(header(parts[1]))
    try:
        while (text := file.peek()) is not None:
            event = parse_event(text)
            if event is None or event.seq > seq:
                break
            end = file.offset + FRAME.size + len(text)
            file.skip(text)
    finally:
        file.close()
    return min(end, os.path.getsize(path))


def _events_of(path: str, boot: str) -> list[Event]:
    segment = read_segment(path)
    return segment.events if segment.boot_id == boot else []


def write_boot(directory: str, boot_no: int, boot: str, segments: Sequence[Sequence[str]], size: int = 900) -> None:
    """The small segments of a boot of the past, as kinds of events."""
    os.makedirs(directory, exist_ok=True)
    seq = 0
    for kinds in segments:
        name = segment_name(boot_no, boot, seq + 1)
        content = header(boot)
        for kind in kinds:
            seq += 1
            data = {"n": seq, "healthy": True, "x": "x" * size}
            content += encode_event(Event(seq, kind, 1_600_000_000_000 + boot_no * 1000 + seq, seq, data))  # type: ignore[arg-type]
        with open(f"{directory}/{name}", "wb") as file:
            file.write(content)
