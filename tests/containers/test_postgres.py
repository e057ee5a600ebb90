"""The postgres image in containers: its life, its clients, losses under pgbench, and the way to another Debian."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.load import NOTES, ways_to_end, writing
from tests.support.paths import REPO
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.containers.conftest import Boxes
    from tests.support.engine import Box, Engine

PASSWORD = "open sesame"
CFG = {"roles": {"app": {"password": {"$secret": "app"}}}}
ROUNDS = 20


@pytest.fixture
def options(tmp_path: Path, volume: str) -> dict[str, Any]:
    """What an operator gives: a secret as a file, a volume for the data."""
    (tmp_path / "app").write_text(PASSWORD)
    mounts = {str(tmp_path): {"bind": "/run/secrets", "mode": "ro"}, volume: {"bind": "/data", "mode": "rw"}}
    return {"environment": {"CFG": json.dumps(CFG)}, "volumes": mounts}


@pytest.fixture
def network(engine: Engine) -> Iterator[str]:
    """Its name is that of the server in it: one of its own, as a run that was killed leaves both behind."""
    made = engine.networks.create(f"ww-postgres-{uuid.uuid4().hex[:12]}")
    yield made.name
    for box in engine.networks.get(made.id).containers:
        made.disconnect(box, force=True)
    made.remove()


def sql(box: Box, text: str) -> str:
    """As `docker exec db psql app -c …`."""
    code, output = box.exec(["psql", "-XqAt", "-d", "app", "-c", text])
    assert code == 0, output
    return str(output.decode().strip())


@pytest.mark.rule("D-image-postgres", "WW-30")
def test_it_is_made_once_and_comes_back_with_its_data(
    engine: Engine, options: dict[str, Any], container: Boxes
) -> None:
    box = container(engine.image("postgres"), **options)
    box.wait_state("UP")
    assert box.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
    sql(box, "CREATE TABLE notes AS SELECT generate_series(1, 100) AS id")
    over_tcp = ["psql", "-XqAt", "-h", "127.0.0.1", "-U", "app", "-d", "app", "-c", "SELECT current_user"]
    assert box.exec(over_tcp, environment={"PGPASSWORD": PASSWORD}).output == b"app\n"
    assert box.health_of_monitor()["max_connections"] == 100
    assert box.stop() == 0
    assert "database system is shut down" in box.logs()
    box.start()
    box.wait_state("UP")
    again = container(engine.image("postgres"), **{**options, "network_mode": "none"})
    assert box.stop() == 0, "the second container waited for the lock of the volume"
    again.wait_state("UP")
    assert "FIRSTBOOT" not in again.states()
    assert sql(again, "SELECT sum(id) FROM notes") == "5050"
    assert PASSWORD not in box.logs() + again.logs()


@pytest.mark.rule("D-image-postgres")
def test_a_read_only_root_is_enough(engine: Engine, options: dict[str, Any], container: Boxes) -> None:
    box = container(engine.image("postgres"), read_only=True, **options)
    box.wait_state("UP")
    assert sql(box, "SELECT 1") == "1"
    assert box.stop() == 0


@pytest.mark.rule("D-image-postgres")
def test_it_runs_without_root_and_without_capabilities(engine: Engine, volume: str, container: Boxes) -> None:
    cfg = CFG | {"ww": {"services": {"postgres": {"user": None}}}, "roles": {}}
    data = {volume: {"bind": "/data", "mode": "rw"}}
    # The engine gives an empty volume to whom the image's directory belongs, again and again.
    own = ["sh", "-c", "chown postgres /data && touch /data/not-empty"]
    assert container(engine.image("postgres"), entrypoint=own, volumes=data).exit_code() == 0
    box = container(
        engine.image("postgres"),
        user="postgres",
        cap_drop=["ALL"],
        volumes=data,
        environment={"CFG": json.dumps(cfg)},
    )
    box.wait_state("UP")
    assert box.stop() == 0


@pytest.mark.rule("D-image-postgres", "D-launch-ww")
def test_the_pages_line_without_root_works_and_a_number_without_a_name_is_told_of_it(
    engine: Engine, volume: str, container: Boxes
) -> None:
    page = (REPO / "images" / "postgres" / "README.md").read_text()
    assert "--user postgres:0 --read-only --cap-drop ALL whaleware/postgres" in page
    data = {volume: {"bind": "/data", "mode": "rw"}}
    tight: dict[str, Any] = {"user": "postgres:0", "read_only": True, "cap_drop": ["ALL"], "volumes": data}
    box = container(engine.image("postgres"), **tight)
    box.wait_state("UP")
    assert box.stop() == 0
    refused = container(engine.image("postgres"), user="12345")
    assert refused.exit_code() == 70
    assert "--user postgres:0 --read-only --cap-drop ALL" in refused.logs()
    stranger = container(engine.image("postgres"), user="12345", volumes=data)
    assert stranger.exit_code() == 75
    assert "chown -R 12345:0 /data" in stranger.logs()
    asked = container(engine.image("postgres"), command=["ww", "restore", "nosuch"], **tight)
    assert asked.exit_code() == 70
    assert "there is no backup /backup/nosuch" in asked.logs()


@pytest.mark.rule("D-image-postgres")
def test_as_root_it_wants_the_capabilities_that_its_page_names(engine: Engine, volume: str, container: Boxes) -> None:
    page = (REPO / "images" / "postgres" / "README.md").read_text().partition("## Rights")[2].partition("## ")[0]
    data = {volume: {"bind": "/data", "mode": "rw"}}
    box = container(
        engine.image("postgres"), cap_drop=["ALL"], cap_add=re.findall(r"--cap-add (\w+)", page), volumes=data
    )
    for times in (1, 2):
        until(lambda times=times: box.states().count("UP") == times, "UP", 60)  # type: ignore[misc]
        assert box.stop() == 0
        assert box.states()[-1] == "STOPPED"
        box.start()
    without = container(engine.image("postgres"), cap_drop=["ALL"])
    assert without.exit_code() == 70
    assert "root may not become the user postgres" in without.logs()


@pytest.mark.rule("D-image-no-loss", "D-container-one-owner")
def test_a_backup_in_another_container_starts_no_second_server_on_live_data(
    engine: Engine, volume: str, container: Boxes
) -> None:
    """A server that does not answer for a while, and a process that only the first container can see."""
    data: dict[str, Any] = {volume: {"bind": "/data", "mode": "rw"}}
    unwatched = {"CFG": json.dumps({"ww": {"monitor": {"interval_s": 3600}}})}
    box = container(engine.image("postgres"), volumes=data, environment=unwatched)
    box.wait_state("UP")
    sql(box, "CREATE TABLE notes AS SELECT 1 AS id")
    pid = box.ask()["services"][0]["pid"]
    assert box.exec(["sh", "-c", f"kill -STOP {pid}"]).exit_code == 0
    other = container(engine.image("postgres"), entrypoint=["timeout", "30", "ww", "backup", "now"], volumes=data)
    code, words = other.exit_code(60), other.logs()
    assert box.exec(["sh", "-c", f"kill -CONT {pid}"]).exit_code == 0
    assert code not in (0, 124), words
    assert "its server does not answer" in words
    assert box.exec("test -e /data/pg/postmaster.pid").exit_code == 0
    assert sql(box, "SELECT id FROM notes") == "1"
    assert box.stop() == 0


@pytest.mark.rule("D-image-no-loss")
@pytest.mark.timeout(900)
def test_what_was_acknowledged_survives_twenty_ends_under_pgbench(
    engine: Engine, options: dict[str, Any], network: str, container: Boxes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    notes = tmp_path_factory.mktemp("notes")
    image = engine.image("postgres")
    box = container(image, network=network, name=network, **options)
    box.wait_state("UP")
    sql(box, "CREATE TABLE acks (id int PRIMARY KEY); GRANT ALL ON acks TO app")
    connection = {"PGHOST": network, "PGUSER": "app", "PGDATABASE": "app", "PGPASSWORD": PASSWORD}
    client = container(
        image,
        entrypoint=["sleep", "infinity"],
        user="0",
        network=network,
        environment=connection,
        volumes={str(notes): {"bind": NOTES, "mode": "rw"}},
    )
    bench = "$(ls -d /usr/lib/postgresql/*/bin)/pgbench"
    code, output = client.exec(["sh", "-c", f"{bench} -i -q"])
    assert code == 0, output
    write = 'psql -XqAt -c "INSERT INTO acks VALUES ($n)" 2> /dev/null'
    with writing(client, notes, write, f"{bench} -n -c 4 -T 5") as writer:
        ways = ways_to_end(box, "postgres")
        for number in range(ROUNDS):
            writer.more(5)
            ways[number % len(ways)]()
            box.wait_state("UP")
        writer.more(5)
        acknowledged = writer.end()
    read = client.exec(["psql", "-XqAt", "-c", "SELECT id FROM acks"])
    assert read.exit_code == 0, read.output
    there = {int(line) for line in read.output.split()}
    assert len(acknowledged) >= 5 * ROUNDS
    assert acknowledged <= there, sorted(acknowledged - there)
    assert sql(box, "SELECT count(*) FROM pgbench_accounts") == "100000"


@pytest.mark.rule("D-image-postgres-major")
@pytest.mark.timeout(1800)
def test_data_moves_from_one_debian_to_the_next_by_dump_and_restore(
    engine: Engine, options: dict[str, Any], container: Boxes
) -> None:
    backups = engine.volumes.create()
    try:
        options["volumes"][backups.name] = {"bind": "/backup", "mode": "rw"}
        old = container(engine.image("postgres"), **options)
        old.wait_state("UP")
        sql(old, "CREATE TABLE notes AS SELECT generate_series(1, 100) AS id")
        sql(old, "ALTER TABLE notes OWNER TO app")
        newer = engine.built_on("debian:trixie-slim", "postgres")
        assert old.exec("ww backup moving").exit_code == 0
        assert old.stop() == 0
        refused = container(newer, **options)
        assert refused.exit_code() == 70
        assert "was made by PostgreSQL 15; this image has PostgreSQL 17" in refused.logs()
        moving = container(newer, command=["ww", "restore", "moving"], **options)
        assert moving.exit_code(120) == 0, moving.logs()
        new = container(newer, **options)
        new.wait_state("UP")
        assert sql(new, "SHOW server_version").startswith("17")
        over_tcp = ["psql", "-XqAt", "-h", "127.0.0.1", "-U", "app", "-d", "app", "-c", "SELECT sum(id) FROM notes"]
        assert new.exec(over_tcp, environment={"PGPASSWORD": PASSWORD}).output == b"5050\n"
        assert "FIRSTBOOT" not in new.states()
        for box in (new, moving, refused, old):
            box.raw.remove(v=True, force=True)
    finally:
        backups.remove(force=True)
