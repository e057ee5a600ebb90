"""The program of the example image: its store, its steps, its HTTP, its daemon."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = Path(__file__).resolve().parent.parent.parent / "images" / "notes" / "ww"


def _load(name: str) -> Any:
    """A module of the image, which is not a package of ours."""
    spec = importlib.util.spec_from_file_location(name, IMAGE / f"files/notes/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


store, page, server, client = map(_load, ("store", "page", "server", "client"))


def _step(number: int) -> str:
    """The SQL of an upgrade step, as the step itself hands it over."""
    (path,) = (IMAGE / "usr/upgrade.d").glob(f"{number:04d}-*")
    _, _, rest = path.read_text().partition("<<'SQL'\n")
    return rest.removesuffix("SQL\n")


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database of schema 1, with a note that was there before schema 2."""
    path = str(tmp_path / "notes.db")
    store.create(path)
    store.migrate(path, 1, _step(1))
    store.Store(path).add("buy milk\nand bread")
    return path


@pytest.fixture
def port(database: str) -> Iterator[int]:
    """The port of a server on that database, upgraded."""
    store.migrate(database, 2, _step(2))
    web = server.NotesServer(("127.0.0.1", 0), store.Store(database), {"title": "T & T", "max_note_bytes": 100})
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield web.server_address[1]
    web.shutdown()
    web.server_close()
    thread.join()


def _ask(
    port: int, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_second_schema_gives_old_notes_a_title_and_finds_them(database: str) -> None:
    assert store.migrate(database, 2, _step(2))
    notes = store.Store(database)
    assert [note["title"] for note in notes.recent(10)] == ["buy milk"]
    assert [note["id"] for note in notes.search("bread", 10)] == [1]
    notes.add("eggs")
    assert [note["title"] for note in notes.search("eggs", 10)] == ["eggs"]


def test_a_step_that_was_killed_can_be_run_again(database: str) -> None:
    with pytest.raises(sqlite3.Error):
        store.migrate(database, 2, "ALTER TABLE notes ADD COLUMN title TEXT NOT NULL DEFAULT ''; SELECT nonsense;")
    assert store.migrate(database, 2, _step(2))
    assert not store.migrate(database, 2, _step(2)), "the second time there is nothing left to do"


def test_a_step_refuses_a_database_that_lacks_the_one_before(tmp_path: Path) -> None:
    path = str(tmp_path / "notes.db")
    store.create(path)
    with pytest.raises(store.StoreError, match="has schema 0, the step to 2 needs 1"):
        store.migrate(path, 2, _step(2))


def test_a_schema_of_the_future_is_refused_in_words(database: str) -> None:
    with closing(store.connect(database)) as db:
        db.execute("PRAGMA user_version = 3")
    with pytest.raises(store.StoreError, match="has schema 3, this program serves 1 and 2"):
        store.Store(database)


def test_a_copy_of_a_live_database_is_whole(database: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    with closing(store.connect(database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO notes (text) VALUES ('not yet committed')")
        assert store.copy(database, copy) == 1
        writer.execute("ROLLBACK")
    assert [note["text"] for note in store.Store(copy).recent(10)] == ["buy milk\nand bread"]


@pytest.mark.parametrize("query", ['"', "*", "AND NOT", "a OR", "NEAR(", "-x", "title:", "'; DROP TABLE notes; --"])
def test_a_search_takes_whatever_people_type(database: str, query: str) -> None:
    store.migrate(database, 2, _step(2))
    assert store.Store(database).search(query, 10) == []


def test_a_note_is_kept_and_listed(port: int) -> None:
    status, body = _ask(port, "POST", "/notes", b'{"text": "eggs"}')
    assert (status, json.loads(body)["id"]) == (201, 2)
    assert [note["text"] for note in json.loads(_ask(port, "GET", "/notes")[1])] == ["eggs", "buy milk\nand bread"]
    assert len(json.loads(_ask(port, "GET", "/notes?limit=1")[1])) == 1


def test_the_page_escapes_what_people_wrote(port: int) -> None:
    assert _ask(port, "POST", "/notes", b"text=%3Cb%3Eeggs", "application/x-www-form-urlencoded")[0] == 303
    status, html = _ask(port, "GET", "/?q=%22%3E%3Cscript%3E")
    assert status == 200
    assert "<script>" not in html
    html = _ask(port, "GET", "/")[1]
    assert "&lt;b&gt;eggs" in html
    assert "<title>T &amp; T</title>" in html


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("POST", "/healthz", b"{}", 404),
        ("POST", "/notes", b"not json", 400),
        ("POST", "/notes", b'{"text": 1}', 400),
        ("POST", "/notes", b'{"text": "  "}', 400),
        ("POST", "/notes", b'{"text": "\\ud800"}', 400),
        ("POST", "/notes", b"\xff", 400),
        ("POST", "/notes", b'"' + b"x" * 100 + b'"', 413),
        ("GET", "/notes?limit=0", None, 400),
        ("GET", "/notes?limit=x", None, 400),
        ("PUT", "/notes", b"{}", 501),
    ],
)
def test_bad_requests_are_refused(port: int, method: str, path: str, body: bytes | None, status: int) -> None:
    assert _ask(port, method, path, body)[0] == status
    assert client.health(port)["notes"] == 1


def test_health_is_refused_when_the_database_is_gone(port: int, database: str) -> None:
    assert client.health(port)["state"] == "NOTESUP"
    os.rename(database, f"{database}.away")
    with pytest.raises(client.Unwell, match=r"status 503.*NOTESDOWN"):
        client.health(port)
