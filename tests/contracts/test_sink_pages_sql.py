"""What docs/sinks/sqlite.md and postgres.md tell to ask answers, by rows that their sinks have written."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.items import item
from tests.support.ownpostgres import OwnPostgres
from tests.support.pages import fenced
from tests.support.paths import REPO
from tests.support.sinkbench import all_accepted, made, soon
from ww.sinks.base import Item, Sink
from ww.sinks.postgres import TYPE as POSTGRES
from ww.sinks.sqlite import TYPE as SQLITE

pytestmark = [pytest.mark.timeout(120), pytest.mark.rule("D-sink-sql-pages"), pytest.mark.servers]
NOW = datetime.now(UTC)
Ask = Callable[[str], list[Any]]


def asked(page: str, beginning: str) -> str:
    """The statement of the page that begins so."""
    text = ";".join(fenced((REPO / "docs" / "sinks" / f"{page}.md").read_text(), "sql"))
    (found,) = [part.strip() for part in text.split(";") if part.strip().startswith(beginning)]
    return found


def stamped(days_ago: float) -> str:
    return (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def at(days_ago: float, one: Item) -> Item:
    event = {**one.event, "time": stamped(days_ago)}

    return Item(one.boot, one.seq, one.kind, event, json.dumps(event).encode())


def history() -> list[Item]:
    """Two boots; the clock of the second one is a day behind. The first events are just over 90 days old, and just not."""
    first, second = "a" * 32, "b" * 32
    return [
        at(90 + 1 / 24, item(1, first, "health", monitor={"requests": 10}, boot_no=1)),
        at(90 - 1 / 24, item(2, first, "health", monitor={"requests": 20}, boot_no=1)),
        at(2, item(3, first, "state", state="UP", boot_no=1)),
        at(1.5, item(4, first, "state", state="STOPPED", boot_no=1)),
        at(3, item(1, second, "state", state="BOOT", boot_no=2)),
        at(2.5, item(2, second, "state", state="UP", boot_no=2)),
    ]


@pytest.fixture
def in_sqlite(tmp_path: Path) -> Iterator[tuple[Sink, Ask]]:
    path = tmp_path / "events.sqlite"
    sink = made(SQLITE, {"path": str(path)})

    def ask(statement: str) -> list[Any]:
        with sqlite3.connect(path) as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows

    yield sink, ask
    sink.close(soon())


@pytest.fixture
def in_postgres() -> Iterator[tuple[Sink, Ask]]:
    place = Path(tempfile.mkdtemp(prefix="ww-own-postgres-"))
    place.chmod(0o711)
    server = OwnPostgres(place / "services")
    own = {"host": server.host, "port": server.port, "database": "postgres", "user": "ww"}
    sink = made(POSTGRES, own)
    yield sink, server.sql
    sink.close(soon())
    server.kill()
    shutil.rmtree(place, ignore_errors=True)


def check(page: str, sink: Sink, ask: Ask) -> None:
    """Every statement that both pages have."""
    assert all_accepted(sink.deliver(history(), soon()))
    latest = "SELECT service, instance" if page == "sqlite" else "SELECT DISTINCT"
    assert [row[:3] for row in ask(asked(page, latest))] == [("web", "i-1", "UP")]
    assert [
        int(row[1]) for row in ask(asked(page, "SELECT time, json_extract" if page == "sqlite" else "SELECT time, ("))
    ] == [10, 20]
    ask(asked(page, "DELETE"))
    assert [row[0] for row in ask("SELECT seq FROM ww_events WHERE kind = 'health'")] == [2]


def test_the_statements_of_the_page_of_sqlite_answer(in_sqlite: tuple[Sink, Ask]) -> None:
    sink, ask = in_sqlite
    check("sqlite", sink, ask)
    assert [row[1] for row in ask(asked("sqlite", "SELECT time, state"))] == ["UP", "BOOT", "STOPPED", "UP"]


def test_the_statements_of_the_page_of_postgres_answer(in_postgres: tuple[Sink, Ask]) -> None:
    check("postgres", *in_postgres)
