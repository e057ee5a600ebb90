from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.support.spooling import SlowClock
from ww.clock import FakeClock
from ww.events.journal import Journal
from ww.events.model import Event
from ww.events.reader import PATIENCE_MS
from ww.events.segment import SEGMENT_BYTES, encode_event, header, segment_name
from ww.events.spool import START, Position, Reader, Stored

ALL = 1 << 30


def a_journal(directory: Path, boot_no: int = 1, boot: str = "b1", clock: FakeClock | None = None) -> Journal:
    journal = Journal(str(directory), boot_no, boot, clock or FakeClock(), 1 << 40, 0)
    journal.bounded = False
    return journal


def a_boot(directory: Path, boot_no: int, boot: str, count: int = 3, wall_ms: int = 1_700_000_000_000) -> None:
    journal = a_journal(directory, boot_no, boot, FakeClock(wall=wall_ms))
    for n in range(1, count + 1):
        journal.append("state", {"n": n})
    journal.close()


def records(count: int, first: int = 1) -> list[bytes]:
    return [encode_event(Event(n, "state", 10 + n, n, {"n": n})) for n in range(first, first + count)]


def write(directory: Path, boot_no: int, boot: str, first_seq: int, content: bytes, with_header: bool = True) -> Path:
    path = directory / segment_name(boot_no, boot, first_seq)
    path.write_bytes((header(boot) if with_header else b"") + content)
    return path


def seqs(found: list[Stored]) -> list[int]:
    return [one.event.seq for one in found]


def names(found: list[Stored]) -> list[tuple[str, int]]:
    return [(one.boot, one.event.seq) for one in found]


def bytes_read() -> int:
    line = next(line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("rchar"))
    return int(line.split()[1])


@pytest.mark.rule("D-spool-reader")
def test_new_events_are_given_out_once_each_as_they_come(tmp_path: Path) -> None:
    reader = Reader([str(tmp_path)])
    assert reader.read(10, ALL) == []
    journal = a_journal(tmp_path)
    assert reader.read(10, ALL) == []
    for n in range(1, 6):
        journal.append("state", {"n": n})
    assert seqs(reader.read(2, ALL)) == [1, 2]
    assert seqs(reader.read(10, ALL)) == [3, 4, 5]
    assert reader.read(10, ALL) == []
    journal.append("health", {"é": [1, None]})
    (last,) = reader.read(10, ALL)
    assert (last.event.kind, last.event.data, last.position) == ("health", {"é": [1, None]}, Position(1, "b1", 6))
    assert reader.position == last.position


@pytest.mark.rule("D-spool-reader")
def test_a_batch_is_bounded_in_bytes_but_never_empty_for_it(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    for _ in range(6):
        journal.append("state", {"x": "x" * 1000})
    reader = Reader([str(tmp_path)])
    assert seqs(reader.read(10, 10)) == [1]
    assert seqs(reader.read(10, 2500)) == [2, 3]
    assert seqs(reader.read(10, ALL)) == [4, 5, 6]


@pytest.mark.rule("D-spool-reader")
def test_one_new_record_costs_one_small_read_and_one_descriptor(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    for _ in range(3000):
        journal.append("health", {"x": "x" * 1000})
    before = len(os.listdir("/proc/self/fd"))
    reader = Reader([str(tmp_path)])
    while reader.read(500, ALL):
        pass
    assert len(os.listdir("/proc/self/fd")) == before + 1
    start = bytes_read()
    for _ in range(10):
        journal.append("health", {"x": "x" * 1000})
        assert len(reader.read(500, ALL)) == 1
    assert bytes_read() - start < 100_000
    reader.close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.rule("D-spool-reader")
def test_a_record_is_given_out_when_its_last_byte_is_there_and_not_before(tmp_path: Path) -> None:
    (one, two) = records(2)
    path = write(tmp_path, 1, "b1", 1, b"", with_header=False)
    reader = Reader([str(tmp_path)])
    content = header("b1") + one + two
    seen = []
    for length in range(1, len(content) + 1):
        with path.open("ab") as file:
            file.write(content[length - 1 : length])
        found = reader.read(10, ALL)
        seen += [(seq, length) for seq in seqs(found)]
    assert seen == [(1, len(content) - len(two)), (2, len(content))]
    assert reader.damaged == []


@pytest.mark.rule("D-spool-reader")
def test_half_a_record_that_was_taken_back_is_forgotten(tmp_path: Path) -> None:
    (one, lost) = records(2)
    other = encode_event(Event(2, "gap", 12, 2, {"reason": "the disk refused"}))
    path = write(tmp_path, 1, "b1", 1, one + lost[:-4])
    reader = Reader([str(tmp_path)])
    assert seqs(reader.read(10, ALL)) == [1]
    write(tmp_path, 1, "b1", 1, one)
    assert reader.read(10, ALL) == []
    with path.open("ab") as file:
        file.write(other)
    (found,) = reader.read(10, ALL)
    assert (found.event.seq, found.event.kind) == (2, "gap")
    assert reader.damaged == []


@pytest.mark.rule("D-spool-reader")
def test_a_tail_torn_at_any_byte_does_not_hold_up_the_next_boot(tmp_path: Path) -> None:
    content = b"".join(records(2))
    edge = len(records(1)[0])
    a_boot(tmp_path, 2, "b2", 1)
    for length in range(len(content)):
        write(tmp_path, 1, "b1", 1, content[:length])
        reader = Reader([str(tmp_path)])
        whole = [("b1", 1)] if length >= edge else []
        assert names(reader.read(10, ALL)) == [*whole, ("b2", 1)]
        assert reader.damaged == []
        reader.close()


@pytest.mark.rule("D-spool-reader")
@pytest.mark.rule("D-spool-quarantine")
def test_what_is_good_behind_a_flipped_byte_is_still_given_out(tmp_path: Path) -> None:
    parts = records(4)
    content = b"".join(parts)
    a_boot(tmp_path, 2, "b2", 1)
    for offset in range(0, len(content) - len(parts[3]), 3):
        broken = bytearray(content)
        broken[offset] ^= 0x41
        path = write(tmp_path, 1, "b1", 1, bytes(broken))
        victim = next(n for n in range(1, 5) if offset < sum(len(part) for part in parts[:n]))
        reader = Reader([str(tmp_path)])
        assert names(reader.read(10, ALL)) == [*[("b1", n) for n in range(1, 5) if n != victim], ("b2", 1)]
        assert [damage.path for damage in reader.damaged] == [str(path)]
        reader.close()


@pytest.mark.rule("D-spool-reader")
def test_a_damaged_header_costs_no_event(tmp_path: Path) -> None:
    write(tmp_path, 1, "b1", 1, b"WWJ1bX" + b"".join(records(3)), with_header=False)
    reader = Reader([str(tmp_path)])
    assert seqs(reader.read(10, ALL)) == [1, 2, 3]
    assert len(reader.damaged) == 1


@pytest.mark.rule("D-spool-reader")
def test_it_follows_into_the_next_segment_and_into_the_fallback(tmp_path: Path) -> None:
    clock = SlowClock()
    main, fallback = tmp_path / "main", tmp_path / "fallback"
    journal = Journal(str(main), 4, "b4", clock, 1 << 40, 0, str(fallback))
    reader = Reader([str(main), str(fallback)], running="b4")
    found = []
    for n in range(1, 60):
        clock.slow_ms = 300 * (n == 40)
        journal.append("state", {"x": "x" * 50_000})
        found += reader.read(10, ALL)
    assert journal.where == "fallback"
    assert seqs(found) == list(range(1, journal.seq + 1))
    assert len(list(main.iterdir())) == 2
    assert {os.path.dirname(one.where[0]) for one in found} == {str(main), str(fallback)}
    # And the same from the beginning.
    assert names(Reader([str(main), str(fallback)]).read(1000, ALL)) == names(found)


@pytest.mark.rule("D-spool-reader")
def test_what_was_written_last_into_a_full_segment_is_not_missed(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    reader = Reader([str(tmp_path)])
    found = []
    for n in range(1, 41):
        journal.append("state", {"x": "x" * 60_000})
        if n % 7 == 0:
            found += reader.read(1000, ALL)
    found += reader.read(1000, ALL)
    assert seqs(found) == list(range(1, 41))


@pytest.mark.rule("D-spool-reader")
def test_segments_deleted_under_it_are_no_drama(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    for _ in range(60):
        journal.append("state", {"x": "x" * 60_000})
    reader = Reader([str(tmp_path)])
    assert seqs(reader.read(3, ALL)) == [1, 2, 3]
    first, second, *_ = sorted(tmp_path.iterdir())
    first.unlink()
    second.unlink()
    # The open one is read to its end, whatever became of its name.
    found = seqs(reader.read(1000, ALL))
    assert found[0] == 4
    assert found[-1] == 60
    missing = sorted(set(range(1, 61)) - set(found) - {1, 2, 3})
    assert missing == list(range(missing[0], missing[-1] + 1))


@pytest.mark.rule("D-spool-reader")
def test_a_cursor_is_found_again_wherever_it_stands(tmp_path: Path) -> None:
    for boot_no in (1, 2, 3):
        journal = a_journal(tmp_path, boot_no, f"b{boot_no}")
        for _ in range(30):
            journal.append("state", {"x": "x" * 60_000})
        journal.close()
    everything = names(Reader([str(tmp_path)]).read(1000, ALL))
    assert len(everything) == 90
    for index, (boot, seq) in list(enumerate(everything))[::4]:
        reader = Reader([str(tmp_path)], Position(int(boot[1:]), boot, seq))
        assert names(reader.read(2, ALL)) == everything[index + 1 : index + 3]
        reader.close()


@pytest.mark.rule("D-spool-reader")
def test_a_cursor_whose_boot_is_gone_stands_between_its_neighbours(tmp_path: Path) -> None:
    a_boot(tmp_path, 1, "b1", 1)
    a_boot(tmp_path, 3, "b3", 1)
    assert names(Reader([str(tmp_path)], Position(2, "b2", 500)).read(10, ALL)) == [("b3", 1)]
    # Another boot of that number may be one that nobody has seen: better twice than never.
    assert names(Reader([str(tmp_path)], Position(3, "bx", 500)).read(10, ALL)) == [("b3", 1)]
    assert names(Reader([str(tmp_path)], START).read(10, ALL)) == [("b1", 1), ("b3", 1)]
    # The count began anew: whatever the cursor knows, the boot that runs is behind it.
    assert names(Reader([str(tmp_path)], Position(9, "bx", 500), running="b3").read(10, ALL)) == [("b3", 1)]


@pytest.mark.rule("D-spool-reader")
@pytest.mark.parametrize("number", [0, 7])
def test_boots_of_one_number_come_in_the_order_of_their_time(tmp_path: Path, number: int) -> None:
    a_boot(tmp_path, number, "zz", 2, wall_ms=1_700_000_000_000)
    a_boot(tmp_path, number, "mm", 2, wall_ms=1_700_000_500_000)
    a_boot(tmp_path, number, "aa", 2, wall_ms=1_700_000_900_000)
    expected = [("zz", 1), ("zz", 2), ("mm", 1), ("mm", 2), ("aa", 1), ("aa", 2)]
    assert names(Reader([str(tmp_path)]).read(10, ALL)) == expected
    for index, (boot, seq) in enumerate(expected):
        reader = Reader([str(tmp_path)], Position(number, boot, seq))
        assert names(reader.read(10, ALL)) == expected[index + 1 :]


@pytest.mark.rule("D-spool-reader")
@pytest.mark.parametrize("number", [0, 7])
def test_a_cursor_in_a_boot_of_which_no_event_is_left_does_not_pass_what_came_later(
    tmp_path: Path, number: int
) -> None:
    a_boot(tmp_path, number, "old", 2, wall_ms=1_700_000_000_000)
    write(tmp_path, number, "old", 3, b"")
    a_boot(tmp_path, number, "new", 2, wall_ms=1_700_000_500_000)
    a_boot(tmp_path, 0, "now", 1, wall_ms=1_700_000_900_000)
    position = Position(number, "old", 2)
    expected = [("new", 1), ("new", 2), ("now", 1)]
    assert names(Reader([str(tmp_path)], position, running="now").read(10, ALL)) == expected
    (tmp_path / segment_name(number, "old", 1)).unlink()
    assert names(Reader([str(tmp_path)], position, running="now").read(10, ALL)) == expected


@pytest.mark.rule("D-spool-reader")
def test_a_boot_whose_count_left_no_event_does_not_put_later_ones_behind_those_without_a_volume(tmp_path: Path) -> None:
    a_boot(tmp_path, 1, "b1", 1, wall_ms=1_700_000_000_000)
    write(tmp_path, 2, "b2", 1, b"")
    a_boot(tmp_path, 3, "b3", 1, wall_ms=1_700_000_300_000)
    a_boot(tmp_path, 0, "none", 1, wall_ms=1_700_000_600_000)
    found = names(Reader([str(tmp_path)], Position(3, "b3", 1), running="now").read(10, ALL))
    assert found == [("none", 1)]


@pytest.mark.rule("D-spool-reader")
def test_a_damaged_first_record_does_not_hide_when_a_boot_was(tmp_path: Path) -> None:
    a_boot(tmp_path, 0, "aa", 2, wall_ms=1_700_000_500_000)
    write(tmp_path, 0, "zz", 1, b"garbage" + b"".join(records(2)))
    assert names(Reader([str(tmp_path)]).read(10, ALL)) == [("zz", 1), ("zz", 2), ("aa", 1), ("aa", 2)]


@pytest.mark.rule("D-spool-reader")
def test_the_boot_that_runs_is_the_last_whatever_its_clock_says(tmp_path: Path) -> None:
    a_boot(tmp_path, 0, "old", 1, wall_ms=1_900_000_000_000)
    a_boot(tmp_path, 5, "five", 1, wall_ms=1_700_000_000_000)
    a_boot(tmp_path, 0, "now", 1, wall_ms=1)
    assert names(Reader([str(tmp_path)], running="now").read(10, ALL)) == [("five", 1), ("old", 1), ("now", 1)]


@pytest.mark.rule("D-spool-reader")
def test_fetching_what_a_receiver_wants_again_moves_nothing(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    for _ in range(50):
        journal.append("state", {"x": "x" * 60_000})
    reader = Reader([str(tmp_path)])
    reader.read(45, ALL)
    assert seqs(reader.fetch("b1", 15, 20)) == [15, 16, 17, 18, 19, 20]
    assert seqs(reader.fetch("b1", 49, 70)) == [49, 50]
    assert reader.fetch("other", 1, 5) == []
    assert seqs(reader.read(100, ALL)) == [46, 47, 48, 49, 50]
    reader.seek(Position(1, "b1", 30))
    assert seqs(reader.read(2, ALL)) == [31, 32]


@pytest.mark.rule("D-spool-reader")
def test_what_cannot_be_opened_is_waited_for_and_then_passed_over(tmp_path: Path) -> None:
    clock = FakeClock()
    a_boot(tmp_path, 1, "b1", 2)
    (tmp_path / segment_name(2, "b2", 1)).symlink_to("/etc/passwd")
    a_boot(tmp_path, 3, "b3", 2)
    reader = Reader([str(tmp_path)], running="b3", clock=clock)
    assert names(reader.read(10, ALL)) == [("b1", 1), ("b1", 2)]
    clock.advance(PATIENCE_MS - 1)
    for _ in range(5):
        assert reader.read(10, ALL) == []
    clock.advance(1)
    assert names(reader.read(10, ALL)) == [("b3", 1), ("b3", 2)]
    assert ["Too many levels" in damage.words for damage in reader.damaged] == [True]
    assert reader.read(10, ALL) == []
    assert len(reader.damaged) == 1


@pytest.mark.rule("D-spool-reader")
def test_a_directory_named_as_a_segment_and_a_pipe_hold_up_nobody_for_good(tmp_path: Path) -> None:
    clock = FakeClock()
    (tmp_path / segment_name(1, "b1", 1)).mkdir()
    os.mkfifo(tmp_path / segment_name(2, "b2", 1))
    a_boot(tmp_path, 3, "b3", 1)
    reader = Reader([str(tmp_path)], running="b3", clock=clock)
    found: list[Stored] = []
    for _ in range(20):
        found += reader.read(10, ALL)
        clock.advance(PATIENCE_MS)
    assert names(found) == [("b3", 1)]


@pytest.mark.rule("D-spool-reader")
def test_a_directory_that_vanished_is_waited_for_before_the_next_one_is_read(tmp_path: Path) -> None:
    clock = FakeClock()
    main, away, fallback = tmp_path / "main", tmp_path / "away", tmp_path / "fallback"
    fallback.mkdir()
    journal = a_journal(main)
    journal.append("state", {})
    reader = Reader([str(main), str(fallback)], running="b1", clock=clock)
    assert seqs(reader.read(10, ALL)) == [1]
    reader.close()
    journal.append("state", {})
    main.rename(away)
    write(fallback, 1, "b1", 3, b"".join(records(1, 3)))
    assert reader.read(10, ALL) == []
    away.rename(main)
    assert seqs(reader.read(10, ALL)) == [2, 3]
    # Gone for good: after a while the other one is all there is.
    other = Reader([str(main), str(fallback)], running="b1", clock=clock)
    assert seqs(other.read(1, ALL)) == [1]
    other.close()
    main.rename(away)
    for _ in range(5):
        assert other.read(10, ALL) == []
    clock.advance(PATIENCE_MS)
    assert seqs(other.read(10, ALL)) == [3]


@pytest.mark.rule("D-spool-speed")
@pytest.mark.timeout(30)
def test_sixty_thousand_records_a_second_are_read_on_one_core(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    sample = {"healthy": True, "stats": {"connections": 12, "qps": 17.25}, "ww": {"cpu": 0.12, "rss_bytes": 123456789}}
    for _ in range(6_000):
        journal.append("health", sample)
    best = 0.0
    for _ in range(3):
        reader = Reader([str(tmp_path)])
        started = time.process_time()
        count = sum(len(found) for found in iter(lambda: reader.read(500, SEGMENT_BYTES), []))  # noqa: B023
        best = max(best, count / (time.process_time() - started))
        assert count == 6_000
    assert best >= 60_000
