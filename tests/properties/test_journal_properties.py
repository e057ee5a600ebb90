from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ww.clock import FakeClock
from ww.events.journal import Journal, Written
from ww.events.model import Event
from ww.events.segment import encode_event, header, parse_name, segment_name
from ww.events.spool import read_journal, read_segment, read_segments

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=8), values, max_size=4)


@pytest.mark.rule("D-journal-written")
@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(["state", "health"]), objects, st.integers(0, 60_000)), min_size=1, max_size=60)
)
def test_what_was_written_is_read_back_in_order(events: list[tuple[str, dict[str, object], int]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        clock = FakeClock()
        journal = Journal(directory, 7, "b-0f", clock, 1 << 30, 0)
        for n, (kind, data, padding) in enumerate(events, 1):
            clock.advance(1)
            assert journal.append(kind, {**data, "": "x" * padding}) == Written(n)
        journal.close()
        found = read_journal(directory)
        assert [event.seq for event in found] == list(range(1, len(events) + 1))
        for event, (kind, data, padding) in zip(found, events, strict=True):
            assert (event.kind, event.data) == (kind, {**data, "": "x" * padding})
            assert event.mono_ms == 1_000_000 + event.seq
        for segment in read_segments(directory):
            assert segment.bad_at is None
            assert segment.first_seq == segment.events[0].seq
            assert os.path.getsize(f"{directory}/{segment_name(7, 'b-0f', segment.first_seq)}") <= 1 << 20


def write_segment(directory: str, content: bytes) -> str:
    path = f"{directory}/{segment_name(1, 'boot', 1)}"
    with open(path, "wb") as file:
        file.write(content)
    return path


def some_records(count: int) -> list[bytes]:
    return [encode_event(Event(n, "state", 10 + n, n, {"n": n, "é": "x" * n})) for n in range(1, count + 1)]


@pytest.mark.rule("D-journal-torn")
def test_a_tail_torn_at_any_byte_costs_only_the_record_that_was_never_accepted(tmp_path: object) -> None:
    records = some_records(6)
    content = header("boot") + b"".join(records)
    edges = [len(header("boot"))]
    for record in records:
        edges.append(edges[-1] + len(record))
    for length in range(len(content) + 1):
        segment = read_segment(write_segment(str(tmp_path), content[:length]))
        whole = sum(edge <= length for edge in edges[1:])
        assert [event.seq for event in segment.events] == list(range(1, whole + 1))
        at_edge = length in edges
        assert segment.torn is not at_edge
        assert segment.bad_at == (None if at_edge else edges[whole] if length >= edges[0] else 0)


@pytest.mark.rule("D-journal-torn")
def test_a_flipped_byte_anywhere_is_never_read_as_an_event(tmp_path: object) -> None:
    records = some_records(4)
    content = header("boot") + b"".join(records)
    first = len(header("boot"))
    for offset in range(first, len(content)):
        broken = bytearray(content)
        broken[offset] ^= 0x41
        segment = read_segment(write_segment(str(tmp_path), bytes(broken)))
        edge = first
        good = 0
        while edge + len(records[good]) <= offset:
            edge += len(records[good])
            good += 1
        assert [event.seq for event in segment.events] == list(range(1, good + 1))
        assert segment.bad_at == edge
        # Damage before the last record is a bad middle; in the last one nobody can tell it from a torn write.
        assert segment.torn is (good == len(records) - 1)


@pytest.mark.rule("D-journal-torn")
def test_zeros_that_a_power_cut_leaves_are_a_torn_tail(tmp_path: object) -> None:
    content = header("boot") + b"".join(some_records(3))
    segment = read_segment(write_segment(str(tmp_path), content + b"\0" * 5000))
    assert len(segment.events) == 3
    assert (segment.torn, segment.bad_at) == (True, len(content))


@pytest.mark.rule("D-journal-torn")
@given(st.binary(max_size=200))
def test_no_bytes_at_all_upset_the_reader(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        segment = read_segment(write_segment(directory, content))
        assert segment.events == []
        read_segment(write_segment(directory, header("boot") + content))


@given(st.integers(0, 10**9), st.from_regex(r"[0-9a-z-]{1,36}", fullmatch=True), st.integers(0, 10**13))
def test_names_are_read_as_they_were_written(boot_no: int, boot_id: str, seq: int) -> None:
    assert parse_name(segment_name(boot_no, boot_id, seq)) == (boot_no, boot_id, seq)


@pytest.mark.parametrize(
    "name", ["reserve", "x.j", "00000001-.j", "00000001-a.j", "1-a-000000000001.j", "00000001-a-x.j"]
)
def test_other_files_are_no_segments(name: str) -> None:
    assert parse_name(name) is None
