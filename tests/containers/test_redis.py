"""The redis image in containers: its life, and losses under redis-benchmark."""

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

ROUNDS = 20
CFG = {"password": "open sesame"}


@pytest.fixture
def network(engine: Engine) -> Iterator[str]:
    """Its name is that of the server in it: one of its own, as a run that was killed leaves both behind."""
    made = engine.networks.create(f"ww-redis-{uuid.uuid4().hex[:12]}")
    yield made.name
    for box in engine.networks.get(made.id).containers:
        made.disconnect(box, force=True)
    made.remove()


def ask(box: Box, *words: str) -> str:
    command = ["redis-cli", "--no-auth-warning", "-a", CFG["password"], "-s", "/data/redis/redis.sock", *words]
    code, output = box.exec(command)
    assert code == 0, output
    return str(output.decode().strip())


@pytest.mark.rule("D-image-redis", "D-image-monitor")
def test_it_comes_back_with_its_data_and_tells_numbers(engine: Engine, volume: str, container: Boxes) -> None:
    options = {"environment": {"CFG": json.dumps(CFG)}, "volumes": {volume: {"bind": "/data", "mode": "rw"}}}
    box = container(engine.image("redis"), **options)
    box.wait_state("UP")
    assert ask(box, "SET", "a", "1") == "OK"
    assert box.health_of_monitor()["aof_enabled"] == 1
    assert box.stop() == 0
    again = container(engine.image("redis"), read_only=True, **options)
    again.wait_state("UP")
    assert ask(again, "GET", "a") == "1"
    assert "loaded: 1 keys" in again.logs()
    assert again.stop() == 0
    assert CFG["password"] not in box.logs() + again.logs()


@pytest.mark.rule("D-image-redis")
def test_it_runs_without_root_and_without_capabilities(engine: Engine, volume: str, container: Boxes) -> None:
    cfg = CFG | {"ww": {"services": {"redis": {"user": None}}}}
    data = {volume: {"bind": "/data", "mode": "rw"}}
    # The engine gives an empty volume to whom the image's directory belongs, again and again.
    own = ["sh", "-c", "chown redis /data && touch /data/not-empty"]
    assert container(engine.image("redis"), entrypoint=own, volumes=data).exit_code() == 0
    box = container(
        engine.image("redis"),
        user="redis",
        cap_drop=["ALL"],
        volumes=data,
        environment={"CFG": json.dumps(cfg)},
    )
    box.wait_state("UP")
    assert box.stop() == 0


@pytest.mark.rule("D-image-redis", "D-service-identity")
def test_the_pages_line_without_root_works_and_another_user_is_told_what_to_write(
    engine: Engine, container: Boxes
) -> None:
    page = (REPO / "images" / "redis" / "README.md").read_text()
    assert "--user redis:0 --read-only --cap-drop ALL whaleware/redis" in page
    tight: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"]}
    container(engine.image("redis"), user="redis:0", **tight).wait_state("UP")
    refused = container(engine.image("redis"), user="12345", **tight)
    assert refused.exit_code() == 1
    assert "ww.services.redis.user null" in refused.logs()
    cfg = json.dumps({"ww": {"services": {"redis": {"user": None}}}})
    container(engine.image("redis"), user="12345", environment={"CFG": cfg}, **tight).wait_state("UP")


@pytest.mark.rule("D-image-redis")
def test_as_root_it_wants_the_capabilities_that_its_page_names(engine: Engine, volume: str, container: Boxes) -> None:
    page = (REPO / "images" / "redis" / "README.md").read_text().partition("## Rights")[2].partition("## ")[0]
    data = {volume: {"bind": "/data", "mode": "rw"}}
    box = container(engine.image("redis"), cap_drop=["ALL"], cap_add=re.findall(r"--cap-add (\w+)", page), volumes=data)
    for times in (1, 2):
        until(lambda times=times: box.states().count("UP") == times, "UP", 60)  # type: ignore[misc]
        assert box.stop() == 0
        assert box.states()[-1] == "STOPPED"
        box.start()
    without = container(engine.image("redis"), cap_drop=["ALL"])
    assert without.exit_code() == 70
    assert "root may not become the user redis" in without.logs()


@pytest.mark.rule("D-image-no-loss", "D-container-one-owner")
def test_a_backup_in_another_container_starts_no_second_server_on_live_data(
    engine: Engine, volume: str, container: Boxes
) -> None:
    """A server that does not answer for a while, and a process that only the first container can see."""
    data: dict[str, Any] = {volume: {"bind": "/data", "mode": "rw"}}
    unwatched = {"CFG": json.dumps({**CFG, "ww": {"monitor": {"interval_s": 3600}}})}
    box = container(engine.image("redis"), volumes=data, environment=unwatched)
    box.wait_state("UP")
    assert ask(box, "SET", "a", "1") == "OK"
    pid = box.ask()["services"][0]["pid"]
    assert box.exec(["sh", "-c", f"kill -STOP {pid}"]).exit_code == 0
    other = container(engine.image("redis"), entrypoint=["timeout", "30", "ww", "backup", "now"], volumes=data)
    code, words = other.exit_code(60), other.logs()
    assert box.exec(["sh", "-c", f"kill -CONT {pid}"]).exit_code == 0
    assert code not in (0, 124), words
    assert "its server does not answer" in words
    assert box.exec("test -e /data/redis/redis.sock").exit_code == 0
    assert ask(box, "GET", "a") == "1"
    assert box.stop() == 0


@pytest.mark.rule("D-image-no-loss")
@pytest.mark.timeout(900)
def test_what_was_acknowledged_survives_twenty_ends_under_redis_benchmark(
    engine: Engine, network: str, container: Boxes, tmp_path: Path
) -> None:
    image = engine.image("redis")
    # With everysec Redis itself answers before it has written while a sync is under way on a busy disk (README).
    settings = json.dumps({**CFG, "fsync": "always"})
    box = container(image, network=network, name=network, environment={"CFG": settings})
    box.wait_state("UP")
    client = container(
        image,
        entrypoint=["sleep", "infinity"],
        user="0",
        network=network,
        environment={"REDISCLI_AUTH": CFG["password"]},
        volumes={str(tmp_path): {"bind": NOTES, "mode": "rw"}},
    )
    write = f'[ "$(redis-cli -h {network} SADD acks $n 2> /dev/null)" = 1 ]'
    bench = f"redis-benchmark -h {network} -a '{CFG['password']}' -q -c 4 -n 20000 -r 1000 -t set,get,incr"
    with writing(client, tmp_path, write, bench) as writer:
        ways = ways_to_end(box, "redis")
        for number in range(ROUNDS):
            writer.more(20)
            ways[number % len(ways)]()
            box.wait_state("UP")
        writer.more(20)
        acknowledged = writer.end()
    read = client.exec(["redis-cli", "--no-auth-warning", "-h", network, "SMEMBERS", "acks"])
    assert read.exit_code == 0, read.output
    there = {int(line) for line in read.output.split()}
    assert len(acknowledged) >= 20 * ROUNDS
    assert acknowledged <= there, sorted(acknowledged - there)
