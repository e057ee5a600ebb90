"""The sink `sqlite` on real files."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import REPO
from tests.support.services import need
from tests.support.sinkbench import all_accepted, close_all, made, reasons, some_items, soon
from tests.support.stopwatch import Stopwatch
from ww.sinks.base import Accepted, RetryAfter, Sink
from ww.sinks.conformance import events
from ww.sinks.sqlite import TYPE
from ww.sinks.sqlite.sink import STEPS

BENCH = REPO / "tests" / "support" / "benches" / "sqlite.py"


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "events.sqlite"


def sink(path: Path, **settings: Any) -> Sink:
    return made(TYPE, {"path": str(path), **settings})


def rows(path: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.rule("D-sink-sql-once")
def test_an_event_is_a_row_with_its_key_its_columns_and_the_whole_of_it(tmp_path: Path, path: Path) -> None:
    items = some_items(tmp_path, 20)
    assert all_accepted(sink(path).deliver(items, soon()))
    found = rows(path, "SELECT boot, seq, kind, type, service, instance, state, time, event FROM ww_events ORDER BY id")
    assert [(row[0], row[1]) for row in found] == [(item.boot, item.seq) for item in items]
    assert found[0][2:8] == (
        "state", "dev.whaleware.instance.boot.v1", "conformance", "kit-1", "BOOT", items[0].event["time"],
    )  # fmt: skip
    assert found[1][2:7] == ("health", "dev.whaleware.instance.health.v1", "conformance", "kit-1", None)
    assert [json.loads(row[8]) for row in found] == [item.event for item in items]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.rule("D-sink-sql-once")
def test_what_is_there_already_is_told_from_what_is_new(tmp_path: Path, path: Path) -> None:
    items = some_items(tmp_path, 20)
    first = sink(path)
    first.deliver(items[:10], soon())
    assert all_accepted(first.deliver(items[:10], soon()), duplicate=True)
    assert sink(path).deliver(items, soon()) == [Accepted(duplicate=True)] * 10 + [Accepted()] * 10
    assert rows(path, "SELECT count(*) FROM ww_events") == [(20,)]


@pytest.mark.rule("D-sink-sql-writers")
def test_many_writers_that_find_no_file_make_one_table_with_each_event_once(tmp_path: Path, path: Path) -> None:
    items = some_items(tmp_path, 100)
    answers: list[object] = []

    def write() -> None:
        one = sink(path)
        answers.extend(
            answer for start in range(0, 100, 10) for answer in one.deliver(items[start : start + 10], soon(30))
        )

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert answers.count(Accepted()) == 100
    assert answers.count(Accepted(duplicate=True)) == 500
    assert rows(path, "SELECT version FROM ww_events_schema ORDER BY version") == [(1,), (2,)]


@pytest.mark.rule("D-sink-sql-deadline")
def test_a_locked_file_is_waited_for_until_the_deadline_and_not_longer(tmp_path: Path, path: Path) -> None:
    items = some_items(tmp_path, 5)
    one = sink(path)
    one.deliver(items[:1], soon())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Stopwatch() as watch:
        answers = one.deliver(items, soon(0.3))
    assert watch.elapsed_s > 0.25
    assert watch.seconds < 1.5
    assert "another program has it locked" in reasons(answers).pop()
    other.execute("COMMIT")
    other.close()
    assert one.deliver(items, soon()) == [Accepted(duplicate=True)] + [Accepted()] * 4


@pytest.mark.rule("D-sink-sql-schema")
def test_a_table_of_a_newer_ww_is_refused_in_words_and_left_alone(tmp_path: Path, path: Path) -> None:
    items = some_items(tmp_path, 5)
    sink(path).deliver(items[:1], soon())
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO ww_events_schema VALUES (99, '')")
    connection.close()
    late = sink(path)
    words = f"the table ww_events in {path} has schema version 99, this ww knows {len(STEPS)}"
    assert words in late.reach(soon())
    assert reasons(late.deliver(items, soon())).pop().startswith(words)
    assert rows(path, "SELECT count(*) FROM ww_events") == [(1,)]


@pytest.mark.rule("D-sink-sql-schema")
def test_a_table_of_an_older_ww_is_brought_up_to_date_and_keeps_its_rows(tmp_path: Path, path: Path) -> None:
    path.parent.mkdir()
    old = sqlite3.connect(path)
    for statement in STEPS[0]:
        old.execute(statement.format(table="ww_events", index="ww_events_by_time"))
    old.execute("CREATE TABLE ww_events_schema (version INTEGER PRIMARY KEY, applied TEXT NOT NULL)")
    old.execute("INSERT INTO ww_events_schema VALUES (1, '')")
    old.execute(
        f"INSERT INTO ww_events (boot, seq, kind, type, service, instance, time, event) "
        f"VALUES ('{events.BOOT}', 1, 'state', '', '', '', '', '{{}}')"
    )
    old.commit()
    old.close()
    assert sink(path).deliver(some_items(tmp_path, 2), soon()) == [Accepted(duplicate=True), Accepted()]
    assert rows(path, "SELECT version FROM ww_events_schema ORDER BY version") == [(1,), (2,)]
    assert rows(path, "SELECT name FROM sqlite_master WHERE name = 'ww_events_by_time'")


@pytest.mark.rule("D-sink-sql-names")
@pytest.mark.parametrize("table", ['x"; DROP TABLE other; --', "sélection", "{braces} %s ?", "select"])
def test_a_table_may_have_any_name(tmp_path: Path, path: Path, table: str) -> None:
    one = sink(path, table=table)
    assert all_accepted(one.deliver(some_items(tmp_path, 3), soon()))
    assert {name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")} == {
        table, f"{table}_schema",
    }  # fmt: skip


@pytest.mark.rule("D-sink-sql-names")
@pytest.mark.parametrize("table", ["sqlite_events", "SQLITE_x", "ä" * 30])
def test_a_name_that_no_table_can_have_is_refused_before_anything_is_opened(path: Path, table: str) -> None:
    with pytest.raises(ValueError, match="table: "):
        sink(path, table=table)
    assert not path.parent.exists()


@pytest.mark.rule("D-sink-sql-heals")
def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path, path: Path) -> None:
    items = some_items(tmp_path, 6)
    one = sink(path)
    one.deliver(items[:3], soon())
    os.rename(path.parent, tmp_path / "away")
    assert all_accepted(one.deliver(items[3:], soon()))
    assert rows(path, "SELECT seq FROM ww_events") == [(4,), (5,), (6,)]
    assert rows(tmp_path / "away" / "events.sqlite", "SELECT seq FROM ww_events") == [(1,), (2,), (3,)]


@pytest.mark.rule("D-sink-sql-heals")
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"no database " * 1000), "it is no SQLite database: move it away"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
        (lambda path: (path.unlink(), path.symlink_to("/proc/nothing/here")), "No such file or directory"),
    ],
    ids=["garbage", "directory", "nowhere"],
)
def test_what_cannot_be_a_database_is_said_in_words_and_tried_again(
    tmp_path: Path, path: Path, spoil: Any, words: str
) -> None:
    items = some_items(tmp_path, 3)
    path.parent.mkdir()
    path.touch()
    spoil(path)
    one = sink(path)
    answers = one.deliver(items, soon())
    assert {type(answer) for answer in answers} == {RetryAfter}
    assert words in reasons(answers).pop()
    assert words in one.reach(soon())
    os.rename(path, tmp_path / "spoilt")
    assert all_accepted(one.deliver(items, soon()))


@pytest.mark.rule("D-sink-sql-heals")
def test_a_read_only_file_system_is_said_in_words(tmp_path: Path, path: Path) -> None:
    need("unshare")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare: this kernel or sandbox allows no mount namespaces")
    one = sink(path)
    one.deliver(some_items(tmp_path, 3), soon())
    one.close(soon())
    program = (
        "import sys; from pathlib import Path; from tests.support.sinkbench import made, soon\n"
        "from ww.sinks.sqlite import TYPE; print(made(TYPE, {'path': sys.argv[1]}).reach(soon()))"
    )
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1/events.sqlite"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(path.parent), sys.executable, program]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPO), *filter(None, sys.path)])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "Read-only file system" in done.stdout


@pytest.mark.rule("D-sink-sql-heals")
def test_a_full_disk_loses_nothing_and_is_got_over(tmp_path: Path) -> None:
    """The kit's own scenario, on a file system of 3 MB that the bench fills."""
    need("unshare")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare: this kernel or sandbox allows no mount namespaces")
    script = 'mount -t tmpfs -o size=3m none "$1" && exec "$2" -P -m ww sinks conformance "$3" --scenario full --json'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, f"{BENCH}:OnFullDisk"]
    environ = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    full = next(one for one in json.loads(done.stdout)["scenarios"] if one["name"] == "full")
    assert full["outcome"] == "well"
