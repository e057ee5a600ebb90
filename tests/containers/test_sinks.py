"""Events that leave a container: to a receiver outside, through stops, kills, a missing network and too little memory."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.receiver import Receiver, status
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.containers.conftest import Boxes
    from tests.support.engine import Box, Engine

FIRST_LIFE = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
LATER_LIFE = ["BOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
CONFINED: dict[str, dict[str, Any]] = {
    "read-only": {"read_only": True},
    "user": {"user": "12345"},
    "all-of-them": {"read_only": True, "user": "12345", "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]},
}
EATS = """
import os, signal, sys, time
kill = 1 << signal.SIGKILL - 1
def killed():
    try:
        with open(f"/proc/{sys.argv[1]}/status") as file:
            status = dict(line.split(":", 1) for line in file)
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status["State"].split()[0] in "ZX" or int(status["ShdPnd"], 16) & kill
eater = os.fork()
if not eater:
    held = []
    while not killed():
        held.append(b"x" * (1 << 20))
    os._exit(0)
while not killed():
    if os.waitpid(eater, os.WNOHANG)[0] and not killed():
        sys.exit("the eater went before the reporter")
    time.sleep(0.001)
"""
"""Takes memory until the kernel has sent that process the signal that ends it; fails where it takes the eater before.

Not until it is gone: in the milliseconds that it takes to die, the eater would fill what it gives back. Behind it the kernel
may take the eater all the same, as it can forget a killed process before it has its pages back.
"""
PYTHON = "/ww/lib/py/bin/python3"
LIMIT_S = 30


@pytest.fixture
def receiver(engine: Engine) -> Iterator[Receiver]:
    """On this host's address in the network of the containers."""
    gateway = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    with Receiver(host=gateway) as receiver:
        yield receiver


def sending(*receivers: Receiver, **sinks: dict[str, Any]) -> dict[str, str]:
    """The environment of an instance whose events go there."""
    hubs = {f"hub{n}": {"type": "http", "url": receiver.url, "timeout_s": 2} for n, receiver in enumerate(receivers)}
    return {"CFG": json.dumps({"ww": {"service": "probe", "sinks": {**hubs, **sinks}}})}


def lives(receiver: Receiver) -> list[list[str]]:
    """The states that arrived, life by life, in the order of arrival."""
    found: list[list[str]] = []
    last = ""
    for (source, _), event in receiver.events.items():
        if "previous_ms" in event["data"]:
            if source != last:
                found.append([])
                last = source
            found[-1].append(event["data"]["state"])
    return found


def whole(receiver: Receiver) -> bool:
    """Whether the ids of each life that arrived have neither a hole nor another order."""
    of: dict[str, list[int]] = {}
    for source, number in receiver.events:
        of.setdefault(source, []).append(int(number))
    return all(ids == list(range(1, len(ids) + 1)) for ids in of.values())


def up_arrived(receiver: Receiver, times: int = 1) -> None:
    """Its reporter is at work: on a busy machine one that only begins with the stop may need longer than its last second."""
    until(lambda: [state for life in lives(receiver) for state in life].count("UP") >= times, "UP there", LIMIT_S)


def spool(box: Box) -> dict[str, Any]:
    """`ww spool --json` in the container."""
    said = box.exec("ww spool --json")
    assert said.exit_code == 0, said.output
    document: dict[str, Any] = json.loads(said.output)
    return document


def reporter(box: Box) -> dict[str, Any]:
    """What `ww status` says of it."""
    return box.ask().get("reporter") or {}


@pytest.mark.rule("D-container-sinks")
def test_every_state_arrives_in_order_the_last_one_within_the_grace(
    probe: str, container: Boxes, receiver: Receiver
) -> None:
    box = container(probe, environment=sending(receiver))
    box.wait_state("UP")
    up_arrived(receiver)
    began = time.monotonic()
    assert box.stop(10) == 0
    assert time.monotonic() - began < 10
    assert lives(receiver) == [FIRST_LIFE]
    assert whole(receiver)
    assert set(receiver.sent.values()) == {1}


@pytest.mark.rule("D-container-sinks", "D-container-confined")
@pytest.mark.parametrize("options", CONFINED.values(), ids=CONFINED)
def test_they_leave_a_confined_container_all_the_same(
    probe: str, container: Boxes, receiver: Receiver, options: dict[str, Any]
) -> None:
    box = container(probe, environment=sending(receiver), **options)
    box.wait_state("UP")
    up_arrived(receiver)
    assert box.stop() == 0
    assert lives(receiver) == [FIRST_LIFE]
    assert whole(receiver)


@pytest.mark.rule("D-container-sinks", "D-spool-command")
def test_without_a_network_they_wait_on_the_volume_for_an_instance_that_has_one(
    probe: str, container: Boxes, receiver: Receiver, volume: str
) -> None:
    there = {volume: {"bind": "/data", "mode": "rw"}}
    alone = container(probe, environment=sending(receiver), volumes=there, network_mode="none")
    alone.wait_state("UP")
    until(lambda: spool(alone)["sinks"][0]["error"], "a try that failed", LIMIT_S)
    found = spool(alone)
    assert found["undelivered"]["lifecycle"] >= 5
    assert found["journal"]["directory"] == "/data/.ww/journal"
    assert "hub0" in alone.exec("ww spool").output.decode()
    assert alone.exec("ww spool drain --timeout 1").exit_code == 75
    began = time.monotonic()
    assert alone.stop(10) == 0
    assert time.monotonic() - began < 10
    assert not receiver.events
    box = container(probe, environment=sending(receiver), volumes=there)
    box.wait_state("UP")
    assert box.exec("ww spool drain --timeout 20").exit_code == 0
    assert spool(box)["sinks"][0]["seq"] is not None
    assert box.stop() == 0
    assert lives(receiver) == [FIRST_LIFE, LATER_LIFE]
    assert whole(receiver)


@pytest.mark.rule("D-container-sinks", "D-spool-drain")
def test_what_a_stopped_instance_left_is_drained_from_its_volume_alone(
    probe: str, container: Boxes, receiver: Receiver, volume: str
) -> None:
    there = {volume: {"bind": "/data", "mode": "rw"}}
    alone = container(probe, environment=sending(receiver), volumes=there, network_mode="none")
    alone.wait_state("UP")
    drain = {"entrypoint": ["ww", "spool", "drain", "--timeout", "20"], "environment": sending(receiver)}
    beside = container(probe, volumes=there, **drain)
    assert beside.exit_code() == 75
    assert "in use by instance of service probe" in beside.logs()
    alone.kill("KILL")
    alone.exit_code()
    assert container(probe, volumes=there, **drain).exit_code() == 0
    assert lives(receiver) == [FIRST_LIFE[:5]]
    assert whole(receiver)


@pytest.mark.rule("D-container-sinks")
@pytest.mark.parametrize(
    "options", [{}, {"user": "12345:12345"}], ids=["on a volume", "in the container, as /data cannot be written"]
)
def test_what_a_killed_life_could_not_deliver_comes_before_the_next_one(
    engine: Engine, container: Boxes, receiver: Receiver, options: dict[str, Any]
) -> None:
    receiver.always = status(503)
    box = container(engine.image("base"), environment=sending(receiver), **options)
    box.wait_state("UP")
    until(lambda: receiver.requests, "a try", LIMIT_S)
    box.kill("KILL")
    box.exit_code()
    assert not receiver.events
    receiver.always = None
    box.start()
    until(lambda: box.states().count("UP") == 2, "UP again", LIMIT_S)
    up_arrived(receiver, 2)
    assert box.stop() == 0
    assert len(lives(receiver)) == 2, box.logs()
    first, second = lives(receiver)
    assert first[-1] == "UP"
    assert second[-2:] == ["STOPPING", "STOPPED"]
    assert whole(receiver)


@pytest.mark.rule("D-container-sinks", "D-reporter-memory")
def test_when_memory_is_short_the_reporter_goes_first_and_comes_back(
    probe: str, container: Boxes, receiver: Receiver
) -> None:
    box = container(probe, environment=sending(receiver), mem_limit="192m", memswap_limit="192m")
    box.wait_state("UP")
    until(lambda: reporter(box).get("answering"), "a reporter that answers", LIMIT_S)
    before = box.ask()
    taken = box.exec([PYTHON, "-c", EATS, str(before["reporter"]["pid"])])
    assert taken.exit_code == 0, taken
    until(lambda: reporter(box).get("answering") and reporter(box)["restarts"], "the next reporter", LIMIT_S)
    after = box.ask()
    assert after["reporter"]["restarts"] == 1
    assert after["state"] == "UP"
    assert after["restarts"] == 0
    assert after["services"][0]["pid"] == before["services"][0]["pid"]
    assert box.stop() == 0
    assert lives(receiver) == [FIRST_LIFE]
    assert whole(receiver)


@pytest.mark.rule("D-container-sinks", "D-image-sinks")
def test_every_type_of_ours_can_be_used_in_an_image(probe: str, container: Boxes) -> None:
    box = container(probe, environment=sending(table={"type": "sqlite", "path": "events.db"}))
    box.wait_state("UP")
    types = json.loads(box.exec("ww sinks list --json").output)["types"]
    assert {one["name"] for one in types} >= {"http", "sqlite", "etcd", "zookeeper", "elasticsearch", "file"}
    assert not [one for one in types if one["why"]]
    imported = "import psutil, requests, kazoo.client, prometheus_client, sqlite3"
    assert box.exec([PYTHON, "-I", "-c", imported]).exit_code == 0
    assert box.exec("ww spool drain --timeout 20").exit_code == 0
    count = "import sqlite3; print(sqlite3.connect('/data/events.db').execute('select count(*) from ww_events').fetchone()[0])"
    assert int(box.exec([PYTHON, "-I", "-c", count]).output) >= 5
    assert box.stop() == 0
