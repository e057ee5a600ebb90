"""A reader that follows a writer at full speed, in another process, and one whose writer is killed."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

import pytest

from tests.support.waiting import until
from ww.clock import Clock
from ww.events.journal import Journal
from ww.events.spool import Cursors, Position, Reader, Stored

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
COUNT = 5000


def writer(directory: str, boot_no: int, pause_s: float = 0.0) -> int:
    """A process that writes events of which 17 fill a segment; its pid."""
    child = os.fork()
    if child:
        return child
    try:
        journal = Journal(directory, boot_no, f"b{boot_no}", Clock(), 1 << 40, 0)
        for n in range(1, COUNT + 1):
            journal.append("state", {"n": n, "x": "x" * 60_000})
            while n % 17 == 0 and len(os.listdir(directory)) > 60:
                time.sleep(0.001)  # memory is small: whoever follows deletes what he has read
            if pause_s:
                time.sleep(pause_s)
    finally:
        os._exit(0)


def has_written(directory: str, boot_no: int) -> bool:
    return any(path.stat().st_size > 60_000 for path in Path(directory).glob(f"*-b{boot_no}-*.j"))


@pytest.mark.rule("D-spool-reader")
def test_a_writer_at_full_speed_is_followed_without_a_hole() -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        pid = writer(directory, 1)
        reader = Reader([directory], running="b1")
        path, seq = "", 0
        deadline = time.monotonic() + 50
        while seq < COUNT and time.monotonic() < deadline:
            for one in reader.read(1, 1):
                assert one.event.seq == seq + 1
                seq += 1
                if path not in ("", one.where[0]):
                    os.unlink(path)
                path = one.where[0]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert reader.damaged == []
        assert seq == COUNT


@pytest.mark.rule("D-spool-reader", "D-spool-cursors")
def test_readers_and_writers_that_are_killed_again_and_again_pass_everything_on_once_or_more() -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        taken: list[tuple[int, int]] = []
        for boot_no in range(1, 7):
            pid = writer(directory, boot_no, 0.0005)
            until(lambda number=boot_no: has_written(directory, number), "its first event")
            for _ in range(3):
                cursors = Cursors([directory])
                reader = Reader([directory], cursors.get("web"), f"b{boot_no}")
                over_at = time.monotonic() + 0.05
                found: list[Stored] = []
                while time.monotonic() < over_at:
                    found = reader.read(7, 1 << 20)
                    taken += [(one.boot_no, one.event.seq) for one in found]
                    if found:
                        cursors.set("web", found[-1].position)
                # What it took last is not remembered: it was killed before.
                if len(taken) % 2:
                    cursors.save(force=True)
                reader.close()
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        reader = Reader([directory], Cursors([directory]).get("web"), "none")
        while found := reader.read(100, 1 << 30):
            taken += [(one.boot_no, one.event.seq) for one in found]
        assert isinstance(reader.position, Position)
        seen: dict[int, int] = {}
        for boot_no, seq in taken:
            assert seq <= seen.get(boot_no, 0) + 1, "a hole"
            seen[boot_no] = max(seq, seen.get(boot_no, 0))
        assert sorted(seen) == list(range(1, 7))
