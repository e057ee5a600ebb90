"""The keeper in a real reporter, beside a real PID 1, while a sink cannot be reached."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.support.home import Home
from tests.support.spooling import write_boot
from tests.support.waiting import until
from ww.events.model import Event
from ww.events.segment import SEGMENT_BYTES
from ww.events.spool import read_journal, read_segments


@pytest.fixture
def home(tmp_path: pathlib.Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.end()


def gaps(journal: pathlib.Path) -> list[Event]:
    return [event for event in read_journal(str(journal)) if event.kind == "gap"]


def size(journal: pathlib.Path) -> int:
    """What the segments take up; one may go, or be another, while we look."""
    found = 0
    for path in journal.glob("*.j"):
        with contextlib.suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


@pytest.mark.rule("D-spool-bounded", "D-spool-declared", "D-spool-sync", "D-spool-quarantine")
def test_an_outage_is_kept_within_bounds_and_what_went_is_declared_by_pid_1(home: Home) -> None:
    home.service("web")
    unreachable = {"type": "exec", "command": ["false"]}
    home.settings(sinks={"dead": unreachable}, journal={"max_bytes": SEGMENT_BYTES + 60_000})
    assert home.start().wait_state("UP").stop() == 0
    journal = home.root / "data/.ww/journal"
    write_boot(str(journal), 2, "a", [["state", *["health"] * 60, "state"]] * 3)
    write_boot(str(journal), 3, "b", [["state", *["health"] * 60, "state"]] * 2)
    damaged = min(journal.glob("*-b-*.j"))
    with damaged.open("r+b") as file:
        file.seek(30_000)
        file.write(b"damage")
    instance = home.start().wait_state("UP")
    reasons = {"thinned", "missing"}
    until(lambda: reasons <= {str(event.data["reason"]) for event in gaps(journal)}, f"{reasons} are declared", 30)
    until(lambda: os.path.isdir(journal / "bad"), "the damaged file is set aside")
    until(lambda: size(journal) < SEGMENT_BYTES, "it is within its bounds")
    left = {(one.boot_id, event.seq): event.kind for one in read_segments(str(journal)) for event in one.events}
    for boot, count in (("a", 186), ("b", 124)):
        declared = [event.data for event in gaps(journal) if event.data["boot"] == boot]
        for seq in range(1, count + 1):
            assert (boot, seq) in left or any(gap["from"] <= seq <= gap["to"] for gap in declared)  # type: ignore[operator]
    states = [seq for (boot, seq), kind in left.items() if boot == "a" and kind == "state"]
    assert states == [1, 62, 63, 124, 125, 186]
    assert instance.stop() == 0
