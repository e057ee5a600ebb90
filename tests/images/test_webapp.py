"""The webapp image below --root: two processes in order, a warm cache, old data under a new version, and the way back."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import pathlib
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.freeports import free_port
from tests.support.hammer import get
from tests.support.home import PATIENCE_S, Instance
from tests.support.imagetree import ImageTree
from tests.support.waiting import until


class Webapp(ImageTree):
    """The image on a port of its own, in version 2.0 or 1.0."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(root, "webapp")
        self.port = free_port()
        self.configure(bind="127.0.0.1", port=self.port)

    def version(self, text: str) -> Webapp:
        """Be this version: 1.0 lacks the second step, as the README has it."""
        self.install("webapp")
        (self.root / "ww/etc/version").write_text(f"{text}\n")
        if text == "1.0":
            (self.root / "ww/usr/upgrade.d/0002-title-and-search").unlink()
        return self

    def up(self) -> Instance:
        return self.start().wait_state("UP")

    def post(self, text: str) -> int:
        """The id of the note that was kept."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("POST", "/notes", json.dumps({"text": text}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()
            return int(json.load(answer)["id"])

    def notes(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(get(self.port, f"/notes?limit=1000&q={query}")[1])
        return found

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(get(self.port, "/healthz")[1])
        return answer

    def pid(self, service: str) -> int:
        return next(int(row["pid"]) for row in self.status()["services"] if row["name"] == service)


def steps_of(instance: Instance) -> list[str]:
    """The upgrade steps that ran, as the log has them."""
    sources = [str(line.get("source")) for line in instance.lines()]
    return [source for source in sources if source.startswith("upgrade.d/")]


@pytest.fixture
def webapp(tmp_path: pathlib.Path) -> Iterator[Webapp]:
    made = Webapp(tmp_path / "home")
    yield made
    made.end()


@pytest.mark.rule("D-image-webapp")
def test_the_web_process_starts_after_the_store_and_stops_before_it(webapp: Webapp) -> None:
    instance = webapp.up()
    assert instance.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
    log = instance.messages()
    assert log.index("service store is ready") < log.index("service web runs as pid")
    number = webapp.post("<b>buy</b> milk\nand bread")
    assert [note["id"] for note in webapp.notes("bread")] == [number]
    page = get(webapp.port)[1]
    assert "&lt;b&gt;buy&lt;/b&gt; milk" in page
    assert "1 notes" in page
    assert instance.stop() == 0
    log = instance.messages()
    assert log.index("service web stopped") < log.index("service store stopped")
    assert not webapp.left_behind()
    again = webapp.up()
    assert again.states() == ["BOOT", "UPGRADING", "WARMUP", "UP"]
    assert [note["id"] for note in webapp.notes()] == [number]
    assert again.stop() == 0


@pytest.mark.rule("D-image-webapp")
def test_the_monitor_reports_the_health_of_both(webapp: Webapp) -> None:
    webapp.settings(monitor={"interval_s": 0.2})
    instance = webapp.up()
    webapp.post("one")
    until(lambda: webapp.figures().get("notes") == 1, "the note in the figures", PATIENCE_S)
    figures = webapp.figures()
    assert (figures["state"], figures["schema"], figures["version"], figures["posted"]) == ("WEBAPPUP", 2, "2.0", 1)
    assert {"store_ms", "cache_entries", "cache_hits", "cache_misses", "uptime_s"} < set(figures)
    assert instance.stop() == 0


@pytest.mark.rule("D-image-webapp")
def test_a_store_that_hangs_is_found_by_the_monitor_and_replaced(webapp: Webapp) -> None:
    webapp.settings(monitor={"interval_s": 0.2}, services={"store": {"stop": {"timeout_s": 0.5}}})
    instance = webapp.up()
    webapp.post("before")
    hanging = webapp.pid("store")
    os.kill(hanging, signal.SIGSTOP)
    instance.wait_state("RESTARTING").wait_state("UP", 2)
    assert webapp.pid("store") != hanging
    assert [note["text"] for note in webapp.notes()] == ["before"]
    assert instance.stop() == 0


@pytest.mark.rule("D-image-webapp")
def test_no_confirmed_note_is_lost_when_the_store_is_killed_again_and_again(webapp: Webapp) -> None:
    webapp.settings(restart={"backoff_s": 0.1, "backoff_max_s": 0.1})
    instance = webapp.up()
    over = threading.Event()
    confirmed: list[int] = []
    words: set[str] = set()

    def write(name: str) -> None:
        for number in itertools.count():
            if over.is_set():
                return
            word = f"{name}x{number // 500}end"  # one list shows 1,000 notes at most
            words.add(word)
            try:
                confirmed.append(webapp.post(word))
            except (OSError, http.client.HTTPException, AssertionError):
                continue  # not confirmed

    writers = [threading.Thread(target=write, args=(f"writer{n}",), daemon=True) for n in range(3)]
    for writer in writers:
        writer.start()
    for times in range(1, 4):
        enough = len(confirmed) + 10
        until(lambda enough=enough: len(confirmed) >= enough, "confirmed notes", PATIENCE_S)
        os.kill(webapp.pid("store"), signal.SIGKILL)
        instance.wait_state("UP", times + 1)
    over.set()
    for writer in writers:
        writer.join(PATIENCE_S)
    kept = {note["id"] for word in words for note in webapp.notes(word)}
    assert set(confirmed) <= kept
    assert instance.stop() == 0


@pytest.mark.rule("D-image-webapp")
def test_a_reload_restarts_the_web_process_alone(webapp: Webapp) -> None:
    instance = webapp.up()
    store, web = webapp.pid("store"), webapp.pid("web")
    webapp.configure(title="Our notes").write_config()
    assert webapp.ww("reload").returncode == 0
    instance.wait_state("UP", 2)
    assert "<h1>Our notes</h1>" in get(webapp.port)[1]
    assert webapp.pid("store") == store
    assert webapp.pid("web") != web
    assert instance.stop() == 0


@pytest.mark.rule("D-image-webapp-warm")
def test_the_first_visitor_gets_what_warmup_has_put_into_the_cache(webapp: Webapp) -> None:
    instance = webapp.up()
    webapp.post("red apples")
    webapp.post("green pears")
    assert instance.stop() == 0
    instance = webapp.configure(warm=["", "apples"]).up()
    for query, found in (("", 2), ("apples", 1)):
        _, body, headers = get(webapp.port, f"/notes?q={query}")
        assert (headers["X-Cache"], len(json.loads(body))) == ("HIT", found)
    assert get(webapp.port)[2]["X-Cache"] == "HIT", "the page shows the same notes"
    assert get(webapp.port, "/notes?q=pears")[2]["X-Cache"] == "MISS"
    assert get(webapp.port, "/notes?q=pears")[2]["X-Cache"] == "HIT"
    webapp.post("more apples")
    _, body, headers = get(webapp.port, "/notes?q=apples")
    assert (headers["X-Cache"], len(json.loads(body))) == ("MISS", 2), "nothing old is shown"
    assert instance.stop() == 0


@pytest.mark.rule("D-image-webapp-upgrade", "D-steps-once")
def test_a_new_version_serves_old_data_and_the_backup_leads_back(webapp: Webapp) -> None:
    old = webapp.version("1.0").up()
    first = webapp.post("buy milk\nand bread")
    assert webapp.health()["schema"] == 1
    assert get(webapp.port, "/notes?q=bread")[0] == 501
    assert old.stop() == 0

    new = webapp.version("2.0").up()
    assert webapp.health()["schema"] == 2
    assert [(note["id"], note["title"]) for note in webapp.notes("bread")] == [(first, "buy milk")]
    webapp.post("written by the new version")
    assert "the data is of version 1.0, the image of 2.0" in new.messages()
    assert new.stop() == 0
    assert steps_of(new) == ["upgrade.d/0002-title-and-search"]
    new = webapp.up()
    assert steps_of(new) == [], "a step runs once"
    assert new.stop() == 0

    refused = webapp.version("1.0").run_to_end()
    assert refused.process.returncode == 78
    (backup,) = [path.name for path in (webapp.root / "backup").iterdir() if not path.name.startswith(".")]
    assert backup.endswith("-1.0")
    restored = webapp.ww("restore", backup)
    assert restored.returncode == 0, restored.stderr
    back = webapp.up()
    assert webapp.health()["schema"] == 1
    assert [note["text"] for note in webapp.notes()] == ["buy milk\nand bread"]
    assert back.stop() == 0
    again = webapp.version("2.0").up()
    assert [note["title"] for note in webapp.notes("milk")] == ["buy milk"]
    assert again.stop() == 0


@pytest.mark.rule("D-image-webapp-upgrade")
def test_a_backup_takes_the_place_of_one_that_was_killed(webapp: Webapp) -> None:
    instance = webapp.up()
    left = webapp.root / "backup/monday"
    left.mkdir(parents=True)
    (left / "notes.db").write_text("what a backup that was killed before ww had noted it has left")
    webapp.post("hello")
    assert webapp.ww("backup", "monday").returncode == 0
    assert [path.name for path in left.rglob("*")] == ["notes.db"]
    assert instance.stop() == 0
    assert webapp.ww("restore", "monday").returncode == 0
    instance = webapp.up()
    assert [note["text"] for note in webapp.notes()] == ["hello"]
    assert instance.stop() == 0


@pytest.mark.rule("D-image-webapp-upgrade")
def test_a_first_boot_that_was_killed_leaves_nothing_half_done(webapp: Webapp) -> None:
    step = webapp.root / "ww/usr/upgrade.d/0002-title-and-search"
    good = step.read_text()
    step.write_text("#!/bin/sh\nkill -KILL $$\n")
    assert webapp.run_to_end().process.returncode == 70
    assert not (webapp.root / "data/webapp").exists()
    step.write_text(good)
    instance = webapp.up()
    assert webapp.health()["schema"] == 2
    assert instance.stop() == 0
