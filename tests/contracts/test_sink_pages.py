"""What docs/sinks/etcd.md and docs/sinks/zookeeper.md tell to type shows what they say, on real servers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from tests.support.paths import REPO
from tests.support.registries import Asked, Servers, accepted, state, within
from tests.support.services import need
from ww.clients.etcd import Etcd
from ww.config.sinktypes import own_schema
from ww.sinks import etcd, zookeeper
from ww.sinks.base import Sink, SinkType

pytestmark = [pytest.mark.timeout(120), pytest.mark.servers]
ZKCLI = "/usr/share/zookeeper/bin/zkCli.sh"


def blocks(page: str, language: str) -> list[str]:
    text = (REPO / "docs" / "sinks" / f"{page}.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def made(kind: SinkType, asked: Asked, **settings: object) -> Sink:
    """As the engine makes it: with the defaults of the schema."""
    properties = own_schema(kind.name)["properties"]
    assert isinstance(properties, dict)
    defaults = {name: part["default"] for name, part in properties.items() if "default" in part}
    return kind.make({**defaults, **settings}, asked.context)  # type: ignore[dict-item]


def run(command: str) -> str:
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def member(tmp_path: Path) -> Iterator[str]:
    need("etcdctl")
    servers = Servers("etcd", tmp_path / "etcd")
    yield f"http://{servers.addresses[0]}"
    servers.close()


@pytest.mark.rule("D-sink-etcd-state")
def test_etcdctl_shows_what_the_page_says(member: str) -> None:
    sink = made(etcd.TYPE, Asked(), endpoints=[member], ring=3)
    accepted(sink, *(state("UP", number) for number in range(1, 5)))
    neighbour = made(etcd.TYPE, Asked(instance="web-10"), endpoints=[member], ring=3)
    accepted(neighbour, state("UP", 1))
    before = everything(member)
    reading, forgetting = blocks("etcd", "sh")
    value, names, ring = (run(line.replace("https://etcd-1:2379", member)) for line in reading.splitlines())
    described = next(json.loads(block) for block in blocks("etcd", "json") if '"format"' in block)
    assert set(json.loads(value)) == set(described)
    assert (json.loads(value)["state"], names.split()) == ("UP", ["/ww/live/web/web-1", "/ww/live/web/web-10"])
    assert sorted(json.loads(line)["id"] for line in ring.split("\n") if line) == [f"{n:012d}" for n in (2, 3, 4)]
    sink.close(within())
    for line in forgetting.splitlines():
        run(line.replace("https://etcd-1:2379", member))
    kept = [key for key in before if "/web-10" in key or "/live/" in key]
    assert [key.split("/")[2] for key in kept] == ["last", "live", "live", "ring", "ring"]
    assert everything(member) == kept, "all of the one that is forgotten, and nothing of its neighbour"
    neighbour.close(within())


def everything(member: str) -> list[str]:
    client = Etcd([member])
    found = sorted(pair.key for pair in client.read("/ww/", within(), prefix=True))
    client.close()
    return found


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    servers = Servers("zookeeper", tmp_path / "zookeeper")
    yield servers.addresses[0]
    servers.close()


@pytest.mark.rule("D-sink-zookeeper-state")
def test_zkcli_and_kazoo_show_what_the_page_says(host: str) -> None:
    sink = made(zookeeper.TYPE, Asked(), hosts=[host], chroot="/farm")
    accepted(sink, state("UP", 1))
    described = next(json.loads(block) for block in blocks("zookeeper", "json") if '"format"' in block)
    commands, forgetting, forgetting_as_user = blocks("zookeeper", "sh")
    get, names = (run(line.replace("zk-1:2181", host).replace("zkCli.sh", ZKCLI)) for line in commands.splitlines())
    document = json.loads(next(line for line in get.splitlines() if line.startswith("{")))
    assert set(document) == set(described)
    assert "[web-1]" in names
    (snippet,) = blocks("zookeeper", "python")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(snippet.replace("zk-1:2181", host), {})  # noqa: S102 - the page's own words
    assert json.loads(printed.getvalue()) == document
    sink.close(within())
    neighbour = made(zookeeper.TYPE, Asked(instance="web-10"), hosts=[host], chroot="/farm")
    accepted(neighbour, state("UP", 1))
    assert last_states(host) == ["web-1", "web-10"]
    run(forgetting.replace("zk-1:2181", host).replace("zkCli.sh", ZKCLI))
    assert last_states(host) == ["web-10"]
    neighbour.close(within())
    owned = Asked(pw="itissecret")
    sink = made(
        zookeeper.TYPE, owned, hosts=[host], chroot="/farm", prefix="/own", user="web", password={"$secret": "pw"}
    )
    accepted(sink, state("UP", 1))
    sink.close(within())
    command = forgetting_as_user.replace("zk-1:2181", host).replace("zkCli.sh", ZKCLI).replace("/farm/ww", "/farm/own")
    subprocess.run(command, shell=True, env={**os.environ, "PASSWORD": "itissecret"}, timeout=60, check=True)  # noqa: S602
    assert last_states(host, "/own") == []


def last_states(host: str, prefix: str = "/ww") -> list[str]:
    client = KazooClient(f"{host}/farm")
    client.start()
    found = sorted(client.get_children(f"{prefix}/last/web"))
    client.stop()
    client.close()
    return found
