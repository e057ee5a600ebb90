from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ww.clock import FakeClock
from ww.supervise.logs import Formatter, LineCutter
from ww.supervise.pump import LINE_BYTES

# Lines around the length at which they are split, of characters of one to four bytes, and bytes that are none.
pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"\n", b"\n\n", b"x" * LINE_BYTES, b"x" * (LINE_BYTES - 1), b"\x80" * (LINE_BYTES + 3)]),
    st.builds(lambda text, n: text.encode() * n, st.sampled_from(["é", "€", "😀", "a\n"]), st.integers(0, 12_000)),
)
streams = st.lists(pieces, max_size=8).map(b"".join)


def cut(stream: bytes, at: list[int]) -> list[tuple[bytes, bool]]:
    """The lines of `stream`, one by one, when it comes in chunks that end at the offsets `at`."""
    cutter = LineCutter()
    edges = [0, *sorted(offset % (len(stream) + 1) for offset in at), len(stream)]
    found = []
    for start, stop in pairwise(edges):
        found += cutter.feed(stream[start:stop])
    lines: list[tuple[bytes, bool]] = []
    if stream and not stream.endswith(b"\n"):
        found += cutter.feed(b"\n")
    for text, goes_on in found:
        if goes_on:
            lines.append((text, True))
        else:
            assert text.endswith(b"\n")
            lines += [(line, False) for line in text[:-1].split(b"\n")]
    return lines


@pytest.mark.rule("D-log-lines")
@given(streams, st.lists(st.integers(0, 1 << 20), max_size=12))
@example(b"x" * (LINE_BYTES + 1) + b"\n", [LINE_BYTES, LINE_BYTES + 1])
@example("é".encode() * LINE_BYTES, [LINE_BYTES - 1, LINE_BYTES + 1])
def test_any_chunking_gives_the_same_lines(stream: bytes, at: list[int]) -> None:
    whole = cut(stream, [])
    assert cut(stream, at) == whole
    assert cut(stream, list(range(0, len(stream), 65536))) == whole


@pytest.mark.rule("D-log-lines")
@given(streams)
def test_no_byte_is_lost_and_no_line_is_too_long(stream: bytes) -> None:
    lines = cut(stream, [])
    together = b"".join(text if goes_on else text + b"\n" for text, goes_on in lines)
    assert together == (stream if stream.endswith(b"\n") or not stream else stream + b"\n")
    assert all(len(text) <= LINE_BYTES for text, _ in lines)


@pytest.mark.rule("D-log-lines")
def test_a_line_of_16_kib_is_whole_and_one_byte_more_is_split() -> None:
    longest = b"x" * LINE_BYTES
    assert cut(longest + b"\n", []) == [(longest, False)]
    assert cut(longest + b"y\n", []) == [(longest, True), (b"y", False)]


@pytest.mark.rule("D-log-lines")
@given(st.text(max_size=9000), st.integers(0, 3))
@example("é" * 9000, 1)
@example("€" * 6000, 2)
@example("😀" * 6000, 3)
def test_a_split_never_cuts_a_character(text: str, pad: int) -> None:
    stream = b"a" * pad + (text.replace("\n", " ") * 4).encode()
    for piece, _ in cut(stream, []):
        piece.decode()


@pytest.mark.rule("D-log-lines")
@given(st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), min_size=1, max_size=20))
def test_both_formats_keep_every_line_apart(lines: list[bytes]) -> None:
    chunk = b"\n".join(lines) + b"\n"
    plain = Formatter("plain", FakeClock()).lines("a", "stdout", chunk)
    prefix = b"2023-11-14T22:13:20.000Z a | "
    assert plain == b"".join(prefix + line + b"\n" for line in lines)
    as_json = Formatter("json", FakeClock()).lines("a", "stdout", chunk)
    assert as_json.endswith(b"\n")
    found = [json.loads(line)["message"] for line in as_json[:-1].split(b"\n")]
    assert found == [line.decode("utf-8", "replace") for line in lines]
