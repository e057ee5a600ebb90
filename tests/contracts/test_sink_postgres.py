"""The sink `postgres` against the real server: killed, frozen, cut off, read-only, with passwords and with TLS."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trustme

from tests.support.faultproxy import FaultProxy
from tests.support.items import Told
from tests.support.ownpostgres import OwnPostgres
from tests.support.pages import fenced
from tests.support.paths import REPO
from tests.support.sinkbench import all_accepted, made, reasons, some_items, soon
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.config.sinktypes import filled
from ww.sinks.base import Accepted, Answer, Item, Rejected, RetryAfter, Sink
from ww.sinks.conformance import events
from ww.sinks.postgres import TYPE
from ww.sinks.postgres.sink import STEPS

pytestmark = [pytest.mark.timeout(120), pytest.mark.servers]
_numbers = count(1)
CATALOGUE = (
    "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a"
    " JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname LIKE 'ww\\_%' AND a.attnum > 0 ORDER BY 1, 2"
)
"""Every column of what the sink or somebody in its place has made, indexes among them."""


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    # Not below pytest's own directory: the server runs as a user of its own, to whom that one is closed.
    place = Path(tempfile.mkdtemp(prefix="ww-own-postgres-"))
    place.chmod(0o711)
    running = OwnPostgres(place / "services")
    yield running
    running.signal(signal.SIGCONT)
    running.kill()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def database(server: OwnPostgres) -> str:
    """A database of the user of the same name, whose password is `pw-NAME`."""
    name = f"db{next(_numbers)}"
    server.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'pw-{name}'")
    server.sql(f"CREATE DATABASE {name} OWNER {name}")
    return name


def sink(server: OwnPostgres, database: str, secrets: dict[str, str] | None = None, **settings: Any) -> Sink:
    own = {
        "host": server.host,
        "port": server.port,
        "database": database,
        "user": database,
        "password": {"$secret": "pw"},
    }
    return made(TYPE, {**own, **settings}, {"pw": f"pw-{database}"} if secrets is None else secrets)


def rows(server: OwnPostgres, database: str, query: str = "SELECT boot, seq FROM ww_events ORDER BY id") -> list[Any]:
    return server.sql(query, database)


@pytest.mark.rule("D-sink-sql-once")
def test_an_event_is_a_row_with_its_key_its_columns_and_the_whole_of_it(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    items = some_items(tmp_path, 20)
    assert all_accepted(sink(server, database).deliver(items, soon()))
    found = rows(server, database, "SELECT boot, seq, kind, service, instance, state, event FROM ww_events ORDER BY id")
    assert [row[:2] for row in found] == [(item.boot, item.seq) for item in items]
    assert found[0][2:6] == ("state", "conformance", "kit-1", "BOOT")
    assert [row[6] for row in found] == [item.event for item in items]
    query = "SELECT (event->'data'->>'requests')::int FROM ww_events WHERE kind = 'health' AND time > now() - interval '1 hour'"
    assert rows(server, database, query)[0] == (2,)


@pytest.mark.rule("D-sink-sql-once")
def test_what_is_there_already_is_told_from_what_is_new(server: OwnPostgres, database: str, tmp_path: Path) -> None:
    items = some_items(tmp_path, 20)
    first = sink(server, database)
    first.deliver(items[:10], soon())
    assert all_accepted(first.deliver(items[:10], soon()), duplicate=True)
    assert sink(server, database).deliver(items, soon()) == [Accepted(duplicate=True)] * 10 + [Accepted()] * 10


@pytest.mark.rule("D-sink-sql-poison")
def test_one_event_that_cannot_be_stored_is_rejected_alone(server: OwnPostgres, database: str, tmp_path: Path) -> None:
    journal = events.journal(str(tmp_path / "journal"))
    events.odd(journal)
    journal.close()
    items = events.items(str(tmp_path / "journal"))
    answers = sink(server, database).deliver(items, soon())
    bad = [number for number, answer in enumerate(answers) if isinstance(answer, Rejected)]
    assert [b"before\\u0000after" in items[number].text for number in bad] == [True]
    assert "\\u0000 cannot be converted to text" in reasons([answers[bad[0]]]).pop()
    assert all_accepted([answer for answer in answers if not isinstance(answer, Rejected)])
    assert len(rows(server, database)) == len(items) - 1


@pytest.mark.rule("D-sink-sql-writers")
def test_many_writers_that_find_no_table_make_one_with_each_event_once(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    items = some_items(tmp_path, 100)
    answers: list[object] = []

    def write() -> None:
        one = sink(server, database, schema="made here")
        answers.extend(
            answer for start in range(0, 100, 10) for answer in one.deliver(items[start : start + 10], soon(20))
        )
        one.close(soon())

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert answers.count(Accepted()) == 100
    assert answers.count(Accepted(duplicate=True)) == 500
    assert rows(server, database, 'SELECT version FROM "made here".ww_events_schema ORDER BY 1') == [(1,), (2,)]


@pytest.mark.rule("D-sink-sql-schema")
def test_a_table_of_a_newer_ww_is_refused_in_words_and_left_alone(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    items = some_items(tmp_path, 3)
    sink(server, database).deliver(items[:1], soon())
    rows(server, database, "INSERT INTO ww_events_schema VALUES (99)")
    late = sink(server, database)
    words = f"the table public.ww_events has schema version 99, this ww knows {len(STEPS)}"
    assert words in late.reach(soon())
    assert words in reasons(late.deliver(items, soon())).pop()
    assert len(rows(server, database)) == 1


@pytest.mark.rule("D-sink-sql-schema")
def test_a_table_of_an_older_ww_is_brought_up_to_date_and_keeps_its_rows(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    with psycopg.connect(
        host=server.host, port=server.port, user=database, dbname=database, password=f"pw-{database}"
    ) as old:
        for statement in STEPS[0]:
            old.execute(statement.format(table="ww_events", index="ww_events_by_time"))
        old.execute(
            "CREATE TABLE ww_events_schema (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())"
        )
        old.execute("INSERT INTO ww_events_schema VALUES (1)")
        values = f"'{events.BOOT}', 1, 'state', '', '', '', now(), '{{}}'"
        old.execute(f"INSERT INTO ww_events (boot, seq, kind, type, service, instance, time, event) VALUES ({values})")
    assert sink(server, database).deliver(some_items(tmp_path, 2), soon()) == [Accepted(duplicate=True), Accepted()]
    assert rows(server, database, "SELECT to_regclass('ww_events_by_time') IS NULL") == [(False,)]


@pytest.mark.rule("D-sink-sql-schema")
def test_without_the_right_to_create_it_says_what_is_missing(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    one = sink(server, database, create=False)
    words = reasons(one.deliver(some_items(tmp_path, 2), soon())).pop()
    assert f"the table public.ww_events has schema version 0, {len(STEPS)} is needed" in words


@pytest.mark.rule("D-sink-sql-heals")
def test_a_table_that_was_dropped_is_made_anew(server: OwnPostgres, database: str, tmp_path: Path) -> None:
    items = some_items(tmp_path, 4)
    one = sink(server, database)
    one.deliver(items[:2], soon())
    rows(server, database, "DROP TABLE ww_events, ww_events_schema")
    assert 'relation "public.ww_events" does not exist' in reasons(one.deliver(items[2:], soon())).pop()
    assert all_accepted(one.deliver(items[2:], soon()))


@pytest.mark.rule("D-sink-sql-heals")
def test_a_server_that_is_killed_and_started_again_gets_every_event_once(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    items = some_items(tmp_path, 400)
    one = sink(server, database)
    refused: list[str] = []
    begun = threading.Event()

    def put(batch: list[Item]) -> list[Answer]:
        answers = [*one.deliver(batch, soon(3))]
        refused.extend(reasons(answers) - {""})
        return answers

    def deliver() -> None:
        for start in range(0, len(items), 10):
            while any(isinstance(answer, RetryAfter) for answer in put(items[start : start + 10])):
                threading.Event().wait(0.05)
            begun.set()

    thread = threading.Thread(target=deliver, daemon=True)
    thread.start()
    begun.wait(10)
    for _ in range(2):
        server.kill()
        seen = len(refused)
        if thread.is_alive():
            until(lambda: len(refused) > seen or not thread.is_alive(), "a delivery that failed")  # noqa: B023
        server.start()
    thread.join(60)
    assert not thread.is_alive()
    assert refused
    assert rows(server, database) == [(item.boot, item.seq) for item in items]


@pytest.mark.rule("D-sink-sql-deadline")
def test_a_server_that_is_frozen_costs_no_more_than_the_deadline(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    items = some_items(tmp_path, 10)
    one = sink(server, database)
    one.deliver(items[:5], soon())
    server.signal(signal.SIGSTOP)
    try:
        for _ in range(3):  # the first on a connection that is open, the others have to make one
            with Stopwatch() as watch:
                answers = one.deliver(items[5:], soon(0.5))
            assert watch.seconds < 1.5
            assert {type(answer) for answer in answers} == {RetryAfter}
            assert "within the time limit" in reasons(answers).pop()
        with Stopwatch() as watch:
            assert "within the time limit" in one.reach(soon(0.3))
        assert watch.seconds < 1.5
    finally:
        server.signal(signal.SIGCONT)
    until(lambda: all(isinstance(answer, Accepted) for answer in one.deliver(items[5:], soon())), "it goes on")
    assert len(rows(server, database)) == 10


@pytest.mark.rule("D-sink-sql-deadline")
def test_a_lock_is_waited_for_until_the_deadline(server: OwnPostgres, database: str, tmp_path: Path) -> None:
    items = some_items(tmp_path, 10)
    one = sink(server, database)
    one.deliver(items[:5], soon())
    with server.connect(database) as other, other.transaction():
        other.execute("LOCK TABLE ww_events")
        with Stopwatch() as watch:
            assert {type(answer) for answer in one.deliver(items, soon(0.4))} == {RetryAfter}
        assert watch.seconds < 1.5
    assert one.deliver(items, soon()) == [Accepted(duplicate=True)] * 5 + [Accepted()] * 5


@pytest.mark.rule("D-sink-sql-heals", "D-sink-sql-once")
def test_an_answer_that_is_lost_on_its_way_back_leads_to_no_duplicate(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    items = some_items(tmp_path, 300)
    with FaultProxy(server.port, server.host) as proxy:
        one = sink(server, database, host=proxy.host, port=proxy.port)
        assert all_accepted(one.deliver(items[:10], soon()))
        for number, start in enumerate(range(10, 300, 10)):
            proxy.reset() if number % 3 == 0 else None
            proxy.cut_after = 20 + 37 * number
            one.deliver(items[start : start + 10], soon(2))
            proxy.cut_after = None
        until(lambda: all(isinstance(answer, Accepted) for answer in one.deliver(items, soon())), "all are there")
    assert sorted(rows(server, database)) == [(item.boot, item.seq) for item in items]


@pytest.mark.rule("D-sink-sql-deadline")
def test_a_network_that_swallows_everything_costs_no_more_than_the_deadline(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    items = some_items(tmp_path, 10)
    with FaultProxy(server.port, server.host) as proxy:
        one = sink(server, database, host=proxy.host, port=proxy.port)
        one.deliver(items[:5], soon())
        proxy.blackhole = True
        for _ in range(3):
            with Stopwatch() as watch:
                assert {type(answer) for answer in one.deliver(items, soon(0.4))} == {RetryAfter}
            assert watch.seconds < 1.5
        proxy.blackhole = False
        until(lambda: all(isinstance(answer, Accepted) for answer in one.deliver(items, soon())), "it goes on")
    assert len(rows(server, database)) == 10


@pytest.mark.rule("D-sink-sql-heals")
def test_a_read_only_server_is_waited_for(server: OwnPostgres, database: str, tmp_path: Path) -> None:
    items = some_items(tmp_path, 10)
    one = sink(server, database)
    one.deliver(items[:5], soon())
    rows(server, "postgres", f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    rows(server, "postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{database}'")
    for _ in range(2):
        answers = one.deliver(items, soon())
        assert {type(answer) for answer in answers} == {RetryAfter}
    assert "read-only" in reasons(answers).pop()
    rows(server, "postgres", f"ALTER DATABASE {database} SET default_transaction_read_only = off")
    assert one.deliver(items, soon()) == [Accepted(duplicate=True)] * 5 + [Accepted()] * 5


@pytest.mark.rule("D-sink-sql-secret")
def test_the_password_is_read_at_each_connect_and_said_nowhere(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    items = some_items(tmp_path, 3)
    secrets = {"pw": "wrong-and-secret"}
    one = sink(server, database, secrets)
    answers = one.deliver(items, soon())
    assert "password authentication failed" in reasons(answers).pop()
    assert "wrong-and-secret" not in repr((one, answers, one.reach(soon())))
    secrets["pw"] = f"pw-{database}"
    assert all_accepted(one.deliver(items, soon()))
    secrets["pw"] = "rotated-and-secret"
    assert all_accepted(one.deliver(items, soon()), duplicate=True), "it is connected already"
    rows(server, "postgres", f"ALTER ROLE {database} PASSWORD 'rotated-and-secret'")
    rows(server, "postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{database}'")
    one.deliver(items, soon())
    assert all_accepted(one.deliver(items, soon()), duplicate=True)


@pytest.mark.rule("D-sink-sql-tls")
def test_tls_and_who_the_server_is(server: OwnPostgres, database: str, tmp_path: Path) -> None:
    items = some_items(tmp_path, 3)
    right, wrong = trustme.CA(), trustme.CA()
    right.cert_pem.write_to_path(str(tmp_path / "right.pem"))
    wrong.cert_pem.write_to_path(str(tmp_path / "wrong.pem"))
    certificate = right.issue_cert("localhost")
    owner = server.data.stat()
    for name, pems in (("server.key", [certificate.private_key_pem]), ("server.crt", certificate.cert_chain_pems)):
        path = server.data / name
        path.write_bytes(b"".join(pem.bytes() for pem in pems))
        path.chmod(0o600)
        os.chown(path, owner.st_uid, owner.st_gid)
    rows(server, "postgres", "ALTER SYSTEM SET ssl = on")
    rows(server, "postgres", "SELECT pg_reload_conf()")
    until(lambda: rows(server, "postgres", "SHOW ssl") == [("on",)], "the server speaks TLS")
    try:
        tls = {"mode": "verify-full", "ca_file": str(tmp_path / "right.pem")}
        assert all_accepted(sink(server, database, host="localhost", tls=tls).deliver(items, soon()))
        encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '{}'"
        assert rows(server, database, encrypted.format(database)) == [(True,)]
        for host, ca in (("localhost", "wrong.pem"), (server.host, "right.pem")):
            refused = sink(server, database, host=host, tls={**tls, "ca_file": str(tmp_path / ca)})
            answers = refused.deliver(items, soon())
            assert {type(answer) for answer in answers} == {RetryAfter}
            assert "certificate" in reasons(answers).pop()
    finally:
        rows(server, "postgres", "ALTER SYSTEM RESET ssl")
        rows(server, "postgres", "SELECT pg_reload_conf()")


@pytest.mark.rule("D-sink-sql-durable")
def test_accepted_means_on_the_servers_disk_also_where_commits_do_not_wait_for_it(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    rows(server, "postgres", f"ALTER ROLE {database} SET synchronous_commit = off")
    one = sink(server, database)
    items = some_items(tmp_path, 3)
    one.deliver(items[:1], soon())
    rows(
        server,
        database,
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.state = current_setting('synchronous_commit'); RETURN NEW; END $$",
    )
    rows(server, database, "CREATE TRIGGER note BEFORE INSERT ON ww_events FOR EACH ROW EXECUTE FUNCTION note()")
    one.deliver(items, soon())
    assert rows(server, database, "SELECT DISTINCT state FROM ww_events WHERE seq > 1") == [("local",)]


@pytest.mark.rule("D-sink-sql-driver")
@pytest.mark.parametrize(
    ("name", "driver", "words"),
    [
        ("postgres", "psycopg", "pip install 'whaleware[postgres]'"),
        ("sqlite", "sqlite3", "Python's module sqlite3, which this Python has been built or packed without"),
    ],
)
def test_without_its_driver_a_sink_says_what_is_missing(name: str, driver: str, words: str) -> None:
    program = (
        f"import sys; sys.modules['{driver}'] = None\n"
        f"from ww.sinks.{name} import TYPE\n"
        "try: TYPE.make({}, None)\n"
        "except ValueError as error: print(error)"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert words in done.stdout


@pytest.mark.rule("D-sink-sql-schema")
def test_the_statements_of_the_page_make_what_a_user_without_rights_needs(
    server: OwnPostgres, database: str, tmp_path: Path
) -> None:
    statements = fenced((REPO / "docs" / "sinks" / "postgres.md").read_text(), "sql")
    server.sql(f"CREATE ROLE {database}_plain LOGIN PASSWORD 'pw-{database}'")
    with server.connect(database) as owner:
        owner.execute(next(text for text in statements if text.startswith("CREATE TABLE")))
        owner.execute(f"GRANT SELECT, INSERT ON ww_events, ww_events_schema TO {database}_plain")
    plain = sink(server, database, user=f"{database}_plain", create=False)
    assert all_accepted(plain.deliver(some_items(tmp_path, 5), soon()))
    assert rows(server, database, statements[0].split(";")[0])[0][:3] == ("conformance", "kit-1", "WARMUP")
    by_hand = rows(server, database, CATALOGUE)
    server.sql("DROP TABLE ww_events, ww_events_schema", database)
    sink(server, database).deliver(some_items(tmp_path, 5), soon())
    assert rows(server, database, CATALOGUE) == by_hand


@pytest.mark.rule("D-sink-sql-tls")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, 1),
        ({"tls": {"mode": "require"}}, 1),
        ({"tls": {"mode": "verify-full"}}, 0),
        ({"host": "/run/postgresql"}, 0),
    ],
)
def test_a_server_that_nobody_makes_sure_of_is_said(settings: dict[str, Any], said: int) -> None:
    told = Told()
    given = {"type": "postgres", "host": "db.example.org", "database": "events", "user": "ww", **settings}
    TYPE.make(filled(given, TYPE.schema), told.context)
    assert len(told.log) == said
    assert all("nobody makes sure that it is the server that was meant" in words for words in told.log)
