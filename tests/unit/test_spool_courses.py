"""Courses by which an event was once lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.spooling import SINK, World
from ww.events.segment import SEGMENT_BYTES

BIG = "x" * 60_000


@pytest.mark.rule("D-spool-whole")
@pytest.mark.rule("D-spool-declared")
def test_what_came_behind_a_boot_of_which_no_event_is_left_is_not_delivered_for_that(tmp_path: Path) -> None:
    world = World(str(tmp_path), numbered=False, max_bytes=3 * SEGMENT_BYTES)
    for _ in range(30):
        world.append("state", {"x": BIG})
    world.settle()
    old = world.running
    world.clock.slow_ms = 300
    world.append("state", {})
    world.clock.slow_ms = 0
    assert world.journal.where == "fallback"
    world.lose_power(lambda low, high: low)  # noqa: ARG005
    # Without a sink that takes anything, what this boot writes makes what is delivered of the old one go.
    for _ in range(40):
        world.append("state", {"x": BIG})
    world.clock.advance(31_000)
    for _ in range(10):
        world.keep()
    left = [path for path in world.segments() if old in path]
    assert len(left) == 1, "what the power loss left, without an event"
    assert world.cursors.get(SINK).boot == old
    world.boot()
    for _ in range(30):
        world.append("state", {"x": BIG})
    world.settle()
    world.check()
