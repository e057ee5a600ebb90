"""Twins of what delivery is surrounded by: a journal in a list, cursors in a dict, a sink that answers as it is told.

`tests/processes/test_delivery.py` runs the same engine with the real journal, the real cursors and real threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ww.events.model import Event
from ww.events.position import START, Position, Stored
from ww.events.wire import Boot
from ww.sinks.base import Accepted, Answer, Item, Sink
from ww.sinks.delivery.engine import Engine, Timing
from ww.sinks.delivery.options import DeliveryOptions
from ww.sinks.delivery.ports import AdviceBox, Ports

PRESENT = Boot("web", "web-1", "boot2")


def stored(seq: int, kind: str = "health", boot: str = "boot2", boot_no: int = 2, **data: Any) -> Stored:
    event = Event(seq, kind, 1_700_000_000_000 + seq * 1000, seq * 1000, data)
    return Stored(boot_no, boot, event, ("twin", seq))


class Journal:
    """Events in order; `gone` are those that retention has taken."""

    def __init__(self) -> None:
        self.events: list[Stored] = []
        self.gone: set[tuple[str, int]] = set()
        self.fault: OSError | None = None

    def add(self, count: int = 1, kind: str = "health", boot: str = "boot2", boot_no: int = 2, **data: Any) -> None:
        last = max((one.event.seq for one in self.events if one.boot == boot), default=0)
        self.events += [stored(last + number, kind, boot, boot_no, **data) for number in range(1, count + 1)]

    def reader(self, after: Position) -> Reader:
        return Reader(self, after)


class Reader:
    def __init__(self, journal: Journal, after: Position) -> None:
        self.journal = journal
        self.after = after
        self.largest = 0

    def read(self, max_events: int, max_bytes: int) -> list[Stored]:
        if self.journal.fault is not None:
            raise self.journal.fault
        found: list[Stored] = []
        for one in self.journal.events:
            if (one.boot_no, one.event.seq) > (self.after.boot_no, self.after.seq) and len(found) < max_events:
                found.append(one)
        if found:
            self.after = found[-1].position
        self.largest = max(self.largest, len(found))
        return found

    def fetch(self, boot: str, first: int, last: int) -> list[Stored]:
        return [
            one
            for one in self.journal.events
            if one.boot == boot and first <= one.event.seq <= last and (boot, one.event.seq) not in self.journal.gone
        ]


class Bookmarks:
    def __init__(self) -> None:
        self.known: dict[str, Position] = {}
        self.history: list[Position] = []

    def get(self, name: str) -> Position:
        return self.known.get(name, START)

    def set(self, name: str, position: Position) -> None:
        self.known[name] = position
        self.history.append(position)


class Folder:
    """The dead letters."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, int, str]] = []

    def put(self, item: Item, reason: str) -> None:
        self.kept.append((item.boot, item.seq, reason))


Answering = Callable[[Sequence[Item], float], Sequence[Answer]]


def accept(batch: Sequence[Item], _: float) -> Sequence[Answer]:
    return [Accepted()] * len(batch)


class Scripted(Sink):
    """Answers by the next of `script`, then accepts. `calls` are the keys of each batch it was given."""

    def __init__(self, script: Iterable[Answering] = ()) -> None:
        self.script = list(script)
        self.calls: list[list[tuple[str, int]]] = []
        self.accepted: list[tuple[str, int]] = []
        self.idles = 0
        self.unreachable: list[str] = []

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        self.calls.append([(item.boot, item.seq) for item in batch])
        answers = (self.script.pop(0) if self.script else accept)(batch, deadline)
        if len(answers) == len(batch):
            pairs = zip(batch, answers, strict=True)
            self.accepted += [(item.boot, item.seq) for item, answer in pairs if isinstance(answer, Accepted)]
        return answers

    def reach(self, deadline: float) -> str:
        return self.unreachable.pop(0) if self.unreachable else ""

    def idle(self, deadline: float) -> None:
        self.idles += 1


@dataclass
class World:
    """An engine with everything around it; time stands still until `run` moves it."""

    sink: Scripted = field(default_factory=Scripted)
    options: dict[str, Any] = field(default_factory=dict)
    chance: float = 0.5
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.journal = Journal()
        self.bookmarks = Bookmarks()
        self.folder = Folder()
        self.said: list[str] = []
        self.declared: list[Mapping[str, Any]] = []
        self.reached: list[tuple[str, bool, str]] = []
        self.advice = AdviceBox()
        self.boot()

    def boot(self) -> None:
        """The reporter begins (again)."""
        options = DeliveryOptions(name="hub", type="scripted", **self.options)
        self.reader = self.journal.reader(self.bookmarks.get("hub"))
        self.ports = Ports(
            source=self.reader,
            bookmarks=self.bookmarks,
            letters=self.folder,
            present=PRESENT,
            say=lambda level, words: self.said.append(f"{level}: {words}"),
            mask=lambda text: text.replace("hunter2", "***"),
            declare=self.declared.append,
            reached=lambda *news: self.reached.append(news),
            advised=self.advice,
        )
        self.engine = Engine(self.sink, options, self.ports, Timing(lambda: self.now, lambda: self.chance))

    def step(self) -> float:
        return self.engine.step()

    def run(self, seconds: float = 0.0) -> None:
        """Let `seconds` pass, doing whatever is due meanwhile."""
        end = self.now + seconds
        for _ in range(100_000):
            wait = self.engine.step()
            if wait > 0 and self.now + wait > end:
                self.now = end
                return
            self.now += wait
        raise AssertionError("it never comes to rest")

    @property
    def cursor(self) -> tuple[int, int]:
        position = self.bookmarks.get("hub")
        return position.boot_no, position.seq
