"""The table of the sink `sqlite`: one transaction per batch, synced when it is committed."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING

from ww.sinks.base import Accepted, Rejected, RetryAfter, Sink
from ww.sinks.eventtable import COLUMNS, Row, SchemaError, check_name, newer, quoted, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.sinks.base import Answer, Context, Item
    from ww.types import Json

STEPS: tuple[tuple[str, ...], ...] = (
    (
        # rowid is the order of arrival; with WITHOUT ROWID inserts take five times as long (runtime.md 28).
        (
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, boot TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,"
            " type TEXT NOT NULL, service TEXT NOT NULL, instance TEXT NOT NULL, state TEXT, time TEXT NOT NULL,"
            " event TEXT NOT NULL, UNIQUE (boot, seq))"
        ),
    ),
    ("CREATE INDEX {index} ON {table} (service, instance, time)",),
)
"""What makes schema version 1, 2 …"""

_PROGRESS_INSTRUCTIONS = 20_000
_WORDS = {
    "SQLITE_FULL": "its disk is full",
    "SQLITE_BUSY": "another program has it locked",
    "SQLITE_LOCKED": "another program has it locked",
    "SQLITE_READONLY": "it cannot be written to",
    "SQLITE_CANTOPEN": "it cannot be opened",
    "SQLITE_NOTADB": "it is no SQLite database: move it away, and a new one is made",
    "SQLITE_CORRUPT": "it is damaged: move it away, and a new one is made",
    "SQLITE_INTERRUPT": "it took too long",
}


class SqliteSink(Sink):
    """Thread-confined like every sink. Opens its file at the first batch, and again when the file is another one."""

    def __init__(self, settings: Mapping[str, Json], context: Context) -> None:
        self._path = context.place(str(settings["path"]))
        table = check_name(str(settings["table"]), "table")
        if table.lower().startswith("sqlite_"):
            raise ValueError("table: SQLite keeps names that begin with sqlite_ for itself")
        self._name = table
        self._table = quoted(table)
        self._versions = quoted(f"{table}_schema")
        self._index = quoted(f"{table}_by_time")
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._log = context.log

    def __repr__(self) -> str:
        return f"SqliteSink({self._path!r}, {self._name!r})"

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """Insert what is not there yet; everything or, for what the answers call refused, all but that."""
        try:
            connection = self._opened(deadline)
            connection.execute("BEGIN IMMEDIATE")
            answers = [self._insert(connection, row_of(item)) for item in batch]
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError, SchemaError) as error:
            self._drop()
            return [RetryAfter(None, self._words(error))] * len(batch)
        return answers

    def reach(self, deadline: float) -> str:
        """Whether the file can be written to and its table is one of ours; makes what is missing."""
        try:
            connection = self._opened(deadline)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except (sqlite3.Error, OSError, SchemaError) as error:
            self._drop()
            return self._words(error)
        return ""

    def close(self, deadline: float) -> None:  # noqa: ARG002 - closing waits for nobody
        """Let go of the file."""
        self._drop()

    def _insert(self, connection: sqlite3.Connection, row: Row) -> Answer:
        marks = ", ".join("?" * len(row))
        statement = f"INSERT INTO {self._table} ({COLUMNS}) VALUES ({marks}) ON CONFLICT (boot, seq) DO NOTHING"  # noqa: S608 - quoted
        try:
            return Accepted(duplicate=connection.execute(statement, row).rowcount == 0)
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            # A statement that fails is undone alone, unless a trigger of somebody's has ended the transaction.
            if not connection.in_transaction:
                raise
            return Rejected(f"{self._path}: {error}")

    # The file

    def _opened(self, deadline: float) -> sqlite3.Connection:
        """The connection, with time limits until `deadline`."""
        if self._connection is not None and self._identity() != self._file:
            # Moved away or deleted: what is written to the open one would be seen by nobody.
            self._log(f"{self._path} is another file now; it is opened again")
            self._drop()
        if self._connection is not None:
            self._limit(self._connection, deadline)
            return self._connection
        self._make_file()
        self._connection = connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._file = self._identity()
        self._limit(connection, deadline)
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        self._migrate(connection)
        return connection

    def _make_file(self) -> None:
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _identity(self) -> tuple[int, int]:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return (0, 0)
        return status.st_dev, status.st_ino

    @staticmethod
    def _limit(connection: sqlite3.Connection, deadline: float) -> None:
        left_ms = max(1, int((deadline - time.monotonic()) * 1000))
        connection.execute(f"PRAGMA busy_timeout = {left_ms}")
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_INSTRUCTIONS)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # The schema

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Bring the table to our version; of two that open it at once the second finds the work done."""
        if self._version(connection) == len(STEPS):
            return
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self._versions} (version INTEGER PRIMARY KEY, applied TEXT NOT NULL)"
        )
        for number in range(self._version(connection) + 1, len(STEPS) + 1):
            for statement in STEPS[number - 1]:
                connection.execute(statement.format(table=self._table, index=self._index))
            connection.execute(f"INSERT INTO {self._versions} VALUES (?, datetime('now'))", (number,))  # noqa: S608 - quoted
        connection.execute("COMMIT")

    def _version(self, connection: sqlite3.Connection) -> int:
        """The version of the table, 0 if there is none. Raises SchemaError."""
        known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        if connection.execute(known, (f"{self._name}_schema",)).fetchone() is None:
            return 0
        version = connection.execute(f"SELECT coalesce(max(version), 0) FROM {self._versions}").fetchone()[0]  # noqa: S608 - quoted
        if version > len(STEPS):
            raise newer(f"{self._name} in {self._path}", version, len(STEPS))
        return int(version)

    def _words(self, error: Exception) -> str:
        if isinstance(error, SchemaError):
            return str(error)
        if isinstance(error, OSError):
            return f"{error.filename or self._path}: {error.strerror}"
        name = str(getattr(error, "sqlite_errorname", ""))
        # Extended codes are called after the plain ones: SQLITE_BUSY_SNAPSHOT, SQLITE_READONLY_DBMOVED.
        plain = next((words for code, words in _WORDS.items() if name == code or name.startswith(f"{code}_")), "")
        return f"{self._path}: {plain} ({error})" if plain else f"{self._path}: {error}"
