"""PID 1's end of the line: nothing that the other end does makes it wait, grow or fail."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from ww.clock import FakeClock
from ww.instance.line import DATAGRAM_BYTES, MOST_QUEUED, Line, make_line
from ww.supervise.loop import Loop


class Ends:
    """Both ends of one line."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = Loop(self.clock)
        ours, theirs = make_line()
        self.other = socket.socket(fileno=theirs.detach())
        self.other.setblocking(False)
        self.heard: list[object] = []
        self.broken: list[str] = []
        self.line = Line(self.loop, ours, self.heard.append, self.broken.append)

    def received(self) -> list[dict[str, object]]:
        """What has arrived at the other end."""
        found = []
        while True:
            try:
                text = self.other.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return found
            if not text:
                return found
            found.append(json.loads(text))

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.turn(wait=False)


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.line.close()
    ends.other.close()
    ends.loop.close()


@pytest.mark.rule("D-reporter-line")
def test_messages_arrive_in_order_and_an_answer_is_heard(ends: Ends) -> None:
    ends.line.send({"t": "ping", "n": 1})
    ends.line.position(7)
    ends.line.send({"t": "flush", "within_ms": 3})
    assert [message["t"] for message in ends.received()] == ["ping", "position", "flush"]
    ends.other.send(b'{"t":"pong","n":1}')
    ends.turn()
    assert ends.heard == [{"t": "pong", "n": 1}]


@pytest.mark.rule("D-reporter-line")
def test_positions_that_find_no_room_give_way_to_the_last_one(ends: Ends) -> None:
    for seq in range(1, 5001):
        ends.line.position(seq)
    first = [message["seq"] for message in ends.received()]
    assert first == list(range(1, len(first) + 1))
    assert len(first) < 5000, "the socket was full"
    ends.turn()
    assert [message["seq"] for message in ends.received()] == [5000]
    ends.line.position(5001)
    assert [message["seq"] for message in ends.received()] == [5001]
    ends.turn(3)
    assert ends.received() == [], "and nothing is said twice"


@pytest.mark.rule("D-reporter-line")
def test_other_messages_wait_for_room_and_there_is_an_end_to_them(ends: Ends) -> None:
    for number in range(3000):
        ends.line.send({"t": "state", "number": number})
    at_once = len(ends.received())
    for _ in range(MOST_QUEUED):
        ends.turn()
    later = [message["number"] for message in ends.received()]
    assert later == list(range(at_once, at_once + MOST_QUEUED)), "those that came first, in order; the rest is dropped"
    ends.line.send({"t": "state", "number": -1})
    assert [message["number"] for message in ends.received()] == [-1]


@pytest.mark.rule("D-reporter-line")
def test_one_that_has_gone_is_heard_of_once_and_talking_on_is_no_error(ends: Ends) -> None:
    ends.other.send(b'{"t":"pong","n":1}')
    ends.other.close()
    ends.line.position(1)
    ends.line.send({"t": "ping", "n": 1})
    ends.turn(3)
    assert ends.heard == [{"t": "pong", "n": 1}], "its last words are heard"
    assert ends.broken == ["it hung up"]
    ends.line.send({"t": "ping", "n": 2})
    ends.line.position(2)
    ends.turn()


@pytest.mark.rule("D-reporter-nonsense")
@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b"{",
        b"[1]",
        b"3",
        b"{}",
        b'{"t":1}',
        b"[" * 60_000,
        b'{"t":"gap","data":' + b"[" * 400 + b"]" * 400 + b"}",
        b'"' + b"x" * (DATAGRAM_BYTES + 5) + b'"',
    ],
)
def test_nonsense_breaks_the_line(ends: Ends, text: bytes) -> None:
    ends.other.send(text)
    ends.turn()
    assert ends.heard == []
    assert ends.broken == ["it talks nonsense"]


@pytest.mark.rule("D-reporter-nonsense", "D-reporter-line")
def test_a_flood_breaks_it_and_leaves_the_loop_its_turns(ends: Ends) -> None:
    ends.clock.advance(10_000)
    sent = 0
    most_in_a_turn = 0
    while not ends.broken:
        try:
            ends.other.send(b'{"t":"stats"}')
            sent += 1
        except BlockingIOError:
            before = len(ends.heard)
            ends.turn()
            most_in_a_turn = max(most_in_a_turn, len(ends.heard) - before)
            assert sent < 10_000
    assert ends.broken == ["it sent more than 2000 messages in a second"]
    assert most_in_a_turn <= 16


@pytest.mark.rule("D-reporter-line")
def test_the_last_words_of_one_that_has_ended_are_heard_without_waiting(ends: Ends) -> None:
    ends.other.send(b'{"t":"flushed","left":0}')
    ends.line.drain()
    assert ends.heard == [{"t": "flushed", "left": 0}]
    ends.other.close()
    ends.line.drain()
    assert ends.broken == [], "whoever drains knows already"
