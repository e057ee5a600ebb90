"""The sink `zookeeper` against real servers: one, and an ensemble of three that dies, freezes and comes back."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.freeports import free_port, nobody
from tests.support.registries import (
    Asked,
    Idling,
    Servers,
    accepted,
    certificates,
    deliver,
    health,
    state,
    within,
)
from tests.support.services import need
from tests.support.waiting import until
from ww.clients.errors import ClientError, Refused, Why
from ww.clients.zookeeper import Delete, Set, User, ZooKeeper
from ww.sinks.base import Accepted, RetryAfter
from ww.sinks.zookeeper.sink import ZooKeeperSink

pytestmark = [pytest.mark.timeout(120), pytest.mark.servers]
LIVE, LAST = "/ww/live/web/web-1", "/ww/last/web/web-1"
SHORT_S = 1.5
"""The session of a test that waits for its end; every other test has one that no busy machine lets run out."""
DEFAULTS = {
    "chroot": None,
    "prefix": "/ww",
    "session_s": 6,
    "user": None,
    "password": None,
    "readers": "anyone",
    "tls": False,
    "ca_file": None,
    "cert_file": None,
    "key_file": None,
}


@pytest.fixture(scope="module", params=["zookeeper", "zookeeper3"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    made = Servers(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.close()


@pytest.fixture
def zookeeper(servers: Servers) -> Iterator[ZooKeeper]:
    client = ZooKeeper(servers.addresses, 10)
    for tree in ("/ww", "/farm"):
        remove(client, tree)
    yield client
    client.close(within())


def remove(client: ZooKeeper, path: str) -> None:
    for name in client.children(path, within(20)) or ():
        remove(client, f"{path}/{name}")
    if client.get(path, within(20)) is not None:
        client.transaction([Delete(path)], within())


@pytest.fixture
def sinks(servers: Servers) -> Iterator[Any]:
    made: list[ZooKeeperSink] = []

    def make(asked: Asked, **settings: Any) -> ZooKeeperSink:
        made.append(ZooKeeperSink({"hosts": servers.addresses, **DEFAULTS, **settings}, asked.context))
        return made[-1]

    yield make
    for sink in made:
        sink.close(within(5))


def shown(zookeeper: ZooKeeper, path: str = LIVE) -> dict[str, Any]:
    zookeeper.sync(path, within(20))
    node = zookeeper.get(path, within(20))
    return json.loads(node.data) if node else {}


def leader(servers: Servers) -> int:
    def ask() -> list[int]:
        return [number for number, address in enumerate(servers.addresses) if "leader" in mode(address)]

    return until(ask, "a leader")[0] if len(servers.addresses) > 1 else 0


def mode(address: str) -> str:
    host, _, port = address.partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1) as connection:
            connection.sendall(b"srvr")
            return connection.makefile().read()
    except OSError:
        return ""


@pytest.mark.rule("D-sink-zookeeper-state")
def test_the_state_appears_follows_and_is_the_event_to_the_letter(zookeeper: ZooKeeper, sinks: Any) -> None:
    sink = sinks(Asked())
    for number, word in enumerate(["BOOT", "WARMUP", "UP"], 1):
        item = state(word, number)
        assert deliver(sink, item) == [Accepted()]
        document = shown(zookeeper)
        assert (document["state"], document["seq"], document["event"]) == (word, number, item.event)
        assert document == shown(zookeeper, LAST)
    zookeeper.sync(LIVE, within())  # another member may be behind
    node = zookeeper.get(LIVE, within())
    assert node
    assert node.owner, "it goes with its session"


@pytest.mark.rule("D-sink-zookeeper-state")
def test_of_a_batch_the_newest_is_shown_and_health_and_earlier_boots_are_not(zookeeper: ZooKeeper, sinks: Any) -> None:
    sink = sinks(Asked())
    old = state("STOPPED", 90, boot="a" * 32, boot_no=0, current=False)
    assert deliver(sink, old) == [Accepted()]
    assert shown(zookeeper) == {}
    assert deliver(sink, old, state("BOOT", 1), state("UP", 2), health(3)) == [Accepted()] * 4
    assert shown(zookeeper)["state"] == "UP"


@pytest.mark.rule("D-sink-zookeeper-session")
def test_the_end_takes_the_node_at_once_but_not_the_last_state(zookeeper: ZooKeeper, sinks: Any) -> None:
    sink = sinks(Asked())
    accepted(sink, state("UP", 1), state("STOPPED", 2))
    sink.close(within())
    assert shown(zookeeper) == {}
    assert shown(zookeeper, LAST)["state"] == "STOPPED"


@pytest.mark.rule("D-sink-zookeeper-session")
def test_the_session_is_lost_while_nothing_is_delivered_and_the_node_comes_back(
    servers: Servers, zookeeper: ZooKeeper, sinks: Any
) -> None:
    sink = sinks(Asked(), session_s=SHORT_S)
    accepted(sink, state("UP", 1))
    zookeeper.sync(LIVE, within())  # another member may be behind
    before = zookeeper.get(LIVE, within())
    assert before
    frozen_at = 0.0
    with Idling(sink):

        def silence() -> None:
            # A frozen majority expires no session before it goes on; then it expires all that were silent, but for one
            # that speaks first: on a busy machine it may, and lives.
            nonlocal frozen_at
            frozen_at = time.monotonic()
            servers.freeze()
            with pytest.raises(AssertionError):
                until(lambda: False, within_s=3 * SHORT_S)
            servers.thaw()

        def other() -> bool:
            try:
                node = zookeeper.get(LIVE, within(2))
            except ClientError:
                return False
            if node is not None and node.owner == before.owner and time.monotonic() - frozen_at > 6 * SHORT_S:
                silence()
            return node is not None and node.owner != before.owner

        silence()
        until(other, "a node of another session", within_s=60)
    assert shown(zookeeper)["state"] == "UP"


@pytest.mark.rule("D-sink-zookeeper-session")
def test_a_stale_node_of_an_earlier_session_is_replaced(
    servers: Servers, zookeeper: ZooKeeper, sinks: Any, tmp_path: Path
) -> None:
    killed = sinks(Asked(run=str(tmp_path), boot="a" * 32), session_s=30)
    accepted(killed, state("UP", 7, boot="a" * 32))
    zookeeper.sync(LIVE, within())  # another member may be behind
    stale = zookeeper.get(LIVE, within())
    sink = sinks(Asked(run=str(tmp_path), boot="d" * 32))
    accepted(sink, state("BOOT", 8, boot="d" * 32, boot_no=2))
    zookeeper.sync(LIVE, within())  # another member may be behind
    node = zookeeper.get(LIVE, within())
    assert node
    assert stale
    assert node.owner != stale.owner
    killed.close(within())
    assert shown(zookeeper)["boot"] == "d" * 32, "the end of the earlier session does not take it"
    again = sinks(Asked(run=str(tmp_path), boot="d" * 32))
    with Idling(again):
        until(lambda: (zookeeper.get(LIVE, within()) or node).owner != node.owner, "the next reporter has it")
    assert shown(zookeeper)["seq"] == 8


@pytest.mark.rule("D-sink-zookeeper-session")
def test_somebody_else_deletes_the_node_or_writes_into_it(zookeeper: ZooKeeper, sinks: Any) -> None:
    sink = sinks(Asked())
    accepted(sink, state("UP", 1))
    with Idling(sink):
        zookeeper.transaction([Delete(LIVE)], within())
        assert until(lambda: shown(zookeeper), "it is shown again")["state"] == "UP"
        zookeeper.transaction([Set(LIVE, b"what?")], within())
        until(lambda: (zookeeper.get(LIVE, within()) or sink).data != b"what?", "it is written again")


@pytest.mark.rule("D-sink-registry-boots")
@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"boot_no": 1, "boot": "a" * 32}, {"boot_no": 2, "boot": "d" * 32}),
        ({"volume": None, "boot": "a" * 32}, {"volume": None, "boot": "d" * 32}),
        ({"volume": "v1", "boot_no": 9, "boot": "a" * 32}, {"volume": "v2", "boot_no": 1, "boot": "d" * 32}),
    ],
    ids=["boots of one volume", "no volume", "two volumes"],
)
def test_an_earlier_boot_never_replaces_a_later_one(
    zookeeper: ZooKeeper, sinks: Any, earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    old_asked = Asked(boot=earlier["boot"])
    old, new = sinks(old_asked), sinks(Asked(boot=later["boot"]))
    # The times of these events are those of their sequences: boots of one volume are counted, whatever the clock said.
    first = 11 if earlier.get("volume", "v1") == later.get("volume", "v1") is not None else 1
    accepted(old, state("BOOT", first, **earlier), state("UP", first + 1, **earlier))
    accepted(new, state("BOOT", 5, **later))
    assert shown(zookeeper)["boot"] == later["boot"]
    assert deliver(old, state("STOPPED", 50, **earlier)) == [Accepted()]
    old.idle(within())
    old.close(within())
    assert (shown(zookeeper)["boot"], shown(zookeeper, LAST)["boot"]) == (later["boot"], later["boot"])
    assert len(old_asked.lines) == 1
    assert "is newer than this one" in old_asked.lines[0]


@pytest.mark.rule("D-sink-zookeeper-state")
def test_the_leader_is_killed_during_writes(servers: Servers, zookeeper: ZooKeeper, sinks: Any) -> None:
    sink = sinks(Asked(), session_s=6)
    for number in range(1, 41):
        if number % 15 == 0:
            servers.kill(leader(servers))
            servers.again()
        accepted(sink, state("UP", number), seconds=20)
        assert shown(zookeeper)["seq"] == number


@pytest.mark.rule("D-sink-zookeeper-state")
def test_all_servers_down_and_up_again(servers: Servers, zookeeper: ZooKeeper, sinks: Any) -> None:
    asked = Asked()
    sink = sinks(asked)
    accepted(sink, state("BOOT", 1))
    servers.kill()
    answers = deliver(sink, state("UP", 2), seconds=2)
    assert isinstance(answers[0], RetryAfter)
    assert "no connection" in answers[0].reason or "ConnectionLoss" in answers[0].reason
    assert sink.reach(within(1))
    sink.idle(within(1))
    sink.idle(within(1))
    assert len([line for line in asked.lines if "perhaps not shown" in line]) == 1, "said once"
    servers.again()
    accepted(sink, state("UP", 2), seconds=30)
    assert shown(zookeeper)["state"] == "UP"


@pytest.mark.rule("D-sink-zookeeper-access")
def test_a_chroot_is_made_and_dead_hosts_are_passed(servers: Servers, zookeeper: ZooKeeper, sinks: Any) -> None:
    sink = sinks(Asked(), chroot="/farm/north", hosts=[nobody(), *servers.addresses])
    accepted(sink, state("UP", 1))
    assert shown(zookeeper, f"/farm/north{LIVE}")["state"] == "UP"
    assert shown(zookeeper) == {}


@pytest.mark.rule("D-sink-zookeeper-access")
def test_only_the_user_may_change_what_a_sink_with_a_user_shows(
    servers: Servers, zookeeper: ZooKeeper, sinks: Any
) -> None:
    zookeeper.make_folders("/users/x", within())
    asked = Asked(key="right horse")
    secret = {"$secret": "key"}
    sink = sinks(asked, chroot="/users", user="web", password=secret)
    accepted(sink, state("UP", 1))
    stranger = ZooKeeper(servers.addresses, 10, User("web", lambda: "wrong"), chroot="/users")
    assert shown(stranger)["state"] == "UP", "everyone may read"
    with pytest.raises(Refused) as refused:
        stranger.transaction([Set(LIVE, b"mine")], within())
    assert refused.value.why is Why.AUTH
    stranger.close(within())

    wrong = Asked(boot="d" * 32, key="wrong horse")
    other = sinks(wrong, chroot="/users", user="web", password=secret)
    answers = deliver(other, state("BOOT", 1, boot="d" * 32, boot_no=2))
    assert isinstance(answers[0], RetryAfter)
    assert "not allowed" in answers[0].reason
    other.idle(within())
    wrong.secrets["key"] = "right horse"
    accepted(other, state("BOOT", 1, boot="d" * 32, boot_no=2))
    assert "horse" not in repr([answers, wrong.lines, asked.lines])


@pytest.mark.rule("D-sink-zookeeper-access")
def test_with_readers_owner_nobody_else_may_read(servers: Servers, zookeeper: ZooKeeper, sinks: Any) -> None:
    zookeeper.make_folders("/owner/x", within())
    sink = sinks(Asked(), chroot="/owner", user="web", password="pw", readers="owner")
    accepted(sink, state("UP", 1))
    with pytest.raises(Refused) as refused:
        zookeeper.get(f"/owner{LIVE}", within())
    assert refused.value.why is Why.AUTH
    mine = ZooKeeper(servers.addresses, 10, User("web", lambda: "pw"), chroot="/owner")
    assert shown(mine)["state"] == "UP"
    mine.close(within())


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server that speaks TLS and asks for a certificate, and the folder of the certificates."""
    need("zookeeper")
    folder = certificates(tmp_path)
    host, port = "127.0.0.1", free_port()
    (tmp_path / "data").mkdir()
    settings = {
        "dataDir": f"{tmp_path}/data",
        "secureClientPort": port,
        "secureClientPortAddress": host,
        "serverCnxnFactory": "org.apache.zookeeper.server.NettyServerCnxnFactory",
        "ssl.keyStore.location": f"{folder}/server.pem",
        "ssl.keyStore.type": "PEM",
        "ssl.trustStore.location": f"{folder}/ca.pem",
        "ssl.trustStore.type": "PEM",
        "ssl.clientAuth": "need",
        "admin.enableServer": "false",
    }
    (tmp_path / "zoo.cfg").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    parts = ("handler", "transport", "common", "buffer", "codec", "resolver")
    jars = ["zookeeper", "slf4j-simple", *(f"netty-{part}" for part in parts)]
    path = ":".join(f"/usr/share/java/{jar}.jar" for jar in jars)
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    with (tmp_path / "log").open("wb") as log:
        command = ["java", "-Xmx128m", "-cp", path, main, str(tmp_path / "zoo.cfg")]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    yield f"{host}:{port}", folder
    server.kill()
    server.wait()


# kazoo leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.rule("D-sink-zookeeper-access")
def test_both_sides_of_tls(secured: tuple[str, Path]) -> None:
    address, folder = secured
    ours = {"cert_file": f"{folder}/client.pem", "key_file": f"{folder}/client.key"}

    def made(**settings: Any) -> ZooKeeperSink:
        return ZooKeeperSink({"hosts": [address], **DEFAULTS, "tls": True, **settings}, Asked().context)

    sink = made(ca_file=f"{folder}/ca.pem", **ours)
    accepted(sink, state("UP", 1), seconds=20)
    assert sink.reach(within()) == ""
    sink.close(within())
    for settings, words in (
        ({"ca_file": f"{folder}/stranger.pem", **ours}, "certificate verify failed"),
        ({"ca_file": f"{folder}/ca.pem"}, "no connection"),
        ({"ca_file": f"{folder}/ca.pem", **ours, "tls": False}, "no connection"),
    ):
        refused = made(**settings)
        answers = deliver(refused, state("UP", 2), seconds=1.5)
        assert isinstance(answers[0], RetryAfter)
        assert words in answers[0].reason.replace("_", " ").lower()
        refused.close(within())


@pytest.mark.rule("D-sink-zookeeper-access")
@pytest.mark.parametrize("settings", [{"user": "web"}, {"password": "pw"}, {"key_file": "/key.pem"}])
def test_what_the_schema_cannot_see_is_said_in_words(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"belong together|not given"):
        ZooKeeperSink({"hosts": ["127.0.0.1:1"], **DEFAULTS, **settings}, Asked().context)


@pytest.mark.rule("D-sink-zookeeper-state")
def test_refused_at_the_start_is_an_answer_in_words() -> None:
    address = nobody()
    sink = ZooKeeperSink({"hosts": [address], **DEFAULTS}, Asked().context)
    answers = deliver(sink, state("UP", 1), health(2), seconds=1)
    assert [type(answer) for answer in answers] == [RetryAfter, RetryAfter]
    assert f"{address}: no connection to ZooKeeper in time: Connection refused" in answers[0].reason
    sink.close(within(2))
