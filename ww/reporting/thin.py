"""The thinnest work there can be, until the spool's reader and the delivery engine take its place: sinks of type `file`."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from ww.events.spool import read_segments
from ww.events.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.reporting.line import Line
    from ww.types import JsonObject


class Thin:
    """See `ww.reporting.dialogue.Work`."""

    def __init__(
        self,
        line: Line,
        hello: JsonObject,
        settings: dict[str, Any],
        directories: Sequence[str],
        log: Callable[[str], None],
    ) -> None:
        self._line = line
        self._directories = [place for place in directories if os.path.isdir(place)]
        root = str(hello["root"])
        self._sinks = [
            _File(name, sink, root, self._directories, line, log) for name, sink in settings["sinks"].items()
        ]

    def start(self) -> None:
        for sink in self._sinks:
            sink.start()

    def wake(self) -> None:
        for sink in self._sinks:
            sink.woken.set()

    def stats(self) -> JsonObject:
        return {sink.name: {"delivered": sink.delivered} for sink in self._sinks}

    def finish(self, deadline: float, seq: int) -> int | None:
        for sink in self._sinks:
            sink.ending.set()
            sink.woken.set()
        if all(sync(place) == 0 for place in self._directories):
            self._line.send({"t": "synced", "seq": seq})
        for sink in self._sinks:
            sink.join(max(0.0, deadline - time.monotonic()))
        return sum(sink.is_alive() for sink in self._sinks)


class _File(threading.Thread):
    def __init__(
        self,
        name: str,
        settings: dict[str, Any],
        root: str,
        directories: Sequence[str],
        line: Line,
        log: Callable[[str], None],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._path = root + str(settings.get("path"))
        self._required = bool(settings.get("required"))
        self._cursor = f"{directories[0]}/thin-{name}"
        self._directories = directories
        self._line = line
        self._log = log
        self.woken = threading.Event()
        self.ending = threading.Event()
        self.delivered = 0

    def run(self) -> None:
        if self._required:
            while not os.path.isdir(os.path.dirname(self._path)):
                self._line.send({"t": "required", "name": self.name, "ok": False, "words": "there is no directory"})
                time.sleep(0.2)
            self._line.send({"t": "required", "name": self.name, "ok": True, "words": ""})
        while True:
            self.woken.clear()
            last = self.ending.is_set()
            try:
                self._deliver()
            except OSError as error:
                self._log(f"{self.name}: {error}")
                time.sleep(0.2)
            if last:
                return
            self.woken.wait()

    def _deliver(self) -> None:
        try:
            with open(self._cursor, encoding="utf-8") as file:
                done = tuple(json.load(file))
        except FileNotFoundError:
            done = (0, "", 0)
        for directory in self._directories:
            for segment in read_segments(directory):
                for event in segment.events:
                    place = (segment.boot_no, segment.boot_id, event.seq)
                    if place <= done:
                        continue
                    with open(self._path, "a", encoding="utf-8") as file:
                        file.write(json.dumps({"boot": segment.boot_id, "id": event.seq, "data": event.data}) + "\n")
                    done = place
                    self.delivered += 1
        with open(f"{self._cursor}.new", "w", encoding="utf-8") as file:
            json.dump(done, file)
        os.replace(f"{self._cursor}.new", self._cursor)
