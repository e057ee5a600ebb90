"""The bench of the sink `file`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from ww.sinks import file
from ww.sinks.base import SinkType
from ww.sinks.conformance.bench import DOWN, Bench, Key

if TYPE_CHECKING:
    from ww.types import Json


class File(Bench):
    """Down: something else is in its place."""

    type: ClassVar[SinkType] = file.TYPE
    faults: ClassVar[Sequence[str]] = (DOWN,)

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.folder = f"{directory}/out"
        self.path = f"{self.folder}/events.ndjson"

    def settings(self) -> Mapping[str, Json]:
        return {"path": self.path, "max_bytes": 20_000, "keep": 100}

    def stored(self) -> Sequence[Key]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        # The highest number is the oldest file; the one without a number is the newest.
        order = sorted(names, key=lambda name: -int(name.rpartition(".")[2]) if name[-1].isdigit() else 1)
        keys: list[Key] = []
        for name in order:
            with open(f"{self.folder}/{name}") as lines:
                events = [json.loads(line) for line in lines]
            keys += [(event["source"].rpartition("/")[2], int(event["id"])) for event in events]
        return keys

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        if os.path.exists(self.folder):
            os.rename(self.folder, f"{self.directory}/away")
        with open(self.folder, "w"):
            return

    def heal(self) -> None:
        os.unlink(self.folder)
        if os.path.exists(f"{self.directory}/away"):
            os.rename(f"{self.directory}/away", self.folder)
