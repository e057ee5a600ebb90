"""Delivery with real threads, the real journal and its real cursors."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.sinktwins import PRESENT, Scripted
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.clock import Clock
from ww.events.journal import Journal
from ww.events.spool import Cursors, Position, Reader
from ww.sinks.base import Accepted, Answer, Item
from ww.sinks.delivery.deadletters import DeadLetters
from ww.sinks.delivery.options import DeliveryOptions
from ww.sinks.delivery.ports import Ports
from ww.sinks.delivery.thread import Delivery, flush_all


class Place:
    """A journal of the boot `boot2`, and deliveries from it."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory / "journal")
        self.journal = Journal(self.directory, 2, PRESENT.boot, Clock(), 16 << 20, 0)
        self.cursors = Cursors([self.directory])
        self.said: list[str] = []
        self.deliveries: list[Delivery] = []

    def delivery(self, name: str, sink: Scripted, **options: object) -> Delivery:
        ports = Ports(
            source=Reader([self.directory], self.cursors.get(name), PRESENT.boot),
            bookmarks=self.cursors,
            letters=DeadLetters(self.directory, name, 1 << 20, self._say),
            present=PRESENT,
            say=self._say,
        )
        made = Delivery(sink, DeliveryOptions(name=name, type="scripted", **options), ports)  # type: ignore[arg-type]
        self.deliveries.append(made)
        made.start()
        return made

    def _say(self, level: str, words: str) -> None:
        self.said.append(f"{level}: {words}")

    def event(self, count: int = 1) -> None:
        for _ in range(count):
            self.journal.append("health", {"healthy": True})
        for delivery in self.deliveries:
            delivery.wake(self.journal.seq)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for delivery in made.deliveries:
        delivery.stop(time.monotonic() + 1)


def keys(sink: Scripted) -> list[int]:
    return [seq for _, seq in sink.accepted]


@pytest.mark.rule("D-delivery-threads")
def test_events_arrive_as_they_are_journalled_and_once_over_restarts_of_the_reporter(place: Place) -> None:
    sink = Scripted()
    first = place.delivery("hub", sink, wait_s=0.01)
    place.event(3)
    until(lambda: keys(sink) == [1, 2, 3])
    assert first.stop(time.monotonic() + 5)
    assert first.stats()["state"] == "ended"
    place.deliveries.remove(first)
    place.event(2)
    again = Scripted()
    place.cursors.save(force=True)
    place.cursors = Cursors([place.directory])
    place.delivery("hub", again)
    until(lambda: keys(again) == [4, 5])


@pytest.mark.rule("D-delivery-threads", "D-delivery-deadline")
def test_a_call_that_never_comes_back_is_told_and_delays_neither_others_nor_the_end(place: Place) -> None:
    never = threading.Event()

    def hang(batch: Sequence[Item], _: float) -> Sequence[Answer]:
        never.wait(60)
        return [Accepted()] * len(batch)

    good = Scripted()
    stuck = place.delivery("stuck", Scripted([hang]), timeout_s=0.1, wait_s=0.0)
    other = place.delivery("good", good, wait_s=0.0)
    place.event(5)
    until(lambda: keys(good) == [1, 2, 3, 4, 5])
    until(lambda: stuck.stats()["state"] == "stuck")
    stuck.wake()
    (line,) = [line for line in place.said if "stuck" in line]
    assert line.startswith("warn: sink stuck: stuck: a call has not come back for ")
    with Stopwatch() as end:
        assert flush_all([stuck, other], time.monotonic() + 5) == 5
        assert other.stats()["depth"] == 0
        assert other.stop(time.monotonic() + 5)
        assert not stuck.stop(time.monotonic() + 0.1)
    assert end.seconds < 2
    never.set()


@pytest.mark.rule("D-delivery-threads", "D-delivery-faults")
def test_a_sink_that_raises_whatever_it_is_given_goes_on_being_tried_beside_a_good_one(place: Place) -> None:
    def broken(batch: Sequence[Item], _: float) -> Sequence[Answer]:
        raise SystemExit(1)

    bad, good = Scripted([broken] * 3), Scripted()
    delivery = place.delivery("bad", bad, first_s=0.01, max_s=0.02)
    place.delivery("good", good)
    place.event(4)
    until(lambda: keys(bad) == [1, 2, 3, 4] and keys(good) == [1, 2, 3, 4])
    assert delivery.stats()["faults"] == 3


@pytest.mark.rule("D-delivery-flush")
def test_a_flush_brings_what_was_journalled_just_before(place: Place) -> None:
    sink = Scripted()
    delivery = place.delivery("hub", sink, wait_s=30.0)
    for number in range(1, 40):
        place.journal.append("state", {"state": "STOPPED"})
        assert delivery.flush(time.monotonic() + 5) == 0
        assert keys(sink)[-1] == number


@pytest.mark.rule("D-delivery-flush")
def test_a_flush_ends_by_its_deadline_and_says_what_is_left(place: Place) -> None:
    def slow(batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        time.sleep(max(0.0, deadline - time.monotonic()))
        return [Accepted()] * (len(batch) - len(batch))

    delivery = place.delivery("hub", Scripted([slow] * 9), first_s=0.01, max_s=0.02)
    place.event(7)
    with Stopwatch() as flush:
        assert delivery.flush(time.monotonic() + 0.3) == 7
    assert flush.seconds < 0.6


@pytest.mark.rule("D-delivery-dead-letter")
def test_rejected_events_are_files_for_the_owner_alone_and_bounded(place: Place) -> None:
    from ww.sinks.base import Rejected

    def never(batch: Sequence[Item], _: float) -> Sequence[Answer]:
        return [Rejected(f"no {item.seq}") for item in batch]

    delivery = place.delivery("hub", Scripted([never]), wait_s=0.05)
    place.event(3)
    until(lambda: delivery.stats()["rejected"] == 3)
    folder = Path(place.directory, "rejected", "hub")
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"boot2-{seq:012d}.json" for seq in (1, 2, 3)]
    kept = json.loads((folder / names[1]).read_text())
    assert (kept["sink"], kept["reason"], kept["event"]["sequence"]) == ("hub", "no 2", "000000000002")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {(folder / name).stat().st_mode & 0o777 for name in names} == {0o600}


@pytest.mark.rule("D-delivery-order")
def test_ten_thousand_events_pass_in_order_and_fast(place: Place) -> None:
    place.event(10_000)
    sink = Scripted()
    computed = -time.process_time()
    with Stopwatch() as all_of_it:
        delivery = place.delivery("hub", sink)
        assert delivery.flush(time.monotonic() + 20) == 0
        assert keys(sink) == list(range(1, 10_001))
        assert place.cursors.get("hub") == Position(2, "boot2", 10_000)
    assert all_of_it.seconds < 5
    assert computed + time.process_time() < 5
