"""How far each sink has come: one small file, replaced whole."""

from __future__ import annotations

import os
import threading

from ww.clib import BadJson, json_dumps, json_loads
from ww.clock import Clock, stamp
from ww.events.position import START, Position
from ww.events.shelf import Shelf
from ww.home.smallfile import read_text, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.types import Json

FILE = "cursors.json"
FORMAT = 1
SAVE_MS = 1000
_LIMIT_BYTES = 1 << 20


class Cursors:
    """The position of each sink by its name; every thread may use it.

    Kept in the first of `directories` that takes it; of several files that were left the furthest position counts, but
    for one by whose time a directory in front of it was not there: what had come before in that one it could not know.
    Who is `looking` at a reporter's work takes it all the same, as the reporter does whose it is.
    What cannot be read or understood counts as no file: events are then sent again, and none is left out. `say` is told.
    """

    def __init__(
        self,
        directories: Sequence[str],
        clock: Clock | None = None,
        say: Callable[[str], None] | None = None,
        file: str = FILE,
        looking: bool = False,
    ) -> None:
        self._file = file
        self._looking = looking
        self._directories = list(dict.fromkeys(directories))
        self._clock = clock or Clock()
        self._say = say or _nothing
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._entries: dict[str, dict[str, Json]] = {}
        self._changed = False
        self._saved_ms = -SAVE_MS
        self._refused = ""
        self._distrusted: list[str] = []
        """Files that are no cursors; they are kept under another name once they have to give way."""
        self._load()

    def get(self, name: str) -> Position:
        """Everything up to here is done; START for a sink that is new."""
        with self._lock:
            return _position(self._entries.get(name)) or START

    def set(self, name: str, position: Position) -> None:
        """Remember it; `save` writes it."""
        entry: dict[str, Json] = {
            "boot_no": position.boot_no,
            "boot": position.boot,
            "seq": position.seq,
            "at": stamp(self._clock.wall_ms()),
        }
        with self._lock:
            old = self._entries.get(name)
            if old is not None and _position(old) == position:
                return
            if position.boot_no == 0 and old is not None:
                # A boot without a volume leaves nothing by which its place among the others could be told later.
                entry["numbered"] = old if old["boot_no"] else old.get("numbered")
            self._entries[name] = entry
            self._changed = True

    def names(self) -> list[str]:
        """The sinks that have a position, also those that are not configured any more."""
        with self._lock:
            return sorted(self._entries)

    def at(self, name: str) -> str:
        """When its position changed last, as a time stamp; "" if it has none."""
        with self._lock:
            return str(self._entries.get(name, {}).get("at") or "")

    def save(self, force: bool = False) -> bool:
        """Write and sync what has changed, at most once a second unless `force`; false if no directory takes it."""
        with self._saving:
            now_ms = self._clock.mono_ms()
            if not self._changed or (not force and now_ms - self._saved_ms < SAVE_MS):
                return True
            with self._lock:
                entries = dict(self._entries)
                self._changed = False
            self._saved_ms = now_ms
            if self._write(entries):
                return True
            self._changed = True
            return False

    def _write(self, entries: dict[str, dict[str, Json]]) -> bool:
        refused = []
        while self._distrusted:
            path = self._distrusted.pop()
            try:
                os.replace(path, f"{path}.bad")
            except OSError:
                continue  # It is replaced all the same.
        for rank, directory in enumerate(self._directories):
            try:
                if rank:
                    # The first is the volume's: where that is gone, a directory in its place would hide it.
                    os.makedirs(directory, 0o700, exist_ok=True)
                text = json_dumps({"format": FORMAT, "rank": rank, "sinks": entries}) + "\n"
                write_text(f"{directory}/{self._file}", text, durable=True)
            except OSError as error:
                refused.append(f"{directory}/{self._file}: {error.strerror}")
                continue
            self._refused = ""
            return True
        words = "; ".join(refused)
        if words != self._refused:
            self._refused = words
            self._say(f"cannot remember what was delivered, so that it would be sent again after a start: {words}")
        return False

    # Reading

    def _load(self) -> None:
        boots = {place.boot for place in Shelf(self._directories).places()}
        for rank, directory in enumerate(self._directories):
            for name, entry in self._read(f"{directory}/{self._file}", rank).items():
                known = _placed(entry, boots)
                if known is not None and _further(known, self._entries.get(name)):
                    self._entries[name] = known

    def _read(self, path: str, rank: int) -> dict[str, dict[str, Json]]:
        try:
            text = read_text(path, _LIMIT_BYTES)
            document = json_loads(text) if text is not None else {"format": FORMAT, "sinks": {}}
        except OSError as error:
            self._distrust(path, str(error.strerror))
            return {}
        except (BadJson, RecursionError):
            self._distrust(path, "it is not JSON", aside=True)
            return {}
        sinks = document.get("sinks") if isinstance(document, dict) else None
        if not isinstance(document, dict) or document.get("format") != FORMAT or not isinstance(sinks, dict):
            self._distrust(path, f"it is not of format {FORMAT}", aside=True)
            return {}
        known = document.get("rank", rank)
        if isinstance(known, int) and known < rank and not self._looking:
            return {}
        return {name: entry for name, entry in sinks.items() if _position(entry) is not None}

    def _distrust(self, path: str, why: str, aside: bool = False) -> None:
        self._say(f"{path} cannot be used: {why}. What the journal holds is sent again")
        if aside:
            self._distrusted.append(path)


def _position(entry: Json) -> Position | None:
    if not isinstance(entry, dict):
        return None
    boot_no, boot, seq = (entry.get(key) for key in ("boot_no", "boot", "seq"))
    if isinstance(boot_no, int) and isinstance(boot, str) and isinstance(seq, int):
        return Position(boot_no, boot, seq)
    return None


def _placed(entry: dict[str, Json], boots: set[str]) -> dict[str, Json] | None:
    """`entry`, or what it said of the last boot with a number if its own has neither a number nor files."""
    if entry["boot_no"] or entry["boot"] in boots:
        return entry
    numbered = entry.get("numbered")
    return numbered if isinstance(numbered, dict) and _position(numbered) is not None else None


def _further(one: dict[str, Json], other: dict[str, Json] | None) -> bool:
    if other is None:
        return True
    keys = ("seq",) if one["boot"] == other["boot"] else ("at",)
    return any(str(one.get(key)).rjust(20) > str(other.get(key)).rjust(20) for key in keys)


def _nothing(words: str) -> None:
    """Nobody listens."""
