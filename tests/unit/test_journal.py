from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ww.clock import FakeClock
from ww.events.journal import Dropped, Held, Journal, Written
from ww.events.spool import read_journal, read_segments
from ww.events.syncing import sync
from ww.instance.heldevents import RETRY_MS, HeldEvents
from ww.supervise.loop import Loop

RESERVE_BYTES = 64 << 10


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def a_journal(directory: object, clock: FakeClock, max_bytes: int = 64 << 20, fallback: object = None) -> Journal:
    return Journal(
        str(directory), 3, "b1", clock, max_bytes, RESERVE_BYTES, None if fallback is None else str(fallback)
    )


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """Every write beyond `size` bytes of a file fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.rule("D-journal-full")
def test_while_the_disk_refuses_lifecycle_waits_health_is_dropped_and_the_gap_takes_its_place(
    tmp_path: object, clock: FakeClock
) -> None:
    journal = a_journal(tmp_path, clock)
    os.unlink(f"{tmp_path}/reserve")
    assert journal.append("state", {"n": 1}) == Written(1)
    path = journal.path
    assert path is not None
    with files_at_most(os.path.getsize(path) + 10):
        assert journal.append("state", {"n": 2}) == Held(2)
        clock.advance(5)
        assert journal.append("health", {"n": 3}) == Dropped(3)
        assert journal.append("health", {"n": 3}) == Dropped(3)
        assert journal.append("state", {"n": 4}) == Held(4)
        assert journal.append("health", {"n": 3}) == Dropped(3)
        assert (journal.held, journal.dropped, journal.seq) == (3, 3, 4)
        assert not journal.retry()
    assert journal.append("health", {"n": 5}) == Written(5)
    assert journal.held == 0
    events = read_journal(str(tmp_path))
    assert [(event.seq, event.kind) for event in events] == [
        (1, "state"),
        (2, "state"),
        (3, "gap"),
        (4, "state"),
        (5, "health"),
    ]
    assert events[2].data == {
        "reason": "the disk refused",
        "health": 3,
        "lifecycle": 0,
        "until_ms": events[2].wall_ms,
    }
    assert all(segment.bad_at is None for segment in read_segments(str(tmp_path)))


@pytest.mark.rule("D-journal-full")
def test_a_write_that_fitted_in_part_is_taken_back(tmp_path: object, clock: FakeClock) -> None:
    journal = a_journal(tmp_path, clock)
    os.unlink(f"{tmp_path}/reserve")
    journal.append("state", {"n": 1})
    path = journal.path
    assert path is not None
    good = os.path.getsize(path)
    for room in range(1, 60, 7):
        with files_at_most(good + room):
            assert isinstance(journal.append("health", {"n": "x" * 100}), Dropped)
        assert os.path.getsize(path) == good


@pytest.mark.rule("D-journal-full")
def test_at_most_256_lifecycle_events_wait_and_the_rest_is_counted(tmp_path: object, clock: FakeClock) -> None:
    journal = a_journal(tmp_path, clock)
    os.unlink(f"{tmp_path}/reserve")
    with files_at_most(10):
        outcomes = [journal.append("state", {"n": n}) for n in range(300)]
    assert outcomes[:256] == [Held(n) for n in range(1, 257)]
    assert outcomes[256:] == [Dropped(257)] * 44
    assert journal.retry()
    events = read_journal(str(tmp_path))
    assert [event.seq for event in events] == list(range(1, 258))
    assert (events[-1].kind, events[-1].data["lifecycle"]) == ("gap", 44)


@pytest.mark.rule("D-journal-full")
def test_without_a_place_to_write_everything_happens_in_memory(clock: FakeClock) -> None:
    journal = Journal("/proc/nowhere", 1, "b", clock, 1 << 20, 0)
    assert (journal.where, journal.directory, journal.path) == ("memory", None, None)
    assert journal.note == "/proc/nowhere: No such file or directory"
    assert journal.append("state", {}) == Held(1)
    assert journal.append("health", {}) == Dropped(2)
    journal.close()


@pytest.mark.rule("D-journal-slow")
def test_a_directory_that_cannot_be_written_gives_way_to_the_run_directory(tmp_path: object, clock: FakeClock) -> None:
    journal = a_journal("/proc/nowhere", clock, fallback=f"{tmp_path}/run/journal")
    assert (journal.where, journal.directory) == ("fallback", f"{tmp_path}/run/journal")
    assert "/proc/nowhere" in journal.note
    assert journal.append("state", {}) == Written(1)
    without = Journal(None, 1, "b", clock, 1 << 20, 0, f"{tmp_path}/other")
    assert (without.where, without.note) == ("fallback", "there is no volume")


class SlowOnceClock(FakeClock):
    """A clock on which the n-th look at the monotonic time comes `late_ms` later than the one before."""

    __slots__ = ("late_ms", "left")

    def __init__(self) -> None:
        super().__init__()
        self.left = -1
        self.late_ms = 0

    def mono_ms(self) -> int:
        self.left -= 1
        if self.left == 0:
            self.advance(self.late_ms)
        return super().mono_ms()


@pytest.mark.rule("D-journal-slow")
@pytest.mark.parametrize(("late_ms", "moves"), [(250, False), (251, True)])
def test_a_write_of_over_250_ms_moves_the_journal_and_says_so(tmp_path: object, late_ms: int, moves: bool) -> None:
    clock = SlowOnceClock()
    journal = a_journal(f"{tmp_path}/data", clock, fallback=f"{tmp_path}/run")
    journal.append("state", {"n": 1})
    # The first look stamps the event, the second begins the write and the third ends it.
    clock.left, clock.late_ms = 3, late_ms
    assert journal.append("state", {"n": 2}) == Written(2)
    assert journal.where == ("fallback" if moves else "directory")
    assert [event.seq for event in read_journal(f"{tmp_path}/data")] == [1, 2]
    if moves:
        assert journal.append("health", {}) == Written(4)
        said, health = read_journal(f"{tmp_path}/run")
        assert (said.seq, said.kind, health.seq) == (3, "journal", 4)
        assert "one write took 251 ms" in str(said.data["reason"])
        assert journal.note == said.data["reason"]


@pytest.mark.rule("D-journal-bounded")
def test_the_oldest_segments_of_any_boot_go_and_the_current_one_never(tmp_path: object, clock: FakeClock) -> None:
    for boot_no, boot_id in ((1, "z"), (2, "a")):
        older = Journal(str(tmp_path), boot_no, boot_id, clock, 1 << 30, 0)
        for _ in range(40):
            older.append("state", {"x": "x" * 60_000})
        older.close()
    assert [segment.boot_no for segment in read_segments(str(tmp_path))] == [1, 1, 1, 2, 2, 2]
    journal = a_journal(tmp_path, clock, max_bytes=3 << 20)
    assert [segment.boot_no for segment in read_segments(str(tmp_path))] == [1, 1, 1, 2, 2, 2, 3]
    journal.bound()
    assert [segment.boot_no for segment in read_segments(str(tmp_path))] == [2, 2, 3]
    for _ in range(100):
        journal.append("state", {"x": "x" * 60_000})
        journal_bytes = sum(
            os.path.getsize(f"{tmp_path}/{name}") for name in os.listdir(str(tmp_path)) if name != "reserve"
        )
        assert journal_bytes <= 3 << 20
    seqs = [event.seq for event in read_journal(str(tmp_path))]
    assert seqs == list(range(101 - len(seqs), 101))
    tiny = Journal(str(tmp_path), 4, "t", clock, 1, 0)
    tiny.bound()
    assert tiny.append("state", {}) == Written(1)
    assert len(read_segments(str(tmp_path))) == 1


@pytest.mark.rule("D-journal-bounded")
def test_a_reporter_may_take_over_what_is_deleted(tmp_path: object, clock: FakeClock) -> None:
    a_journal(tmp_path, clock).append("state", {})
    journal = Journal(str(tmp_path), 4, "b2", clock, 1, 0)
    for _ in range(40):
        journal.append("state", {"x": "x" * 60_000})
    assert len(read_segments(str(tmp_path))) == 4


@pytest.mark.rule("D-journal-bounded")
def test_a_reporter_that_took_over_and_deletes_nothing_does_not_fill_the_disk(
    tmp_path: object, clock: FakeClock
) -> None:
    journal = a_journal(tmp_path, clock, max_bytes=3 << 20)
    journal.kept = True
    for _ in range(200):
        journal.append("state", {"x": "x" * 60_000})
        sizes = [os.path.getsize(f"{tmp_path}/{name}") for name in os.listdir(str(tmp_path)) if name != "reserve"]
        assert sum(sizes) <= 2 * (3 << 20)
    assert len(read_segments(str(tmp_path))) == 6, "what the reporter may still need is left to it"
    journal.max_bytes = 5 << 20
    for _ in range(200):
        journal.append("state", {"x": "x" * 60_000})
    assert len(read_segments(str(tmp_path))) == 10


@pytest.mark.rule("D-journal-written")
def test_data_too_long_for_a_record_is_cut_and_says_so(tmp_path: object, clock: FakeClock) -> None:
    journal = a_journal(tmp_path, clock)
    assert journal.append("health", {"text": '"\x00é😀' * 30_000}) == Written(1)
    [event] = read_journal(str(tmp_path))
    assert event.data["cut"] is True
    assert int(str(event.data["bytes"])) > 300_000
    assert str(event.data["head"]).startswith('{"text":')


def test_data_that_is_no_json_is_the_callers_error_and_costs_no_number(tmp_path: object, clock: FakeClock) -> None:
    journal = a_journal(tmp_path, clock)
    with pytest.raises(ValueError, match="Out of range float"):
        journal.append("health", {"x": float("nan")})
    with pytest.raises(TypeError):
        journal.append("health", {"x": b"bytes"})  # type: ignore[dict-item]
    assert journal.append("health", {"name": "\udcff"}) == Written(1)
    assert read_journal(str(tmp_path))[0].data == {"name": "\udcff"}


@pytest.mark.parametrize("boot_id", ["", "a/b", "é"])
def test_a_boot_id_must_fit_into_a_file_name(tmp_path: object, clock: FakeClock, boot_id: str) -> None:
    with pytest.raises(ValueError, match="cannot be a boot id"):
        Journal(str(tmp_path), 1, boot_id, clock, 1, 0)


@pytest.mark.rule("D-journal-sync")
def test_sync_says_whether_it_could(tmp_path: object, clock: FakeClock) -> None:
    a_journal(tmp_path, clock).append("state", {})
    assert sync(str(tmp_path), "b1") == sync(str(tmp_path)) == 0
    assert sync("/proc/nowhere") == errno.ENOENT


@pytest.mark.rule("D-journal-sync")
def test_each_segment_is_synced_once_and_said_to_be_by_its_mode(tmp_path: Path, clock: FakeClock) -> None:
    """A stop does not take longer with every boot that is kept, and what a killed boot left is not forgotten."""
    for boot in ("killed", "b1"):
        Journal(str(tmp_path), 1, boot, clock, 1 << 30, 0).append("state", {})
    assert sync(str(tmp_path), "b1") == 0
    modes = {file.name.split("-")[1]: file.stat().st_mode & 0o777 for file in tmp_path.glob("*.j")}
    assert modes == {"killed": 0o600, "b1": 0o400}
    assert sync(str(tmp_path)) == 0
    assert {file.stat().st_mode & 0o777 for file in tmp_path.glob("*.j")} == {0o400}
    assert len(read_journal(str(tmp_path))) == 2


@pytest.mark.rule("D-journal-full")
def test_events_that_wait_are_offered_again_every_5_s_and_then_no_more(tmp_path: object, clock: FakeClock) -> None:
    loop = Loop(clock)
    journal = a_journal(tmp_path, clock)
    os.unlink(f"{tmp_path}/reserve")
    HeldEvents(loop, journal)
    assert journal.path is not None
    with files_at_most(os.path.getsize(journal.path) + 10):
        assert journal.append("state", {"n": 1}) == Held(1)
        clock.advance(RETRY_MS)
        loop.turn(wait=False)
        assert journal.held == 1
    clock.advance(RETRY_MS - 1)
    loop.turn(wait=False)
    assert journal.held == 1
    clock.advance(1)
    loop.turn(wait=False)
    assert [event.seq for event in read_journal(str(tmp_path))] == [1]
    loop.close()
