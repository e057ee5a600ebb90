"""docs/sinks/http.md and elasticsearch.md: their receiver receives, their signature can be checked, their tables are whole."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.freeports import free_port
from tests.support.items import Told, items
from tests.support.paths import REPO
from tests.support.waiting import until
from ww.sinks.base import Accepted
from ww.sinks.http import TYPE as HTTP
from ww.sinks.http.forms import signature
from ww.sinks.over_http.verdicts import read_reply

PAGE = (REPO / "docs" / "sinks" / "http.md").read_text()


def block(language: str, containing: str) -> str:
    """The code block of the page that holds this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(text for text in blocks if containing in text)


class Program:
    """The receiver of the page, as a process."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "receiver.py"
        self._path.write_text(block("python", "HTTPServer("))
        self.port = free_port()
        self.start()

    def start(self) -> None:
        argv = [sys.executable, str(self._path), str(self.port)]
        self.process = subprocess.Popen(argv, cwd=self._path.parent, stderr=subprocess.DEVNULL)
        until(self._listens, "the receiver listens")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def stored(self) -> list[dict[str, Any]]:
        with sqlite3.connect(self._path.parent / "events.db") as store:
            rows = [json.loads(row[0]) for row in store.execute("SELECT event FROM events ORDER BY source, id")]
        store.close()
        return rows

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    yield made
    made.stop()


@pytest.mark.rule("D-sink-http-receiver")
def test_the_receiver_of_the_page_stores_each_event_once(program: Program) -> None:
    sink = HTTP.make({"url": f"http://127.0.0.1:{program.port}/v1/events"}, Told().context)
    assert sink.deliver(items(1, 10), time.monotonic() + 5) == [Accepted()] * 10
    program.stop()
    assert all(not isinstance(answer, Accepted) for answer in sink.deliver(items(6, 15), time.monotonic() + 5))
    program.start()
    assert sink.deliver(items(6, 15), time.monotonic() + 5) == [Accepted()] * 10
    assert sink.deliver(items(6, 15), time.monotonic() + 5) == [Accepted(duplicate=True)] * 10
    assert program.stored() == [one.event for one in items(1, 15)]


@pytest.mark.rule("D-sink-http-receiver")
def test_the_event_sent_by_hand_arrives(program: Program) -> None:
    command = block("sh", "curl").replace("8080", str(program.port))
    words = shlex.split(command)
    if shutil.which("curl"):
        reply = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    else:
        header, data = words[words.index("-H") + 1], words[words.index("-d") + 1]
        url = next(word for word in words if word.startswith("http"))
        reply = requests.post(url, data=data, headers=dict([header.split(": ", 1)]), timeout=5).text
    assert json.loads(reply) == {"acked_to": 5, "duplicates": 0}
    assert program.stored() == [json.loads(words[words.index("-d") + 1])]


@pytest.mark.rule("D-sink-http-signature")
def test_the_check_of_a_signature_on_the_page_works() -> None:
    names: dict[str, Any] = {}
    exec(block("python", "is_signed"), names)  # noqa: S102 - the page's own code
    check = names["is_signed"]
    now = int(time.time())
    assert check(b"key", signature("key", now, b"body"), b"body")
    assert not check(b"other", signature("key", now, b"body"), b"body")
    assert not check(b"key", signature("key", now, b"body"), b"other")
    assert not check(b"key", signature("key", now - 400, b"body"), b"body")


@pytest.mark.rule("D-sink-http-reply")
def test_the_reply_on_the_page_is_understood() -> None:
    reply = json.loads(block("json", "acked_to"))
    read = read_reply(items(40, 42), json.dumps(reply).encode())
    assert [type(answer).__name__ for answer in read.answers] == ["Accepted", "Rejected", "Accepted"]
    assert read.advice is not None
    assert (read.advice.max_events, read.advice.max_bytes, read.advice.interval_s) == (200, 262144, 60)
    assert [one[1:] for one in read.advice.want] == [(17, 21)]
    members = set(
        re.findall(
            r"`(\w+)`", PAGE.split("| member |")[1].split("\n## ")[0].replace("`limits`", "").replace("`Ww-Sent`", "")
        )
    )
    assert members == set(reply)


@pytest.mark.rule("D-sink-http-settings")
@pytest.mark.parametrize("name", ["http", "elasticsearch"])
def test_each_setting_has_its_row(name: str) -> None:
    schema = json.loads((REPO / "ww" / "config" / "sinks" / f"{name}.json").read_text())
    page = (REPO / "docs" / "sinks" / f"{name}.md").read_text()
    told = dict(
        re.findall(
            r"^\| `([\w.]+)` \| (required|absent|`[^`]*`) \|",
            page.split("## Settings")[1].split("\n## ")[0],
            re.MULTILINE,
        )
    )
    assert told == dict(defaults(schema))


def defaults(schema: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Each setting with its default as the page writes it; of an object with defaults inside only the members."""
    for name, part in schema["properties"].items():
        inner = part.get("properties")
        if inner is None or part.get("required"):
            required = name in schema.get("required", ())
            default = f"`{json.dumps(part['default'])}`" if "default" in part else "absent"
            yield before + name, "required" if required else default
        if inner is not None:
            yield from defaults(part, f"{before}{name}.")
