"""Reading a journal: what the reporter and the tools do; PID 1 never does (runtime.md 17).

A file is good up to its first bad record. If no good record follows, it is a torn tail: a write that never returned,
so nothing that was accepted is missing. If one follows, the middle is damaged.
"""

from __future__ import annotations

import os
from zlib import crc32

from ww.clib import BadJson, json_loads
from ww.events.model import Event
from ww.events.segment import FRAME, RECORD_BYTES, header, parse_name, segment_names
from ww.types import Value


class Segment(Value):
    """One file of a journal. `bad_at` is the offset in bytes where its good part ends (None: it is all good);
    `torn` is true if nothing good follows that offset.
    """

    __slots__ = ("bad_at", "boot_id", "boot_no", "events", "first_seq", "torn")

    boot_no: int
    boot_id: str
    first_seq: int
    events: list[Event]
    torn: bool
    bad_at: int | None


def read_segment(path: str) -> Segment:
    """Read one segment. Raises ValueError if `path` is not named as one, OSError if it cannot be read."""
    parts = parse_name(os.path.basename(path))
    if parts is None:
        raise ValueError(f"{path} is not a segment of a journal")
    with open(path, "rb") as file:
        content = file.read()
    segment = Segment()
    segment.boot_no, segment.boot_id, segment.first_seq = parts
    segment.events = []
    start = header(segment.boot_id)
    offset: int | None = len(start) if content.startswith(start) else None
    bad_at = 0
    while offset is not None:
        bad_at = offset
        event, offset = _record(content, offset)
        if event is not None:
            segment.events.append(event)
    good = bad_at == len(content) and content.startswith(start)
    segment.bad_at = None if good else bad_at
    segment.torn = not good and not _anything_good(content, bad_at + 1)
    return segment


def _record(content: bytes, offset: int) -> tuple[Event | None, int | None]:
    """The event at `offset` and where the next one begins; (None, None) if there is no good record."""
    text = _text(content, offset)
    event = None if text is None else parse_event(text)
    if text is None or event is None:
        return None, None
    return event, offset + FRAME.size + len(text)


def _text(content: bytes, offset: int) -> bytes | None:
    start = offset + FRAME.size
    if start > len(content):
        return None
    length, checksum = FRAME.unpack_from(content, offset)
    # Length 0 with checksum 0 is what a file system leaves after a power cut: a tail of zeros, no record.
    if not 0 < length <= RECORD_BYTES or start + length > len(content):
        return None
    text = content[start : start + length]
    return text if crc32(text) == checksum else None


def parse_event(text: bytes) -> Event | None:
    """An event from the text of a record; None if it is none."""
    try:
        record = json_loads(text.decode("utf-8"))
    except (BadJson, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    seq, kind, wall_ms, mono_ms, data = (record.get(key) for key in "skwmd")
    if not (isinstance(seq, int) and isinstance(wall_ms, int) and isinstance(mono_ms, int)):
        return None
    if not (isinstance(kind, str) and isinstance(data, dict)):
        return None
    return Event(seq, kind, wall_ms, mono_ms, data)


def _anything_good(content: bytes, offset: int) -> bool:
    """True if a good record begins anywhere from `offset` on."""
    return any(_text(content, place) is not None for place in range(offset, len(content) - FRAME.size + 1))


def read_segments(directory: str) -> list[Segment]:
    """Every segment of a journal, in the order of writing; those deleted meanwhile are left out."""
    found = []
    for name in segment_names(directory):
        try:
            found.append(read_segment(f"{directory}/{name}"))
        except FileNotFoundError:
            continue
    return found


def read_journal(directory: str) -> list[Event]:
    """Every good event, ordered by boot number and then by sequence."""
    return [event for segment in read_segments(directory) for event in segment.events]
