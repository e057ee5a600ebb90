"""The records of a journal's files, read back.

A file is good up to its first bad record. If no good record follows, it is a torn tail: a write that never returned,
so nothing that was accepted is missing. If one follows, the middle is damaged.
"""

from __future__ import annotations

import os
import re
from zlib import crc32

from ww.clib import BadJson, json_loads
from ww.events.model import Event
from ww.events.segment import FRAME, RECORD_BYTES, header, parse_name, segment_names
from ww.types import Value

READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""A pipe or a link that somebody named as a segment is nothing to wait for or to follow."""


class Segment(Value):
    """One file of a journal.

    `bad_at` is the offset in bytes where its good part ends (None: it is all good); `torn` is true if nothing good
    follows that offset.
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
    segment.torn = not good and next_good(content, bad_at + 1) is None
    return segment


def _record(content: bytes, offset: int) -> tuple[Event | None, int | None]:
    """The event at `offset` and where the next one begins; (None, None) if there is no good record."""
    text = record_text(content, offset)
    event = None if text is None else parse_event(text)
    if text is None or event is None:
        return None, None
    return event, offset + FRAME.size + len(text)


def record_text(content: bytes, offset: int) -> bytes | None:
    """The text of the record at `offset`; None if there is no whole and good one."""
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


# The length of a record is 1 to 65,536: what cannot be one need not be looked at, least of all a tail of zeros.
_LENGTHS = re.compile(rb"(?=\x00\x00(?:[^\x00].|\x00[^\x00])|\x00\x01\x00\x00)", re.DOTALL)


def next_good(content: bytes, offset: int) -> int | None:
    """Where the next good record begins, from `offset` on; None if there is none."""
    for found in _LENGTHS.finditer(content, offset):
        text = record_text(content, found.start())
        if text is not None and parse_event(text) is not None:
            return found.start()
    return None


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
