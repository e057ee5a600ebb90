"""The folder of rejected events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ww.clock import FakeClock
from ww.sinks.base import Item
from ww.sinks.delivery.deadletters import DeadLetters

pytestmark = pytest.mark.rule("D-delivery-dead-letter")


def item(seq: int, boot: str = "b1") -> Item:
    return Item(boot, seq, "health", {"id": f"{seq}"}, b"{}")


def letters(directory: Path, max_bytes: int = 1 << 20) -> tuple[DeadLetters, list[str]]:
    said: list[str] = []
    made = DeadLetters(
        str(directory), "hub", max_bytes, lambda level, words: said.append(f"{level}: {words}"), FakeClock()
    )
    return made, said


def test_a_file_says_what_why_and_when(tmp_path: Path) -> None:
    made, _ = letters(tmp_path)
    made.put(item(7), "no such field")
    assert json.loads((tmp_path / "rejected/hub/b1-000000000007.json").read_text()) == {
        "format": 1,
        "sink": "hub",
        "at": "2023-11-14T22:13:20.000Z",
        "reason": "no such field",
        "event": {"id": "7"},
    }


def test_the_oldest_go_when_there_are_too_many_also_after_a_restart(tmp_path: Path) -> None:
    made, _ = letters(tmp_path, 500)
    for seq in range(1, 4):
        made.put(item(seq), "no")
    again, _ = letters(tmp_path, 500)
    for seq in range(4, 8):
        again.put(item(seq), "no")
    names = sorted(path.name for path in (tmp_path / "rejected/hub").iterdir())
    assert 1 < len(names) <= 5
    assert names[-1] == "b1-000000000007.json"
    assert again.kept == (len(names), sum(path.stat().st_size for path in (tmp_path / "rejected/hub").iterdir()))
    assert again.dropped


def test_a_boot_id_from_elsewhere_cannot_leave_the_folder(tmp_path: Path) -> None:
    made, _ = letters(tmp_path)
    made.put(item(1, "../../etc/x"), "no")
    assert [path.name for path in (tmp_path / "rejected/hub").iterdir()] == [".._.._etc_x-000000000001.json"]


def test_a_folder_that_cannot_be_written_is_said_with_the_event_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "rejected").write_text("in the way")
    made, said = letters(tmp_path)
    made.put(item(3), "no")
    assert made.lost == 1
    assert said[0].startswith("warn: sink hub: event 3 of boot b1 was rejected (no) and cannot be kept in ")


def test_without_a_journal_or_with_0_bytes_nothing_is_kept(tmp_path: Path) -> None:
    for made in (DeadLetters(None, "hub", 1000, print), letters(tmp_path, 0)[0]):
        made.put(item(1), "no")
        assert made.lost == 1
    assert list(tmp_path.iterdir()) == []
