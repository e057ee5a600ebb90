"""The notes in SQLite: made, migrated, asked, copied. Knows nothing of HTTP, sockets or whaleware.

The schema's number is SQLite's own `user_version`; each migration raises it by one, in one transaction with its work.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing

SCHEMAS = (1, 2)
"""Schemas that this program can serve. Since 2 a note has a title and all notes can be searched."""

_BASE = "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);"


class DatabaseError(Exception):
    """The database cannot be used as it is; the message is for people."""


def connect(path: str, create: bool = False) -> sqlite3.Connection:
    """Open the database at `path`. Raises DatabaseError if it is missing, unless it may be created."""
    if not create and not os.path.exists(path):
        raise DatabaseError(f"there is no database at {path}: has firstboot run?")
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


def schema_of(db: sqlite3.Connection) -> int:
    """The number of the schema that the database has."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def create(path: str) -> None:
    """Make an empty database at `path`, which must not exist."""
    if os.path.exists(path):
        raise DatabaseError(f"{path} exists already")
    with closing(connect(path, create=True)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_BASE)


def migrate(path: str, number: int, script: str) -> bool:
    """Take the database from schema `number - 1` to `number` by running the SQL `script`, whole or not at all.

    Returns False when it is there already, so that a step that was killed can be run again.
    """
    with closing(connect(path)) as db:
        found = schema_of(db)
        if found >= number:
            return False
        if found != number - 1:
            raise DatabaseError(f"{path} has schema {found}, the step to {number} needs {number - 1}")
        db.executescript(f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {number};\nCOMMIT;")
    return True


def copy(source: str, target: str) -> int:
    """Copy the live database `source` over `target` by SQLite's backup API; returns the number of notes in the copy."""
    with closing(connect(source)) as origin, closing(connect(target, create=True)) as db:
        origin.backup(db)
        verdict = db.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            raise DatabaseError(f"the copy at {target} is damaged: {verdict}")
        return int(db.execute("SELECT count(*) FROM notes").fetchone()[0])


class Notes:
    """What the store process does with the database; every call has a connection of its own and may come from any thread."""

    def __init__(self, path: str) -> None:
        self.path = path
        with closing(connect(path)) as db:
            self.schema = schema_of(db)
        if self.schema not in SCHEMAS:
            known = " and ".join(map(str, SCHEMAS))
            raise DatabaseError(f"{path} has schema {self.schema}, this program serves {known}: has the upgrade run?")

    def add(self, text: str) -> dict[str, object]:
        """Keep one note; it is on disk when this returns."""
        values: dict[str, object] = {"text": text, "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        insert = "INSERT INTO notes (text, created_at) VALUES (:text, :created_at)"
        if self.schema >= 2:
            values["title"] = text.split("\n", maxsplit=1)[0].strip()
            insert = "INSERT INTO notes (text, created_at, title) VALUES (:text, :created_at, :title)"
        with closing(connect(self.path)) as db:
            return {"id": db.execute(insert, values).lastrowid, **values}

    def find(self, words: str, limit: int) -> list[dict[str, object]]:
        """Notes that hold all of `words`, the best match first (since schema 2); without words the newest first."""
        query = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
        newest = "SELECT * FROM notes ORDER BY id DESC LIMIT :limit"
        matching = (
            "SELECT notes.* FROM notes_fts JOIN notes ON notes.id = notes_fts.rowid"
            " WHERE notes_fts MATCH :query ORDER BY rank LIMIT :limit"
        )
        if query and self.schema < 2:
            raise DatabaseError("search came with schema 2, this data has schema 1")
        with closing(connect(self.path)) as db:
            found = db.execute(matching if query else newest, {"query": query, "limit": limit})
            return [dict(row) for row in found]

    def count(self) -> int:
        """How many notes there are."""
        with closing(connect(self.path)) as db:
            return int(db.execute("SELECT count(*) FROM notes").fetchone()[0])
