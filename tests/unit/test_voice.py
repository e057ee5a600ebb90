"""What ww says before it knows in which format: held, bounded, and never lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from ww.clock import FakeClock, stamp
from ww.instance.voice import HELD_LINES, HELD_MS, Voice
from ww.supervise.logs import ContainerLog, make_pipe
from ww.supervise.loop import Loop

pytestmark = pytest.mark.rule("D-log-lines")


class Said:
    """A voice and the reading end of its log."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = Loop(self.clock)
        self.reader, self.writer = make_pipe()
        self.voice = Voice(self.loop, self.clock, ContainerLog(self.loop, self.writer))

    def lines(self) -> list[str]:
        """What has reached the log since the last question."""
        try:
            return os.read(self.reader, 1 << 20).decode().splitlines()
        except BlockingIOError:
            return []

    def close(self) -> None:
        self.loop.close()
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture
def said() -> Iterator[Said]:
    made = Said()
    yield made
    made.close()


def test_the_first_lines_wait_for_their_format_and_keep_their_time(said: Said) -> None:
    began = said.clock.wall_ms()
    said.voice.info("first", pid=7)
    said.clock.advance(500)
    said.voice.warn("the word is hunter2")
    assert said.lines() == []
    said.voice.mask = lambda text: text.replace("hunter2", "***")
    said.voice.use("json", "info")
    said.voice.info("third")
    found = [json.loads(line) for line in said.lines()]
    assert [line["message"] for line in found] == ["first", "the word is ***", "third"]
    assert [line["time"] for line in found] == [stamp(began), stamp(began + 500), stamp(began + 500)]
    assert found[0]["pid"] == 7


def test_after_two_seconds_nothing_waits(said: Said) -> None:
    said.voice.info("first")
    said.clock.advance(HELD_MS - 1)
    said.loop.turn(wait=False)
    assert said.lines() == []
    said.clock.advance(1)
    said.loop.turn(wait=False)
    assert [line.partition(" ww | ")[2] for line in said.lines()] == ["first"]
    said.voice.info("second")
    assert len(said.lines()) == 1


def test_an_error_releases_what_waits(said: Said) -> None:
    said.voice.info("first")
    said.voice.error("second")
    assert [line.partition(" ww | ")[2] for line in said.lines()] == ["first", "second"]


def test_too_many_lines_do_not_wait(said: Said) -> None:
    for number in range(HELD_LINES):
        assert said.lines() == []
        said.voice.info(str(number))
    assert len(said.lines()) == HELD_LINES
