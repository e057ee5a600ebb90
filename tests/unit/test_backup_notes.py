"""What stands beside a backup, and what does not."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from ww.home.backups import BackupNote, read_note, write_note

NOTE = BackupNote("daily", "1.0", ("0001-one",), "2026-01-01T00:00:00Z")


def left_by_a_kill(backup: Path) -> Path:
    (backup / ".ww").mkdir(parents=True)
    half = backup / ".ww/daily.json.17.tmp"
    half.write_text('{"form')
    return half


@pytest.mark.rule("D-killed-any-instant")
def test_the_next_note_removes_what_a_killed_writer_left(tmp_path: Path) -> None:
    left_by_a_kill(tmp_path)
    (tmp_path / ".ww/other.json").write_text("{}")
    write_note(str(tmp_path), str(tmp_path / "data"), NOTE)
    assert sorted(os.listdir(tmp_path / ".ww")) == ["daily.json", "other.json"]
    assert read_note(str(tmp_path), str(tmp_path / "data"), "daily") == NOTE


@pytest.mark.rule("D-killed-any-instant")
def test_what_another_is_writing_is_left_to_it(tmp_path: Path) -> None:
    half = left_by_a_kill(tmp_path)
    fd = os.open(tmp_path / ".ww", os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        write_note(str(tmp_path), str(tmp_path / "data"), NOTE)
    finally:
        os.close(fd)
    assert half.exists()
    assert read_note(str(tmp_path), str(tmp_path / "data"), "daily") == NOTE
