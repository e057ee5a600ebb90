"""`ww sinks list` and `ww sinks check`: what is known here, and what can be reached."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import Home
from tests.support.terminal import on_terminal
from ww.config.sinktypes import BUILT_IN
from ww.home.layout import layout_for
from ww.sinks.reachability import reach_all


def configured(home: Home, **sinks: dict[str, Any]) -> Home:
    (home.root / "ww/etc").mkdir(parents=True, exist_ok=True)
    (home.root / "ww/usr").mkdir(parents=True, exist_ok=True)
    (home.root / "ww/etc/default_cfg.json").write_text(json.dumps({"ww": {"sinks": sinks}}))
    return home


def check(home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    return home.ww("sinks", "check", "--root", str(home.root), *words)


@pytest.mark.rule("D-sinks-list")
def test_every_type_is_listed_with_its_guarantee_and_where_it_comes_from(home: Home) -> None:
    listed = home.ww("sinks", "list", "--json")
    assert listed.returncode == 0
    document = json.loads(listed.stdout)
    assert document["format"] == 1
    types = {one["name"]: one for one in document["types"]}
    assert set(BUILT_IN) <= set(types)
    assert types["sqlite"] == {
        "name": "sqlite",
        "origin": "whaleware",
        "guarantee": "effectively once",
        "summary": "a table in an SQLite file",
        "why": "",
    }
    assert types["file"]["guarantee"] == "at least once"
    table = home.ww("sinks", "list").stdout.splitlines()
    assert table[0].split() == ["TYPE", "GUARANTEE", "FROM", "WHAT"]
    assert any(line.startswith("postgres ") and "effectively once" in line for line in table)


@pytest.mark.rule("D-sinks-list")
def test_on_a_narrow_terminal_nothing_of_the_list_is_cut(home: Home) -> None:
    shown = on_terminal(home.root, "sinks", "list", NO_COLOR="1").replace("\r", "").splitlines()
    assert max(map(len, shown)) <= 80
    start = shown[0].index("WHAT")
    at = next(number for number, line in enumerate(shown) if line.startswith("zookeeper"))
    assert " ".join(line[start:].strip() for line in shown[at:]).strip() == (
        "a node in ZooKeeper with the state of the instance, gone when the instance is"
    )


@pytest.mark.rule("D-sinks-check")
def test_each_configured_sink_is_tried_and_69_says_that_one_was_not_reached(home: Home) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        closed = listener.getsockname()[1]
    store = {"type": "postgres", "host": "127.0.0.1", "port": closed, "database": "d", "user": "u"}
    configured(
        home,
        history={"type": "sqlite", "path": "/data/events.sqlite"},
        store={**store, "required": True, "password": {"$secret": "none"}},
        other={**store, "enabled": False},
    )
    (home.root / "secrets").mkdir(exist_ok=True)
    done = check(home, "--json")
    assert done.returncode == 69
    found = {one["name"]: one for one in json.loads(done.stdout)["sinks"]}
    assert {name: one["result"] for name, one in found.items()} == {
        "history": "reached",
        "store": "not reached",
        "other": "disabled",
    }
    assert "cannot resolve the $secret reference none" in found["store"]["why"]
    assert found["store"]["required"] is True
    lines = check(home).stdout.splitlines()
    assert lines[0].split() == ["SINK", "TYPE", "RESULT", "REQUIRED", "WHY"]
    with sqlite3.connect(home.root / "data/events.sqlite") as database:
        assert database.execute("SELECT count(*) FROM ww_events").fetchall() == [(0,)], "no event is sent"
    database.close()


@pytest.mark.rule("D-sinks-check")
def test_all_reached_is_0_none_is_0_and_an_invalid_configuration_78(home: Home) -> None:
    configured(home)
    nothing = check(home)
    assert (nothing.returncode, nothing.stdout) == (0, "no sink is configured\n")
    configured(home, out={"type": "file", "path": "/data/events.ndjson"})
    assert check(home).returncode == 0
    assert home.ww("sinks", "check", str(home.root)).returncode == 0, "the same home, named as a directory"
    wrong = check(home, "--set", "ww.sinks.out.fsynk=true")
    assert wrong.returncode == 78
    assert "ww.sinks.out" in wrong.stderr
    assert home.ww("sinks", "check", "x", "--root", "y").returncode == 64


@pytest.mark.rule("D-sinks-check")
def test_a_receiver_that_says_nothing_is_given_up_at_the_time_limit(home: Home) -> None:
    """It accepts, and never answers; its password is nowhere in what is said of it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store = {"type": "postgres", "host": "127.0.0.1", "port": port, "database": "d", "user": "u"}
        configured(home, store={**store, "password": {"$env": "PW"}})
        found = reach_all(layout_for(str(home.root), {}), {**os.environ, "PW": "very-secret"}, (), 0.5)
    assert [(one.result, "within the time limit" in one.why, "very-secret" in one.why) for one in found] == [
        ("not reached", True, False)
    ]
    assert found[0].seconds < 2


@pytest.mark.rule("D-sinks-check")
def test_what_an_image_copies_can_be_checked_too(tmp_path: Path, home: Home) -> None:
    image = tmp_path / "image/ww"
    (image / "etc").mkdir(parents=True)
    (image / "usr").mkdir()
    path = str(tmp_path / "events.sqlite")
    (image / "etc/default_cfg.json").write_text(json.dumps({"ww": {"sinks": {"a": {"type": "sqlite", "path": path}}}}))
    done = home.ww("sinks", "check", str(image), "--json")
    assert (done.returncode, json.loads(done.stdout)["sinks"][0]["result"]) == (0, "reached"), done.stderr


@pytest.mark.rule("D-sinks-check", "D-sink-http-reach")
def test_a_receiver_without_head_is_reached_and_its_credentials_are_not_checked(home: Home) -> None:
    class PostOnly(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    class Whole(PostOnly):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

    for handler, why in (
        (PostOnly, "credentials not checked: the receiver answers HEAD with 501"),
        (Whole, ""),
    ):
        with HTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            configured(home, hub={"type": "http", "url": f"http://127.0.0.1:{server.server_port}/"})
            done = check(home, "--json")
            server.shutdown()
        assert done.returncode == 0
        (found,) = json.loads(done.stdout)["sinks"]
        assert (found["result"], found["why"]) == ("reached", why)


@pytest.mark.rule("D-sinks-check")
def test_each_wrong_setting_has_a_line_of_its_own(home: Home) -> None:
    configured(home, hub={"type": "http", "ulr": "http://127.0.0.1/"}, log={"type": "fiel", "path": "/data/e"})
    done = check(home)
    assert done.returncode == 78
    said = done.stderr.splitlines()
    assert [line.split(": ww.sinks.")[1].split(":")[0] for line in said] == ["hub.ulr", "log.type"]
    assert all(line.startswith("ww sinks: ") for line in said)
