"""The lines of the container log: who said it and when (plain text, or one JSON object each)."""

from __future__ import annotations

from ww.clib import json_dumps
from ww.clock import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.clock import Clock

SPLIT_MARK = " ⏎"
"""Ends every piece but the last of a line over 16 KiB in plain format; JSON has `"partial":true` instead."""
OWN_SOURCE = "ww"
_PLAIN_CHUNK_BYTES = 64 << 10
_JSON_CHUNK_BYTES = 16 << 10
_MARK_BYTES = SPLIT_MARK.encode()


class Formatter:
    """Bytes for the log.

    plain: `2026-11-21T13:15:00.123Z boot | text`. json: `{"time":…,"source":…,"stream":…,"message":…}`, bytes that are
    no UTF-8 replaced; ww's own lines carry `level` and their fields besides. The text itself is never changed.
    """

    __slots__ = ("_clock", "_json", "chunk_bytes")

    def __init__(self, fmt: str, clock: Clock) -> None:
        if fmt not in ("plain", "json"):
            raise ValueError(f"a log format is plain or json, not {fmt!r}")
        self._json = fmt == "json"
        # How much a pump formats at once. A flood of empty lines grows a hundredfold in JSON, so less of it there.
        self.chunk_bytes = _JSON_CHUNK_BYTES if self._json else _PLAIN_CHUNK_BYTES
        self._clock = clock

    def lines(self, source: str, stream: str, chunk: bytes) -> bytes:
        """Format whole lines: `chunk` is one or more of them, the last one ended too."""
        if self._json:
            head = self._head(source, stream)
            return b"".join(head + _message(line) + b"}\n" for line in chunk[:-1].split(b"\n"))
        prefix = self._prefix(source)
        return prefix + chunk[:-1].replace(b"\n", b"\n" + prefix) + b"\n"

    def piece(self, source: str, stream: str, piece: bytes) -> bytes:
        """Format a piece of a line that goes on."""
        if self._json:
            return self._head(source, stream) + _message(piece) + b',"partial":true}\n'
        return self._prefix(source) + piece + _MARK_BYTES + b"\n"

    def own(self, level: str, text: str, fields: Mapping[str, object] | None = None) -> bytes:
        """Format what ww itself says. `fields` (plain JSON values) are shown in json format only."""
        if self._json:
            line: dict[str, object] = {
                "time": stamp(self._clock.wall_ms()),
                "source": OWN_SOURCE,
                "stream": "stderr",
                "level": level,
                "message": text,
            }
            for key, value in (fields or {}).items():
                line.setdefault(key, value)
            return encode(json_dumps(line)) + b"\n"
        return self.lines(OWN_SOURCE, "stderr", encode(text) + b"\n")

    def _prefix(self, source: str) -> bytes:
        return encode(f"{stamp(self._clock.wall_ms())} {source} | ")

    def _head(self, source: str, stream: str) -> bytes:
        fields = {"time": stamp(self._clock.wall_ms()), "source": source, "stream": stream}
        return encode(json_dumps(fields)[:-1] + ',"message":')


def _message(line: bytes) -> bytes:
    return encode(json_dumps(line.decode("utf-8", "replace")))


def encode(text: str) -> bytes:
    """UTF-8; characters that stand for undecodable bytes become escapes that JSON understands too."""
    return text.encode("utf-8", "backslashreplace")
