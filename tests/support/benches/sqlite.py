"""The bench of the sink `sqlite`: what befalls a database file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from ww.sinks import sqlite
from ww.sinks.base import SinkType
from ww.sinks.conformance.bench import DOWN, FULL, PARTIAL, SLOW, Bench, Key

if TYPE_CHECKING:
    from ww.types import Json


class Sqlite(Bench):
    """Down: something else is in its place. Slow: another program has it locked. Partial: a trigger refuses."""

    type: ClassVar[SinkType] = sqlite.TYPE
    faults: ClassVar[Sequence[str]] = (DOWN, SLOW, PARTIAL)

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.path = f"{directory}/db/events.sqlite"
        self._lock: sqlite3.Connection | None = None
        self._fault = ""

    def settings(self) -> Mapping[str, Json]:
        return {"path": self.path, "table": 'odd "name"; --'}

    def stored(self) -> Sequence[Key]:
        if not os.path.exists(self.path):
            return []
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute('SELECT boot, seq FROM "odd ""name""; --" ORDER BY id').fetchall()

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        self._fault = fault
        if fault == DOWN:
            if os.path.exists(f"{self.directory}/db"):
                os.rename(f"{self.directory}/db", f"{self.directory}/away")
            with open(f"{self.directory}/db", "w"):
                return
        self._lock = sqlite3.connect(self.path, isolation_level=None)
        if fault == PARTIAL:
            refused = " OR ".join(f"(NEW.boot = '{boot}' AND NEW.seq = {seq})" for boot, seq in keys)
            self._lock.execute(
                f'CREATE TRIGGER refuse BEFORE INSERT ON "odd ""name""; --" WHEN {refused}'
                " BEGIN SELECT RAISE(ABORT, 'refused by the bench'); END"
            )
        else:
            self._lock.execute("BEGIN EXCLUSIVE")

    def heal(self) -> None:
        if self._fault == DOWN:
            os.unlink(f"{self.directory}/db")
            if os.path.exists(f"{self.directory}/away"):
                os.rename(f"{self.directory}/away", f"{self.directory}/db")
        if self._lock is not None:
            if self._fault == PARTIAL:
                self._lock.execute("DROP TRIGGER refuse")
            else:
                self._lock.execute("ROLLBACK")
            self._lock.close()
            self._lock = None
        self._fault = ""

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()


class OnFullDisk(Sqlite):
    """For a directory on a small file system of its own, which it fills."""

    faults: ClassVar[Sequence[str]] = (FULL,)

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        with open(f"{self.directory}/ballast", "wb", buffering=0) as file:
            for block in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"x" * block)
                except OSError:
                    continue

    def heal(self) -> None:
        os.unlink(f"{self.directory}/ballast")
