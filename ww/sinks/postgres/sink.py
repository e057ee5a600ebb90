"""The table of the sink `postgres`: one transaction per batch, and no call that outlasts its deadline.

The server is told how long a statement may take; that helps nothing when it or the way to it is gone, so a connection
that has said nothing by the deadline is cut here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from ww.clib import json_dumps
from ww.sinks.base import Accepted, Rejected, RetryAfter, Sink
from ww.sinks.eventtable import COLUMNS, Row, SchemaError, check_name, newer, row_of
from ww.sinks.postgres.connection import Attempt, Cutter, LateError, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ww.sinks.base import Answer, Context, Item
    from ww.types import Json

STEPS: tuple[tuple[str, ...], ...] = (
    (
        (
            "CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, boot text NOT NULL,"
            " seq bigint NOT NULL, kind text NOT NULL, type text NOT NULL, service text NOT NULL, instance text NOT NULL,"
            " state text, time timestamptz NOT NULL, event jsonb NOT NULL, UNIQUE (boot, seq))"
        ),
    ),
    ("CREATE INDEX {index} ON {table} (service, instance, time)",),
)
"""What makes schema version 1, 2 …"""

_LIMITS = (
    "SELECT set_config('statement_timeout', %s, true), set_config('synchronous_commit',"
    " CASE current_setting('synchronous_commit') WHEN 'off' THEN 'local' ELSE current_setting('synchronous_commit') END,"
    " true)"
)
"""For this transaction: how long a statement may take, and that a commit means that it is on the server's disk."""

_REFUSED = (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded)
"""What the server will never take, however often it is sent."""

VERIFIED = "verify-full"
_BAD = (psycopg.Error, LateError, SchemaError, OSError)


class PostgresSink(Sink):
    """Thread-confined like every sink. Connects at the first batch, and again after whatever went wrong."""

    def __init__(self, settings: Mapping[str, Json], context: Context) -> None:
        self._settings = settings
        self._context = context
        self._where = f"{settings['host']}:{settings['port']}/{settings['database']}"
        schema = check_name(str(settings["schema"]), "schema")
        table = check_name(str(settings["table"]), "table")
        self._names = {
            "schema": sql.Identifier(schema),
            "table": sql.Identifier(schema, table),
            "versions": sql.Identifier(schema, f"{table}_schema"),
            "index": sql.Identifier(f"{table}_by_time"),
        }
        self._schema = schema
        self._table = f"{schema}.{table}"
        self._connection: psycopg.Connection[Any] | None = None
        self._ready = False
        self._attempt: Attempt | None = None
        self._password = ""
        tls: Any = settings["tls"]
        mode = tls["mode"]
        if mode != VERIFIED and not str(settings["host"]).startswith("/"):
            context.log(f"tls.mode is {mode}: nobody makes sure that it is the server that was meant")

    def __repr__(self) -> str:
        return f"PostgresSink({self._where!r}, {self._table!r})"

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """Insert what is not there yet; everything or, for what the answers call refused, all but that."""
        rows = [row_of(item) for item in batch]
        try:
            connection = self._connected(deadline)
            with Cutter(connection, deadline), connection.transaction():
                self._limit(connection, deadline)
                return self._insert(connection, rows)
        except _BAD as error:
            # Also when the answer to COMMIT was lost: sent again, what is there already is told from what is not.
            return [RetryAfter(None, self._failed(error, deadline))] * len(batch)

    def reach(self, deadline: float) -> str:
        """Whether the server can be reached and its table is one that we may write to; makes nothing."""
        try:
            connection = self._dialled(deadline)
            with Cutter(connection, deadline), connection.transaction():
                self._limit(connection, deadline)
                self._version(connection)
        except _BAD as error:
            return self._failed(error, deadline)
        return ""

    def close(self, deadline: float) -> None:  # noqa: ARG002 - closing waits for nobody
        """Let go of the connection."""
        self._drop()

    def _insert(self, connection: psycopg.Connection[Any], rows: Sequence[Row]) -> list[Answer]:
        """One statement; where the server refuses it, each half alone, down to the row that it means."""
        try:
            with connection.transaction():
                stored = self._put(connection, rows)
        except _REFUSED as error:
            if len(rows) == 1:
                return [Rejected(f"{self._where}: {_one_line(error)}")]
            middle = len(rows) // 2
            return self._insert(connection, rows[:middle]) + self._insert(connection, rows[middle:])
        return [Accepted(duplicate=(row.boot, row.seq) not in stored) for row in rows]

    def _put(self, connection: psycopg.Connection[Any], rows: Sequence[Row]) -> set[tuple[str, int]]:
        """Insert; the keys of those that were not there before."""
        statement = (
            f"INSERT INTO {{table}} ({COLUMNS})"  # noqa: S608 - the names of our own columns
            " SELECT e->>0, (e->>1)::bigint, e->>2, e->>3, e->>4, e->>5, e->>6, (e->>7)::timestamptz, e->8"
            " FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS new (e, place) ORDER BY place"
            " ON CONFLICT (boot, seq) DO NOTHING RETURNING boot, seq"
        )
        # One text for all: nine arrays of a batch cost the driver ten times as much.
        rows_text = ",".join(f"{json_dumps(row[:-1])[:-1]},{row.event}]" for row in rows)
        return {(boot, seq) for boot, seq in connection.execute(self._filled(statement), (f"[{rows_text}]",))}

    def _filled(self, statement: str) -> sql.Composed:
        return sql.SQL(statement).format(**self._names)

    @staticmethod
    def _limit(connection: psycopg.Connection[Any], deadline: float) -> None:
        connection.execute(_LIMITS, (str(max(1, int((deadline - time.monotonic()) * 1000))),))

    # The connection

    def _connected(self, deadline: float) -> psycopg.Connection[Any]:
        """A connection whose table has our version."""
        connection = self._dialled(deadline)
        if not self._ready:
            with Cutter(connection, deadline):
                self._migrate(connection, deadline)
            self._ready = True
        return connection

    def _dialled(self, deadline: float) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = self._dial(deadline)
        return self._connection

    def _dial(self, deadline: float) -> psycopg.Connection[Any]:
        """Connect; an earlier attempt that still waits for a name or an answer is not joined by a second one."""
        if self._attempt is None or self._attempt.over:
            reference = self._settings.get("password")
            self._password = "" if reference is None else self._context.secret(reference)
            self._attempt = Attempt(parameters(self._settings, self._context.origin, self._password, deadline))
        return self._attempt.connection(deadline)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._ready = False
        if connection is not None:
            connection.close()

    def _failed(self, error: Exception, deadline: float) -> str:
        """Let go of the connection, whatever state it is in; why, in one line without the password."""
        self._drop()
        words = _one_line(error)
        if isinstance(error, psycopg.OperationalError) and time.monotonic() >= deadline:
            words = f"no answer within the time limit ({words})"
        if self._password:
            words = words.replace(self._password, "***")
        return f"{self._where}: {words}"

    # The schema

    def _migrate(self, connection: psycopg.Connection[Any], deadline: float) -> None:
        """Bring the table to our version, under a lock that lasts as long as the transaction."""
        with connection.transaction():
            self._limit(connection, deadline)
            version = self._version(connection)
            if version == len(STEPS):
                return
            if not self._settings["create"]:
                raise SchemaError(
                    f"the table {self._table} has schema version {version}, {len(STEPS)} is needed: run the statements of"
                    " docs/sinks/postgres.md, or set `create`"
                )
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"ww:{self._table}",))
            self._create(connection)

    def _create(self, connection: psycopg.Connection[Any]) -> None:
        # Asked first: CREATE SCHEMA IF NOT EXISTS wants the right to make one even where it is there.
        known = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self._schema,)).fetchone()
        if known is None:
            connection.execute(self._filled("CREATE SCHEMA {schema}"))
        connection.execute(
            self._filled(
                "CREATE TABLE IF NOT EXISTS {versions}"
                " (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())"
            )
        )
        for number in range(self._version(connection) + 1, len(STEPS) + 1):
            for statement in STEPS[number - 1]:
                connection.execute(self._filled(statement))
            connection.execute(self._filled("INSERT INTO {versions} (version) VALUES (%s)"), (number,))

    def _version(self, connection: psycopg.Connection[Any]) -> int:
        """The version of the table, 0 if there is none. Raises SchemaError."""
        name = self._names["versions"].as_string(connection)
        found = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
        if found is None or found[0] is None:
            return 0
        row = connection.execute(self._filled("SELECT coalesce(max(version), 0) FROM {versions}")).fetchone()
        version = int(row[0]) if row else 0
        if version > len(STEPS):
            raise newer(self._table, version, len(STEPS))
        return version


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
