"""What receivers refuse for good: `journal/rejected/SINK/BOOT-SEQ.json`, one file each, bounded, for people to look at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ww.clib import json_dumps
from ww.clock import Clock, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.sinks.base import Item

FOLDER = "rejected"
_MODE_DIRECTORY = 0o700
_MODE_FILE = 0o600


class DeadLetters:
    """The folder of one sink in `journal`, a directory; None: there is none, and rejected events are only counted.

    At most `max_bytes` are kept, the oldest go first; 0 keeps none. What an event says was masked when it was
    journalled; the caller masks the reason.
    """

    def __init__(
        self,
        journal: str | None,
        sink: str,
        max_bytes: int,
        say: Callable[[str, str], None],
        clock: Clock | None = None,
    ) -> None:
        self._directory = f"{journal}/{FOLDER}/{sink}" if journal and max_bytes else ""
        self._sink = sink
        self._max_bytes = max_bytes
        self._say = say
        self._clock = clock or Clock()
        self._sizes: dict[str, int] | None = None
        """The files that are there, oldest first; None until somebody asks."""
        self.lost = 0
        """Rejected events that could not be kept."""
        self.dropped = 0
        """Those that had to go to make room."""

    def put(self, item: Item, reason: str) -> None:
        """Keep it. Never raises for what the disk does: an event that cannot be kept is counted and named in the log."""
        if not self._directory:
            self.lost += 1
            return
        name = f"{_plain(item.boot)}-{item.seq:012d}.json"
        document = {
            "format": 1,
            "sink": self._sink,
            "at": stamp(self._clock.wall_ms()),
            "reason": reason,
            "event": item.event,
        }
        text = (json_dumps(document) + "\n").encode("utf-8", "backslashreplace")
        try:
            self._write(name, text)
        except OSError as error:
            self.lost += 1
            self._say(
                "warn",
                f"sink {self._sink}: event {item.seq} of boot {item.boot} was rejected ({reason}) and cannot be kept in"
                f" {self._directory}: {error.strerror}",
            )

    @property
    def kept(self) -> tuple[int, int]:
        """How many there are, and their bytes."""
        sizes = self._known() if self._directory else {}
        return len(sizes), sum(sizes.values())

    def _write(self, name: str, text: bytes) -> None:
        os.makedirs(self._directory, _MODE_DIRECTORY, exist_ok=True)
        path, new = f"{self._directory}/{name}", f"{self._directory}/.{name}"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE_FILE)
        try:
            with open(fd, "wb") as file:
                file.write(text)
            os.rename(new, path)
        except OSError:
            os.unlink(new)
            raise
        sizes = self._known()
        sizes.pop(name, None)
        sizes[name] = len(text)
        self._make_room(sizes)

    def _known(self) -> dict[str, int]:
        if self._sizes is None:
            found = []
            try:
                with os.scandir(self._directory) as entries:
                    for entry in entries:
                        if entry.name.endswith(".json") and not entry.name.startswith("."):
                            info = entry.stat(follow_symlinks=False)
                            found.append((info.st_mtime_ns, entry.name, info.st_size))
            except OSError:
                found = []
            self._sizes = {name: size for _, name, size in sorted(found)}
        return self._sizes

    def _make_room(self, sizes: dict[str, int]) -> None:
        """The newest stays, however long it is."""
        excess = sum(sizes.values()) - self._max_bytes
        for name in list(sizes)[:-1]:
            if excess <= 0:
                return
            try:
                os.unlink(f"{self._directory}/{name}")
            except FileNotFoundError:
                pass  # somebody has dealt with it
            excess -= sizes.pop(name)
            self.dropped += 1


def _plain(boot: str) -> str:
    """A boot id as part of a file name."""
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in boot) or "_"
