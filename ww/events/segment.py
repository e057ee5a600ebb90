"""The files of a journal: their names, their header, their records (runtime.md 16). Shared by writer and reader.

    BOOTNO-BOOTID-FIRSTSEQ.j:  "WWJ1" BOOTID  record*
    record:  u32 length | u32 CRC-32 of the text | text: {"s":seq,"k":kind,"w":wall_ms,"m":mono_ms,"d":{…}}

Numbers are big-endian; names sort in the order of writing.
"""

from __future__ import annotations

import os
import struct
from zlib import crc32

from ww.clib import json_dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.events.model import Event

MAGIC = b"WWJ1"
SUFFIX = ".j"
SEGMENT_BYTES = 1 << 20
RECORD_BYTES = 64 << 10
"""The longest text of one record."""
RESERVE = "reserve"
FRAME = struct.Struct(">II")
_CUT_CHARACTERS = 12 << 10
_BOOT_DIGITS = 8
_SEQ_DIGITS = 12


def segment_name(boot_no: int, boot_id: str, first_seq: int) -> str:
    """The name of the segment whose first record is `first_seq`."""
    return f"{boot_no:0{_BOOT_DIGITS}d}-{boot_id}-{first_seq:0{_SEQ_DIGITS}d}{SUFFIX}"


def parse_name(name: str) -> tuple[int, str, int] | None:
    """(boot number, boot id, first sequence); None for a file that is no segment. A boot id may contain `-`."""
    if not name.endswith(SUFFIX):
        return None
    boot_no, _, rest = name[: -len(SUFFIX)].partition("-")
    boot_id, _, first_seq = rest.rpartition("-")
    if not (_is_number(boot_no, _BOOT_DIGITS) and _is_number(first_seq, _SEQ_DIGITS) and boot_id):
        return None
    return int(boot_no), boot_id, int(first_seq)


def _is_number(text: str, digits: int) -> bool:
    return len(text) >= digits and text.isascii() and text.isdigit()


def segment_names(directory: str) -> list[str]:
    """The segments in `directory`, oldest first. Raises OSError if it cannot be read."""
    parsed = [(parts, name) for name in os.listdir(directory) if (parts := parse_name(name)) is not None]
    return [name for _, name in sorted(parsed)]


def header(boot_id: str) -> bytes:
    """The first bytes of a segment."""
    return MAGIC + boot_id.encode()


def frame(text: bytes) -> bytes:
    """One record around `text`."""
    return FRAME.pack(len(text), crc32(text)) + text


def encode_event(event: Event) -> bytes:
    """The record of `event`. Data too long for one record is cut, and says so: `{"cut":true,"bytes":…,"head":…}`."""
    text = _text(event, event.data)
    if len(text) > RECORD_BYTES:
        data = json_dumps(event.data)
        text = _text(event, {"cut": True, "bytes": len(text), "head": data[:_CUT_CHARACTERS]})
    return frame(text)


def _text(event: Event, data: object) -> bytes:
    record = {"s": event.seq, "k": event.kind, "w": event.wall_ms, "m": event.mono_ms, "d": data}
    # A lone surrogate (an undecodable file name) becomes \udcXX, which is how JSON itself writes it.
    return json_dumps(record).encode("utf-8", "backslashreplace")
