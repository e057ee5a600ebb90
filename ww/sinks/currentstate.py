"""What sinks of the current state share: the document that a registry holds, which of two is the newer, and a memory.

The newest state event of the running boot is what is to be shown. It is kept in the run directory as well: a reporter
that starts anew has no event to deliver, and must show the state all the same.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ww.home.smallfile import read_text, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.sinks.base import Item, Origin

FORMAT = 1
ENDS = ("STOPPED", "ERROR")
"""States after which there is no instance."""
_MEMORY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of an instance as one of its boots told it."""

    boot: str
    boot_no: int
    """Counts the boots of `volume`."""
    volume: str | None
    since: str
    """When this boot told its first state; RFC 3339 with milliseconds, so that texts compare as times do."""
    seq: int
    state: str
    event: dict[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing runs any more."""
        return self.state in ENDS

    def document(self, origin: Origin) -> bytes:
        """What the registry holds, as JSON: who and what in short, and the whole CloudEvent in `event`."""
        made = {
            "format": FORMAT,
            "service": origin.service,
            "instance": origin.instance,
            "state": self.state,
            "at": self.event.get("time"),
            "boot": self.boot,
            "boot_no": self.boot_no,
            "volume": self.volume,
            "since": self.since,
            "seq": self.seq,
            "event": self.event,
        }
        return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Newer(ValueError):
    """A document of a format that this version does not know."""


def standing(document: str | bytes) -> Standing | None:
    """What a document says; None if it is none of ours. Raises Newer."""
    try:
        said = json.loads(document)
        format_no = int(said["format"])
        boot_no, volume, seq = int(said["boot_no"]), said["volume"], int(said["seq"])
        words = [str(said[name]) for name in ("boot", "since", "state")]
        event = dict(said["event"])
    except (ValueError, KeyError, TypeError):
        _refuse_later(document)
        return None
    if format_no > FORMAT:
        _refuse_later(document)
    return Standing(words[0], boot_no, str(volume) if volume else None, words[1], seq, words[2], event)


def _refuse_later(document: str | bytes) -> None:
    """Raises Newer for a document of a later format, whatever that one holds."""
    try:
        later = int(json.loads(document)["format"])
    except (ValueError, KeyError, TypeError):
        return
    if later > FORMAT:
        raise Newer(f"it has format {later}, and this version of ww knows {FORMAT}")


def outranks(shown: Standing, ours: Standing) -> bool:
    """Whether what is shown already is newer than ours.

    Boots of one volume are counted. Others are two containers with one name: the one that booted later, by its clock.
    """
    if shown.boot == ours.boot:
        return shown.seq > ours.seq
    if shown.volume and shown.volume == ours.volume and shown.boot_no != ours.boot_no:
        return shown.boot_no > ours.boot_no
    return shown.since > ours.since


def surely_outranks(kept: Standing, ours: Standing) -> bool:
    """The same of a document that its boot leaves behind when it is gone: clocks of two machines prove nothing there."""
    counted = kept.boot == ours.boot or (kept.volume and kept.volume == ours.volume)
    return bool(counted) and outranks(kept, ours)


def why_newer(document: bytes | None, ours: Standing, *, surely: bool = False) -> str:
    """Why the document that stands there is not to be replaced by ours; "" if it is."""
    try:
        there = standing(document) if document is not None else None
    except Newer as error:
        return str(error)
    if there is None or not (surely_outranks if surely else outranks)(there, ours):
        return ""
    return f"boot {there.boot} ({there.boot_no}, since {there.since}) is newer than this one"


def path_of(*names: str) -> str:
    """Names as one path: what cannot stand in one part of a path is percent-encoded."""
    parts = (quote(name, safe="-_.~@:+,=") for name in names)
    return "/".join({".": "%2E", "..": "%2E%2E"}.get(part, part) for part in parts)


class Present:
    """The newest state of the running boot, kept in a file of the run directory."""

    def __init__(self, name: str, origin: Origin, log: Callable[[str], None]) -> None:
        self._origin = origin
        self._log = log
        self._path = f"{origin.run}/sink-{quote(name, safe='')}.json" if origin.run else ""
        self.now: Standing | None = self._remembered()

    def take(self, batch: Sequence[Item]) -> None:
        """Look through a batch for a newer state, and keep it before it is sent anywhere."""
        before = self.now
        for item in batch:
            if item.kind == "state" and item.current and (self.now is None or item.seq >= self.now.seq):
                self.now = self._standing(item)
        if self._path and self.now is not None and self.now != before:
            try:
                write_text(self._path, self.now.document(self._origin).decode(), 0o600)
            except OSError as error:
                self._log(
                    f"cannot write {self._path}: {error.strerror}; a new reporter shows nothing until a state comes"
                )

    def _standing(self, item: Item) -> Standing:
        data = item.event.get("data")
        said: dict[str, Any] = data if isinstance(data, dict) else {}
        event = dict(item.event)
        since = self.now.since if self.now is not None and self.now.boot == item.boot else str(event.get("time", ""))
        volume = said.get("volume")
        boot_no = said.get("boot_no")
        return Standing(
            boot=item.boot,
            boot_no=boot_no if isinstance(boot_no, int) else 0,
            volume=volume if isinstance(volume, str) else None,
            since=since,
            seq=item.seq,
            state=str(said.get("state", "")),
            event=event,
        )

    def _remembered(self) -> Standing | None:
        if not self._path:
            return None
        try:
            text = read_text(self._path, _MEMORY_BYTES)
            kept = standing(text) if text else None
        except (OSError, Newer):
            return None
        if kept is None or kept.boot == self._origin.boot:
            return kept
        try:
            os.unlink(self._path)
        except OSError as error:
            self._log(f"cannot remove {self._path}: {error.strerror}")
        return None
