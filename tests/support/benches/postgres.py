"""The bench of the sink `postgres`: a database and a user of its own on the server of scripts/services."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg

from ww.sinks import postgres
from ww.sinks.base import SinkType
from ww.sinks.conformance.bench import DENIED, DOWN, FULL, PARTIAL, REFUSE, SLOW, Bench, Key

if TYPE_CHECKING:
    from ww.types import Json

SERVICES = Path(__file__).resolve().parents[3] / "scripts" / "services"
PASSWORD = "s3cret of the bench"
TABLE = '"ev""il"."odd ""name""; --"'
_numbers = count(1)


class Postgres(Bench):
    """Down: no connections. Slow: the table is locked. Refuse: the user has too many connections. Full: as the server
    says it. Denied: the user may not log in. Partial: a trigger refuses.
    """

    type: ClassVar[SinkType] = postgres.TYPE
    faults: ClassVar[Sequence[str]] = (DOWN, SLOW, REFUSE, FULL, DENIED, PARTIAL)

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        asked = subprocess.run([SERVICES, "up", "postgres"], capture_output=True, text=True, check=True)
        self.host, _, self.port = asked.stdout.split()[1].partition(":")
        self.name = f"bench_{os.getpid()}_{next(_numbers)}"
        self._fault = ""
        self._lock: psycopg.Connection[Any] | None = None
        with self._server() as server:
            server.execute(f"CREATE ROLE {self.name} LOGIN PASSWORD '{PASSWORD}'")
            server.execute(f"CREATE DATABASE {self.name} OWNER {self.name}")

    def settings(self) -> Mapping[str, Json]:
        return {
            "host": self.host,
            "port": int(self.port),
            "database": self.name,
            "user": self.name,
            "password": {"$secret": "pg"},
            "schema": 'ev"il',
            "table": 'odd "name"; --',
        }

    def secrets(self) -> Mapping[str, str]:
        return {"pg": PASSWORD}

    def stored(self) -> Sequence[Key]:
        with self._database() as database:
            if database.execute("SELECT to_regclass(%s)", (TABLE,)).fetchone() == (None,):
                return []
            return database.execute(f"SELECT boot, seq FROM {TABLE} ORDER BY id").fetchall()

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        self._fault = fault
        if fault == SLOW:
            self._lock = psycopg.connect(host=self.host, port=self.port, user="ww", dbname=self.name)
            self._lock.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        elif fault in (FULL, PARTIAL):
            refused = " OR ".join(f"(NEW.boot = '{boot}' AND NEW.seq = {seq})" for boot, seq in keys) or "true"
            code = "53100" if fault == FULL else "23514"
            with self._database() as database:
                database.execute(
                    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    f" IF {refused} THEN RAISE EXCEPTION 'refused by the bench' USING ERRCODE = '{code}'; END IF;"
                    " RETURN NEW; END $$"
                )
                database.execute(
                    f"CREATE TRIGGER refuse BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION refuse()"
                )
        else:
            self._alter(allow=False)

    def heal(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        elif self._fault in (FULL, PARTIAL):
            with self._database() as database:
                database.execute(f"DROP TRIGGER refuse ON {TABLE}")
        elif self._fault:
            self._alter(allow=True)
        self._fault = ""

    def close(self) -> None:
        self.heal()
        with self._server() as server:
            server.execute(f"DROP DATABASE {self.name} WITH (FORCE)")
            server.execute(f"DROP ROLE {self.name}")

    def _alter(self, *, allow: bool) -> None:
        change = {
            DOWN: f"DATABASE {self.name} ALLOW_CONNECTIONS {str(allow).lower()}",
            REFUSE: f"ROLE {self.name} CONNECTION LIMIT {-1 if allow else 0}",
            DENIED: f"ROLE {self.name} {'LOGIN' if allow else 'NOLOGIN'}",
        }[self._fault]
        with self._server() as server:
            server.execute(f"ALTER {change}")
            server.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (self.name,)
            )

    def _server(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host=self.host, port=self.port, user="ww", dbname="postgres", autocommit=True)

    def _database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host=self.host, port=self.port, user="ww", dbname=self.name, autocommit=True)
