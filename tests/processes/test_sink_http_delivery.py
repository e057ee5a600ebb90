"""From a real journal through the engine and the http sink to a receiver that is killed, slow, busy, and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.support.faultproxy import FaultProxy
from tests.support.freeports import free_port
from tests.support.items import Told
from tests.support.paths import REPO
from tests.support.receiver import (
    Receiver,
    at_most,
    poisoned,
    replying,
    reset,
    status,
    stored_then_reset,
    truncated,
)
from tests.support.sinktwins import PRESENT
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.clock import Clock
from ww.events.journal import Journal
from ww.events.spool import Cursors, Reader
from ww.sinks.delivery.deadletters import DeadLetters
from ww.sinks.delivery.options import DeliveryOptions
from ww.sinks.delivery.ports import Ports
from ww.sinks.delivery.thread import Delivery
from ww.sinks.http import TYPE

RECEIVER = str(REPO / "tests" / "support" / "receiver.py")


class Sender:
    """A journal, and one delivery from it by http."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = str(directory / "journal")
        self.journal = Journal(self.directory, 2, PRESENT.boot, Clock(), 64 << 20, 0)
        cursors = Cursors([self.directory])
        self.said: list[str] = []
        told = Told()
        ports = Ports(
            source=Reader([self.directory], cursors.get("hub"), PRESENT.boot),
            bookmarks=cursors,
            letters=DeadLetters(self.directory, "hub", 1 << 20, lambda _level, words: self.said.append(words)),
            present=PRESENT,
            say=lambda _level, words: self.said.append(words),
        )
        options = DeliveryOptions(
            name="hub", type="http", wait_s=0.01, timeout_s=1.0, first_s=0.05, max_s=0.2, breaker_open_s=0.2
        )
        self.delivery = Delivery(TYPE.make({"type": "http", "url": url}, told.context), options, ports)
        self.delivery.start()

    def events(self, count: int) -> None:
        for _ in range(count):
            self.journal.append("health", {"healthy": True, "monitor": {"requests_per_s": 12.5}})
        self.delivery.wake(self.journal.seq)

    def dead_letters(self) -> list[str]:
        return sorted(path.name for path in Path(self.directory).glob("rejected/hub/*"))


def ids(count: int) -> list[str]:
    return [f"{n:012d}" for n in range(1, count + 1)]


@pytest.fixture
def senders() -> Iterator[list[Sender]]:
    made: list[Sender] = []
    yield made
    for sender in made:
        sender.delivery.stop(time.monotonic() + 2)


@pytest.mark.rule("D-sink-http-delivered")
def test_through_every_fault_each_event_is_stored_once_and_in_order(tmp_path: Path, senders: list[Sender]) -> None:
    with Receiver() as receiver:
        sender = Sender(tmp_path, receiver.url)
        senders.append(sender)
        receiver.faults += [
            status(503, retry_after="0"), stored_then_reset, reset, truncated, status(429), at_most(7), status(500),
            replying(acked_to=3), status(408), stored_then_reset,
        ]  # fmt: skip
        while left := len(receiver.faults):
            sender.events(50)
            until(lambda before=left: len(receiver.faults) < before, "the next fault")
        until(lambda: receiver.ids() == ids(sender.journal.seq), "all have arrived, in order", 20)
        assert any(count > 1 for count in receiver.sent.values()), "some came twice, and were stored once"
        assert not sender.dead_letters()


@pytest.mark.rule("D-sink-http-delivered")
def test_a_bad_event_is_set_aside_alone(tmp_path: Path, senders: list[Sender]) -> None:
    with Receiver() as receiver:
        sender = Sender(tmp_path, receiver.url)
        senders.append(sender)
        sender.events(1)
        until(lambda: receiver.ids() == ids(1))
        receiver.always = poisoned("000000000077")
        sender.events(199)
        until(lambda: receiver.ids() == [one for one in ids(200) if not one.endswith("077")])
        until(lambda: [name for name in sender.dead_letters() if "77" in name], "its letter")
        assert len(sender.dead_letters()) == 1


@pytest.mark.rule("D-sink-http-delivered")
def test_a_receiver_killed_again_and_again_has_each_event_once(tmp_path: Path, senders: list[Sender]) -> None:
    store = tmp_path / "events.ndjson"
    with Program(store) as program:
        sender = Sender(tmp_path, program.url)
        senders.append(sender)
        for turn in range(1, 7):
            sender.events(200)
            until(lambda least=100 * turn: len(stored(store)) >= least, "something is stored")
            program.kill()
            sender.events(50)
            program.start()
        until(lambda: stored(store) == ids(1500), "every event, once, in order", 20)


@pytest.mark.rule("D-sink-http-delivered")
def test_three_thousand_events_arrive_within_two_seconds_of_an_outage(tmp_path: Path, senders: list[Sender]) -> None:
    with Receiver() as receiver, FaultProxy(receiver.port) as proxy:
        proxy.refuse = True
        sender = Sender(tmp_path, f"http://127.0.0.1:{proxy.port}/")
        senders.append(sender)
        sender.events(3000)
        until(lambda: proxy.accepted > 2, "it has tried")
        proxy.refuse = False
        with Stopwatch() as arrival:
            until(lambda: len(receiver.events) == 3000, "all have arrived")
        assert arrival.seconds < 2
        assert receiver.ids() == ids(3000)


class Program:
    """The receiver as a process, which keeps its port and what it has stored."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._port = free_port()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()

    def start(self) -> None:
        argv = [sys.executable, RECEIVER, "--port", str(self._port), "--store", str(self._store)]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()

    def kill(self) -> None:
        with self._process:
            self._process.kill()


def stored(store: Path) -> list[str]:
    if not store.exists():
        return []
    return [json.loads(line)["id"] for line in store.read_text().splitlines(keepends=True) if line.endswith("\n")]
