"""The clients of etcd and ZooKeeper: what a call can end with, against servers that freeze, die and refuse."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.faultproxy import FaultProxy
from tests.support.freeports import nobody
from tests.support.registries import Servers, within
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.clients.errors import Refused, Unavailable, UnknownOutcome, Why
from ww.clients.etcd import Etcd
from ww.clients.etcd_wire import Change, Delete, Put, Read, Unchanged
from ww.clients.zookeeper import MAX_BYTES, Check, Create, Set, State, ZooKeeper
from ww.clients.zookeeper import Delete as DeleteNode

pytestmark = [pytest.mark.timeout(120), pytest.mark.rule("D-clients-outcome"), pytest.mark.servers]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    made = Servers("etcd3", tmp_path_factory.mktemp("etcd3"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    made = Servers("zookeeper", tmp_path_factory.mktemp("zookeeper"))
    yield made
    made.close()


@pytest.fixture
def etcd(three: Servers) -> Iterator[Etcd]:
    client = Etcd([f"http://{address}" for address in three.addresses])
    client.delete("/", within(), prefix=True)
    yield client
    client.close()


@pytest.fixture
def zookeeper(one: Servers) -> Iterator[ZooKeeper]:
    client = ZooKeeper(one.addresses, 5, chroot=f"/t{time.monotonic_ns()}")
    client.make_folders("/x", within(20))
    yield client
    client.close(within())


def test_etcd_keys_transactions_and_leases(etcd: Etcd) -> None:
    assert etcd.read("/a", within()) == ()
    revision = etcd.put("/a", b"\x00\xff", within())
    (pair,) = etcd.read("/a", within())
    assert (pair.key, pair.value, pair.mod_revision, pair.version, pair.lease) == ("/a", b"\x00\xff", revision, 1, 0)
    done = etcd.transaction([Unchanged("/a", revision)], [Put("/a/b", b"1"), Delete("/a")], [Read("/a")], within())
    assert (done.succeeded, done.reads) == (True, ())
    missed = etcd.transaction([Unchanged("/a", revision)], [Put("/a", b"no")], [Read("/a", prefix=True)], within())
    assert not missed.succeeded
    assert [[one.key for one in pairs] for pairs in missed.reads] == [["/a/b"]]
    lease = etcd.grant(60, within())
    etcd.put("/leased", b"", within(), lease)
    assert etcd.read("/leased", within())[0].lease == lease
    assert etcd.keep_alive(lease, within()) == 60
    etcd.revoke(lease, within())
    assert etcd.read("/leased", within()) == ()
    assert etcd.keep_alive(lease, within()) == 0
    assert etcd.delete("/a", within(), prefix=True) == 1


def test_etcd_says_why_it_refuses(etcd: Etcd) -> None:
    refusals = {
        Why.MISSING: lambda: etcd.put("/a", b"", within(), lease=99),
        Why.TOO_LARGE: lambda: etcd.put("/a", b"x" * (2 << 20), within()),
        Why.INVALID: lambda: etcd.transaction([], [Put("/a", b""), Put("/a", b"")], [], within()),
    }
    for why, call in refusals.items():
        with pytest.raises(Refused) as refused:
            call()
        assert refused.value.why is why


def test_a_write_without_an_answer_is_unknown_and_a_read_is_not(three: Servers, etcd: Etcd) -> None:
    etcd.put("/a", b"1", within())
    three.freeze()
    try:
        with Stopwatch() as watch:
            with pytest.raises(UnknownOutcome):
                etcd.put("/a", b"2", within(1.5))
            with pytest.raises(Unavailable):
                etcd.read("/a", within(1.5))
        assert watch.seconds < 4
    finally:
        three.thaw()
    assert until(lambda: etcd.read("/a", within(5)), "the cluster")[0].value in (b"1", b"2")
    with pytest.raises(Unavailable):
        Etcd([f"http://{nobody()}"]).put("/a", b"", within(1))


def test_a_watch_misses_nothing_while_members_die(three: Servers, etcd: Etcd) -> None:
    start = etcd.put("/w/begin", b"", within())
    seen: list[Change] = []
    watcher = Etcd([f"http://{address}" for address in three.addresses])

    def watch() -> None:
        after = start
        while len(seen) < 60:
            try:
                for change in watcher.watch("/w/", after + 1, within(2), 1.0, prefix=True):
                    seen.append(change)
                    after = change.mod_revision
            except Unavailable:
                continue

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    for number in range(60):
        if number % 25 == 20:
            three.kill(number // 25)
        value = str(number).encode()
        until(lambda value=value: written(etcd, value), "a write", within_s=20)
        if number % 25 == 24:
            three.again()
    three.again()
    thread.join(20)
    values = [int(change.value or b"-1") for change in seen]
    assert list(dict.fromkeys(values)) == list(range(60))
    assert [change.mod_revision for change in seen] == sorted({change.mod_revision for change in seen})
    watcher.close()


def written(etcd: Etcd, value: bytes) -> bool:
    try:
        etcd.put("/w/key", value, within(3))
    except (Unavailable, UnknownOutcome):
        return False
    return True


def test_a_watch_from_before_a_compaction_is_refused(etcd: Etcd) -> None:
    import requests

    revision = [etcd.put("/c", b"", within()) for _ in range(3)][-1]
    body = {"revision": str(revision)}
    requests.post(f"{etcd._endpoints[0]}/v3/kv/compaction", json=body, timeout=5).raise_for_status()
    with pytest.raises(Refused) as refused:
        list(etcd.watch("/c", 1, within(2), 2.0))
    assert refused.value.why is Why.COMPACTED


def test_zookeeper_nodes_and_transactions(zookeeper: ZooKeeper) -> None:
    assert zookeeper.get("/a", within()) is None
    assert zookeeper.children("/a", within()) is None
    assert zookeeper.transaction([Create("/a", b"1"), Create("/a/n-", b"", sequence=True)], within()) == [
        "/a",
        "/a/n-0000000000",
    ]
    assert zookeeper.children("/a", within()) == ["n-0000000000"]
    zookeeper.transaction([Check("/a", 0), Set("/a", b"2", 0), Create("/e", b"", ephemeral=True)], within())
    node, mine = zookeeper.get("/a", within()), zookeeper.get("/e", within())
    assert node
    assert mine
    assert (node.data, node.version, node.owner, node.children) == (b"2", 1, 0, 1)
    assert mine.owner == zookeeper.session
    zookeeper.sync("/a", within())


def test_zookeeper_says_why_it_refuses(zookeeper: ZooKeeper) -> None:
    zookeeper.transaction([Create("/a", b""), Create("/a/b", b""), Create("/e", b"", ephemeral=True)], within())
    refusals = {
        Why.MISSING: Create("/x/y", b""),
        Why.EXISTS: Create("/a", b""),
        Why.VERSION: Set("/a", b"", 7),
        Why.NOT_EMPTY: DeleteNode("/a"),
        Why.INVALID: Create("/e/child", b""),
        Why.TOO_LARGE: Create("/large", b"x" * MAX_BYTES),
    }
    for why, operation in refusals.items():
        with pytest.raises(Refused) as refused:
            zookeeper.transaction([Create("/only-with-it", b""), operation], within())
        assert refused.value.why is why
    assert zookeeper.get("/only-with-it", within()) is None, "all or nothing"


def test_zookeeper_tells_of_changes_once(zookeeper: ZooKeeper) -> None:
    told: list[str] = []
    assert zookeeper.get("/a", within(), lambda: told.append("there")) is None
    zookeeper.transaction([Create("/a", b"")], within())
    until(lambda: told == ["there"], "the watch for what is not there yet")
    zookeeper.get("/a", within(), lambda: told.append("changed"))
    zookeeper.children("/a", within(), lambda: told.append("child"))
    zookeeper.transaction([Set("/a", b"2"), Create("/a/b", b"")], within())
    until(lambda: sorted(told[1:]) == ["changed", "child"], "both watches")


def test_a_zookeeper_that_froze_or_died_is_unknown_then_unavailable_then_back(one: Servers) -> None:
    states: list[State] = []
    mine = f"/t{time.monotonic_ns()}"
    with FaultProxy(int(one.addresses[0].rpartition(":")[2])) as proxy:
        client = ZooKeeper([f"{proxy.host}:{proxy.port}"], 2, on_state=states.append)
        client.transaction([Create(mine, b"", ephemeral=True)], within(20))
        assert client.state is State.CONNECTED
        first = client.session
        one.freeze()
        try:
            with pytest.raises(UnknownOutcome):
                client.transaction([Create("/unknown", b"")], within(0.5))
            until(lambda: client.state is State.SUSPENDED, "the connection is known to be away")
            with pytest.raises(Unavailable):
                client.transaction([Create("/not-sent", b"")], within(0.5))
            with pytest.raises(AssertionError):
                until(lambda: client.state is State.CONNECTED, within_s=3)
            # A server that has just gone on may hear of a client before it notices how late that comes.
            proxy.refuse, knocked = True, proxy.accepted
            proxy.reset()
            until(lambda: proxy.accepted > knocked, "it has given up the connection that it had")
        finally:
            one.thaw()
        other = ZooKeeper(one.addresses, 10)
        other.connect(within(20))
        until(lambda: other.get(mine, within(20)) is None, "the end of the session")
        other.close(within())
        proxy.refuse = False
        client.connect(within(20))
        assert client.session != first, "the session was lost meanwhile"
        assert states == [State.CONNECTED, State.SUSPENDED, State.LOST, State.CONNECTED]
        assert client.get("/not-sent", within()) is None, "what was not sent is not sent later"
        client.close(within())
        assert client.state is State.LOST


def test_closing_a_client_of_a_frozen_server_keeps_to_its_deadline(one: Servers) -> None:
    client = ZooKeeper(one.addresses, 10)
    client.connect(within(20))
    one.freeze()
    try:
        with Stopwatch() as watch:
            client.close(within(0.5))
        assert watch.seconds < 2
    finally:
        one.thaw()
