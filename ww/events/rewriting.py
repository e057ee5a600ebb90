"""A segment of the past made again: without most of its health events, or without what was damaged in it.

A reader sees the old file or the new one. The bytes of the records that are kept stay what they were.
"""

from __future__ import annotations

import os

from ww.events.model import HEALTH
from ww.events.records import parse_event
from ww.events.segment import frame, header, parse_name
from ww.events.segmentfile import SegmentFile
from ww.events.syncing import SYNCED_MODE
from ww.home.smallfile import sync_directory
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.events.model import Event
    from ww.events.shelf import Place

KEEP_OF_HEALTH = (10, 0)
"""Of how many health events one is kept: first one of ten, then none but those in which the health changed."""
_TEMPORARY = ".tmp"


class Record(Value):
    """A good record: its event and its text."""

    __slots__ = ("event", "text")

    def __init__(self, event: Event, text: bytes) -> None:
        self.event = event
        self.text = text


class Content(Value):
    """The good records of a segment, whether something between them is damaged, and how many bytes at its end are none."""

    __slots__ = ("damaged", "records", "torn_bytes")

    def __init__(self, records: list[Record], damaged: bool, torn_bytes: int) -> None:
        self.records = records
        self.damaged = damaged
        self.torn_bytes = torn_bytes

    @property
    def size(self) -> int:
        """Bytes of the texts."""
        return sum(len(record.text) for record in self.records)


def load(place: Place) -> Content:
    """Everything good in a segment. Raises OSError if the disk does not give all of it: it must not be made again then."""
    file = SegmentFile(place)
    records = []
    try:
        while (text := file.peek()) is not None:
            file.skip(text)
            event = parse_event(text)
            if event is not None:
                records.append(Record(event, text))
        return Content(records, bool(file.damaged), max(0, file.size() - file.offset))
    finally:
        file.close()


def thin(records: Sequence[Record], keep_one_of: int) -> list[Record]:
    """`records` with one of `keep_one_of` health events (0: none) and each in which the health changed; all else stays.

    Thinned again in the same way they stay as they are.
    """
    kept = []
    before: object = None
    for record in records:
        event = record.event
        if event.kind == HEALTH:
            healthy = event.data.get("healthy")
            changed, before = healthy != before, healthy
            if not changed and (not keep_one_of or event.seq % keep_one_of):
                continue
        kept.append(record)
    return kept


def replace(place: Place, records: Sequence[Record]) -> None:
    """Put a segment of `records` in place of the file at `place`, synced. Raises OSError, and then it is as it was."""
    directory, name = os.path.split(place.path)
    temporary = f"{directory}/.{name}{_TEMPORARY}"
    old = os.stat(place.path)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        data = header(place.boot) + b"".join(frame(record.text) for record in records)
        while data:
            data = data[os.write(fd, data) :]
        os.utime(fd, ns=(old.st_atime_ns, old.st_mtime_ns))
        os.fchmod(fd, SYNCED_MODE)
        os.fsync(fd)
        os.rename(temporary, place.path)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)
    sync_directory(directory)


def forget_unfinished(directory: str) -> None:
    """Remove what a `replace` that was killed has left."""
    try:
        for name in os.listdir(directory):
            if name.startswith(".") and name.endswith(_TEMPORARY) and parse_name(name[1 : -len(_TEMPORARY)]):
                os.unlink(f"{directory}/{name}")
    except OSError:
        return  # It takes up room and harms nobody.
