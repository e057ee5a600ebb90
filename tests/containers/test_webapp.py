"""The webapp image in containers: two processes of a user without rights, and its data over two versions of the image."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hammer import get
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.conftest import Boxes
    from tests.support.engine import Box, Engine

PUBLISHED = {"8080/tcp": ("127.0.0.1", None)}
AGAIN = ["BOOT", "UPGRADING", "WARMUP", "UP"]


def port_of(box: Box) -> int:
    """Where the engine publishes port 8080."""
    box.raw.reload()
    return int(box.raw.ports["8080/tcp"][0]["HostPort"])


def post(box: Box, text: str) -> int:
    """The id of the note that was kept."""
    with closing(http.client.HTTPConnection("127.0.0.1", port_of(box), timeout=20)) as connection:
        connection.request("POST", "/notes", json.dumps({"text": text}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        return int(json.load(answer)["id"])


def notes(box: Box, query: str = "") -> list[dict[str, Any]]:
    """What is found."""
    found: list[dict[str, Any]] = json.loads(get(port_of(box), f"/notes?q={query}")[1])
    return found


def service(box: Box, name: str) -> dict[str, Any]:
    """One service as `ww status` has it."""
    row: dict[str, Any] = next(row for row in box.ask()["services"] if row["name"] == name)
    return row


@pytest.fixture(scope="session")
def version_1(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Version 1.0 of the image, made as its README says."""
    empty: Path = tmp_path_factory.mktemp("version-1")
    without = "rm /ww/usr/upgrade.d/0002-title-and-search && echo 1.0 >/ww/etc/version && ww check --strict /ww"
    return engine.derived(empty, f"FROM {engine.image('webapp')}\nRUN {without}\n", "webapp-1")


@pytest.mark.rule("D-image-webapp")
def test_its_processes_have_no_rights_and_its_notes_outlive_the_container(
    engine: Engine, volume: str, container: Boxes
) -> None:
    mounted: dict[str, Any] = {"ports": PUBLISHED, "volumes": {volume: {"bind": "/data", "mode": "rw"}}}
    box = container(engine.image("webapp"), environment={"CFG": '{"title": "Ours"}'}, **mounted)
    box.wait_state("UP")
    assert box.states() == ["BOOT", "FIRSTBOOT", *AGAIN[1:]]
    assert "<h1>Ours</h1>" in get(port_of(box))[1]
    number = post(box, "hello")
    for name in ("store", "web"):
        status = box.exec(["cat", f"/proc/{service(box, name)['pid']}/status"]).output.decode()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split()[0] == box.exec(["id", "-u", "webapp"]).output.decode().strip(), name
        assert int(fields["CapEff"], 16) == 0, name
    until(lambda: box.health() == "healthy", "the engine's health", 30)
    assert box.stop() == 0
    box.start()
    until(lambda: box.states()[-5:].count("UP") == 1 and box.state() == "UP", "UP again", 60)
    assert box.states()[-4:] == AGAIN
    assert [note["id"] for note in notes(box)] == [number]
    assert box.stop() == 0
    other = container(engine.image("webapp"), **mounted)
    other.wait_state("UP")
    assert other.states() == AGAIN
    assert [note["id"] for note in notes(other)] == [number]
    assert other.stop() == 0


@pytest.mark.rule("D-image-webapp", "D-everywhere")
def test_it_runs_as_anyone_on_a_root_that_is_read_only(engine: Engine, container: Boxes) -> None:
    box = container(
        engine.image("webapp"),
        ports=PUBLISHED,
        user="12345",
        read_only=True,
        cap_drop=["ALL"],
        tmpfs={"/data": "uid=12345"},
    )
    box.wait_state("UP")
    number = post(box, "hello")
    assert [note["id"] for note in notes(box, "hello")] == [number]
    assert box.stop() == 0


@pytest.mark.rule("D-image-webapp")
def test_the_store_answers_no_stranger(engine: Engine, container: Boxes) -> None:
    box = container(engine.image("webapp"))
    box.wait_state("UP")
    ping = ["python3", "-I", "/ww/files/webapp", "ping"]
    boot = {"WW_BOOT": box.ask()["boot"]}
    assert box.exec(ping, environment=boot).exit_code == 0
    assert box.exec(ping, environment=boot, user="webapp").exit_code == 0
    stranger = box.exec(ping, environment=boot, user="12345")
    assert stranger.exit_code == 1
    assert b"the store did not answer" in stranger.output
    assert box.stop() == 0


@pytest.mark.rule("D-image-webapp")
def test_a_killed_store_comes_back_with_the_web_process_after_it(engine: Engine, container: Boxes) -> None:
    box = container(engine.image("webapp"), ports=PUBLISHED)
    box.wait_state("UP")
    number = post(box, "hello")
    before = {name: service(box, name)["pid"] for name in ("store", "web")}
    assert box.exec(["sh", "-c", f"kill -KILL {before['store']}"]).exit_code == 0
    until(lambda: box.states()[-2:] == ["RESTARTING", "UP"], "UP again", 60)
    assert all(service(box, name)["pid"] != pid for name, pid in before.items())
    assert [note["id"] for note in notes(box)] == [number]
    assert box.stop() == 0


@pytest.mark.rule("D-image-webapp-upgrade")
def test_a_new_version_of_the_image_takes_the_data_over_and_the_old_one_refuses_it(
    engine: Engine, volume: str, container: Boxes, version_1: str
) -> None:
    mounted: dict[str, Any] = {"ports": PUBLISHED, "volumes": {volume: {"bind": "/data", "mode": "rw"}}}
    old = container(version_1, **mounted)
    old.wait_state("UP")
    post(old, "buy milk\nand bread")
    assert old.ask()["image_version"] == "1.0"
    assert old.stop() == 0
    new = container(engine.image("webapp"), **mounted)
    new.wait_state("UP")
    assert new.states() == AGAIN
    assert "upgrade.d/0002-title-and-search | schema 2" in new.logs()
    assert [note["title"] for note in notes(new, "bread")] == ["buy milk"]
    backups = new.exec(["ls", "/backup"]).output.decode()
    assert backups.strip().endswith("-1.0")
    post(new, "written by the new version")
    assert new.stop() == 0
    refused = container(version_1, **mounted)
    assert refused.exit_code() == 78
    again = container(engine.image("webapp"), **mounted)
    again.wait_state("UP")
    assert len(notes(again)) == 2, "the refusal has touched nothing"
    assert "schema 2 was" not in again.logs()
    assert again.stop() == 0
