"""Delivery as a whole: the real journal, the engine in its thread, the sink `http`, and a real receiver that misbehaves."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import receiver as faults
from tests.support.receiver import Receiver
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.clock import Clock
from ww.config.sinktypes import Unusable
from ww.events.journal import Journal
from ww.events.spool import Cursors, Reader
from ww.events.wire import Boot
from ww.home.layout import Layout
from ww.sinks.base import Origin
from ww.sinks.delivery.thread import Delivery
from ww.sinks.setup import Surroundings, set_up

BOOT = "0197c2d4a6f07c3e9b1f5d2e8c4a6b70"


class Sender:
    """A journal of one boot, and its delivery to one receiver."""

    def __init__(self, root: Path) -> None:
        self.directory = str(root / "data/journal")
        self.layout = Layout(str(root))
        self.journal = Journal(self.directory, 1, BOOT, Clock(), 16 << 20, 0)
        self.cursors = Cursors([self.directory])
        self.said: list[str] = []
        self.declared: list[Any] = []
        self.delivery: Delivery | None = None

    def start(self, url: str, **options: Any) -> Delivery:
        around = Surroundings(
            origin=Origin("shop", "shop-1", BOOT),
            present=Boot("shop", "shop-1", BOOT),
            layout=self.layout,
            environ=os.environ,
            journal=self.directory,
            source=lambda after: Reader([self.directory], after, BOOT),
            bookmarks=self.cursors,
            say=lambda level, words: self.said.append(f"{level}: {words}"),
            mask=lambda text: text,
            declare=self.declared.append,
            reached=lambda *_: None,
        )
        given = {"type": "http", "url": url, "retry": {"first_s": 0.02, "max_s": 0.1}, "timeout_s": 5, **options}
        made = set_up("hub", given, around)
        assert not isinstance(made, Unusable), made.words
        self.delivery = made
        made.start()
        return made

    def kill(self) -> None:
        """The reporter ends without a word; what its cursor file says is left."""
        assert self.delivery is not None
        self.delivery.stop(time.monotonic() + 5)
        self.cursors = Cursors([self.directory])


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    made = Sender(tmp_path)
    yield made
    if made.delivery is not None:
        made.delivery.stop(time.monotonic() + 5)


def event(sender: Sender, count: int) -> None:
    for number in range(count):
        sender.journal.append("health", {"healthy": True, "monitor": {"number": number}, "interval_ms": 30_000})


def ids(first: int, last: int) -> list[str]:
    return [f"{number:012d}" for number in range(first, last + 1)]


@pytest.mark.rule("D-delivery-order", "D-delivery-answers", "D-delivery-retry-after")
def test_all_events_are_stored_once_and_in_order_whatever_the_receiver_does(sender: Sender) -> None:
    chance = random.Random(5)
    kinds = [
        faults.status(503),
        faults.status(429, retry_after="0"),
        faults.stored_then_reset,
        faults.reset,
        faults.truncated,
        faults.at_most(40),
        faults.status(500, store=True),
    ]
    with Receiver() as receiver:
        receiver.faults.extend(chance.choices(kinds, k=40))
        event(sender, 2_000)
        delivery = sender.start(receiver.url, batch={"max_events": 100}, breaker={"failures": 1000})
        until(lambda: len(receiver.events) == 2_000, within_s=30)
        assert receiver.ids() == ids(1, 2_000)
        until(lambda: delivery.stats()["depth"] == 0)
        assert delivery.stats()["rejected"] == 0


@pytest.mark.rule("D-delivery-crash")
def test_a_reporter_that_is_killed_and_has_saved_no_cursor_sends_what_is_stored_once(sender: Sender) -> None:
    with Receiver() as receiver:
        for last in range(100, 501, 100):
            event(sender, 100)
            sender.start(receiver.url, batch={"max_events": 30})
            until(lambda last=last: len(receiver.events) == last)
            sender.kill()
        assert receiver.ids() == ids(1, 500)
        assert max(receiver.sent.values()) == 5


@pytest.mark.rule("D-delivery-dead-letter", "D-delivery-halving")
def test_what_the_receiver_rejects_lies_in_the_folder_and_the_rest_arrives(sender: Sender) -> None:
    with Receiver() as receiver:
        receiver.always = faults.rejecting(ids(7, 7)[0], reason="no field number")
        event(sender, 20)
        delivery = sender.start(receiver.url)
        until(lambda: delivery.stats()["delivered"] == 19)
    (letter,) = Path(sender.directory, "rejected/hub").iterdir()
    kept = json.loads(letter.read_text())
    assert kept["event"]["id"] == ids(7, 7)[0]
    assert "no field number" in kept["reason"]


@pytest.mark.rule("D-delivery-want", "D-delivery-advice")
def test_a_receiver_that_has_lost_events_gets_them_again(sender: Sender) -> None:
    with Receiver() as receiver:
        event(sender, 50)
        delivery = sender.start(receiver.url)
        until(lambda: len(receiver.events) == 50)
        lost = [key for key in receiver.events if 11 <= int(key[1]) <= 20]
        for key in lost:
            del receiver.events[key]
        receiver.faults.append(faults.replying(want=[[11, 20]]))
        event(sender, 1)
        delivery.wake(51)
        until(lambda: len(receiver.events) == 51)
        assert sorted(receiver.ids()) == ids(1, 51)
        assert delivery.stats()["resent"] == 10
        assert sender.declared == []


@pytest.mark.rule("D-delivery-order")
def test_after_an_outage_three_thousand_events_arrive_in_order_within_seconds(sender: Sender) -> None:
    with Receiver() as receiver:
        receiver.always = faults.status(503)
        event(sender, 3_000)
        delivery = sender.start(receiver.url, breaker={"failures": 3, "open_s": 0.2})
        until(lambda: delivery.stats()["state"] == "open")
        receiver.always = None
        with Stopwatch() as watch:
            until(lambda: len(receiver.events) == 3_000, within_s=30)
        assert receiver.ids() == ids(1, 3_000)
        assert watch.seconds < 5
        assert any("delivers again after" in line for line in sender.said)
