"""The sink `etcd` against real servers: one, and a cluster of three whose members die, freeze and come back."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.freeports import free_port, nobody
from tests.support.registries import (
    Asked,
    Idling,
    Servers,
    accepted,
    deliver,
    health,
    state,
    within,
)
from tests.support.registries import certificates as make_certificates
from tests.support.services import need
from tests.support.waiting import until
from ww.clients.etcd import Etcd
from ww.sinks.base import Accepted, RetryAfter
from ww.sinks.etcd.sink import EtcdSink

pytestmark = [pytest.mark.timeout(120), pytest.mark.servers]
LIVE, LAST, RING = "/ww/live/web/web-1", "/ww/last/web/web-1", "/ww/ring/web/web-1"
TTL_S = 6
"""Longer than a busy machine keeps a sink from renewing its lease."""
SHORT_S = 2
"""The lease of a test that waits for its end."""
DEFAULTS = {
    "prefix": "/ww",
    "ttl_s": TTL_S,
    "last": True,
    "ring": 0,
    "user": None,
    "password": None,
    "ca_file": None,
    "cert_file": None,
    "key_file": None,
}


@pytest.fixture(scope="module", params=["etcd", "etcd3"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    made = Servers(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.close()


def urls(servers: Servers) -> list[str]:
    return [f"http://{address}" for address in servers.addresses]


@pytest.fixture
def etcd(servers: Servers) -> Iterator[Etcd]:
    client = Etcd(urls(servers))
    client.delete("/", within(), prefix=True)
    yield client
    client.close()


def sink_on(endpoints: list[str], asked: Asked, **settings: Any) -> EtcdSink:
    return EtcdSink({"endpoints": endpoints, **DEFAULTS, **settings}, asked.context)


def shown(etcd: Etcd, key: str = LIVE) -> dict[str, Any]:
    found = etcd.read(key, within())
    return json.loads(found[0].value) if found else {}


def leader(servers: Servers) -> int:
    """The number of the member that leads, of those that answer."""

    def ask() -> list[int]:
        leading = []
        for number, url in enumerate(urls(servers)):
            try:
                said = requests.post(f"{url}/v3/maintenance/status", data="{}", timeout=0.5).json()
            except requests.RequestException:
                continue
            if said.get("leader", "0") == said["header"]["member_id"]:
                leading.append(number)
        return leading

    return until(ask, "a leader")[0]


@pytest.mark.rule("D-sink-etcd-state")
def test_the_state_appears_follows_and_is_the_event_to_the_letter(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked())
    for number, word in enumerate(["BOOT", "WARMUP", "UP"], 1):
        item = state(word, number)
        assert deliver(sink, item) == [Accepted()]
        document = shown(etcd)
        assert (document["state"], document["seq"], document["event"]) == (word, number, item.event)
        assert document == shown(etcd, LAST)
    assert (document["service"], document["instance"], document["since"]) == (
        "web",
        "web-1",
        "2026-11-21T10:00:01.000Z",
    )
    sink.close(within())


@pytest.mark.rule("D-sink-etcd-state")
def test_of_a_batch_the_newest_is_shown_and_health_and_earlier_boots_are_not(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked())
    old = state("STOPPED", 90, boot="a" * 32, boot_no=0, current=False)
    assert deliver(sink, old) == [Accepted()]
    assert shown(etcd) == {}
    assert deliver(sink, old, state("BOOT", 1), state("UP", 2), health(3)) == [Accepted()] * 4
    assert shown(etcd)["state"] == "UP"
    sink.close(within())


@pytest.mark.rule("D-sink-etcd-lease")
def test_a_reporter_that_is_gone_takes_the_key_with_it_but_not_the_last_state(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked(), ttl_s=SHORT_S)
    accepted(sink, state("UP", 1))
    until(lambda: shown(etcd) == {}, "the lease has run out", 30)
    assert shown(etcd, LAST)["state"] == "UP"
    sink.idle(within())
    assert shown(etcd)["state"] == "UP", "idle puts it back"


def renewed(etcd: Etcd, ttl_s: int) -> None:
    """The lease of what is shown has less than it had, and then all of it again; etcd tells whole seconds."""

    def left_s() -> int:
        lease = str(etcd.read(LIVE, within())[0].lease)
        return int(etcd._call("lease/timetolive", {"ID": lease}, within(), write=False)["TTL"])

    until(lambda: left_s() < ttl_s - 1, "it grows old")
    until(lambda: left_s() == ttl_s - 1, "it is as new")


@pytest.mark.rule("D-sink-etcd-lease")
def test_the_lease_is_kept_while_nothing_is_delivered(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked())
    accepted(sink, state("UP", 1))
    first = etcd.read(LIVE, within())[0]
    with Idling(sink):
        for _ in range(2):
            renewed(etcd, TTL_S)
    assert etcd.read(LIVE, within())[0].mod_revision == first.mod_revision, "nothing was written for it"


@pytest.mark.rule("D-sink-etcd-lease")
@pytest.mark.parametrize("word", ["STOPPED", "ERROR"])
def test_the_end_of_the_instance_takes_the_key_at_once(servers: Servers, etcd: Etcd, word: str) -> None:
    sink = sink_on(urls(servers), Asked())
    accepted(sink, state("UP", 1), state(word, 2))
    sink.close(within())
    assert shown(etcd) == {}
    assert shown(etcd, LAST)["state"] == word


@pytest.mark.rule("D-sink-etcd-lease")
def test_a_new_reporter_of_the_same_boot_shows_the_state_with_no_event_to_deliver(
    servers: Servers, etcd: Etcd, tmp_path: Path
) -> None:
    first = sink_on(urls(servers), Asked(run=str(tmp_path)), last=False)
    accepted(first, state("BOOT", 1), state("UP", 2))
    first.close(within())
    before = shown(etcd)
    second = sink_on(urls(servers), Asked(run=str(tmp_path)), last=False)
    with Idling(second):
        until(lambda: etcd.read(LIVE, within())[0].version == 2, "the second reporter has taken the key over")
    assert shown(etcd) == before
    later = Asked(run=str(tmp_path), boot="c" * 32)
    sink_on(urls(servers), later).idle(within())
    assert shown(etcd) == before, "what another boot has left in the run directory is not shown"


@pytest.mark.rule("D-sink-etcd-lease")
def test_somebody_else_deletes_the_key_and_it_comes_back(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked())
    accepted(sink, state("UP", 1))
    etcd.delete(LIVE, within())
    with Idling(sink):
        assert until(lambda: shown(etcd), "it is shown again")["state"] == "UP"


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
    servers: Servers, etcd: Etcd, earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    old_asked, new_asked = Asked(boot=earlier["boot"]), Asked(boot=later["boot"])
    old, new = sink_on(urls(servers), old_asked), sink_on(urls(servers), new_asked)
    # The times of these events are those of their sequences: boots of one volume are counted, whatever the clock said.
    first = 11 if earlier.get("volume", "v1") == later.get("volume", "v1") is not None else 1
    accepted(old, state("BOOT", first, **earlier), state("UP", first + 1, **earlier))
    accepted(new, state("BOOT", 5, **later))
    assert shown(etcd)["boot"] == later["boot"]
    assert deliver(old, state("STOPPED", 50, **earlier)) == [Accepted()]
    old.idle(within())
    old.close(within())
    assert (shown(etcd)["boot"], shown(etcd, LAST)["boot"]) == (later["boot"], later["boot"])
    assert [line for line in old_asked.lines if "is newer than this one" in line] == old_asked.lines
    assert len(old_asked.lines) == 1, "said once"


@pytest.mark.rule("D-sink-registry-boots")
def test_a_stranger_s_value_is_replaced_and_a_later_format_is_not(servers: Servers, etcd: Etcd) -> None:
    asked = Asked()
    sink = sink_on(urls(servers), asked)
    etcd.put(LIVE, b"\xff what?", within())
    accepted(sink, state("UP", 1))
    assert shown(etcd)["state"] == "UP"
    etcd.put(LIVE, b'{"format": 2, "all": "different"}', within())
    accepted(sink, state("RESTARTING", 2))
    assert shown(etcd)["format"] == 2
    assert any("format 2" in line for line in asked.lines)


def ring(etcd: Etcd) -> list[int]:
    """The sequences in the ring in the order of writing."""
    index = shown(etcd, RING)
    slots = {pair.key: json.loads(pair.value) for pair in etcd.read(f"{RING}/", within(), prefix=True)}
    first = max(index["next"] - index["size"], 0)
    return [int(slots[f"{RING}/{number % index['size']:04d}"]["id"]) for number in range(first, index["next"])]


@pytest.mark.rule("D-sink-etcd-ring")
def test_the_ring_has_the_last_events_in_order_and_none_twice(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked(), ring=5)
    assert deliver(sink, *(health(number) for number in range(1, 4))) == [Accepted()] * 3
    assert ring(etcd) == [1, 2, 3]
    again = deliver(sink, *(health(number) for number in range(2, 9)))
    assert again == [Accepted(duplicate=True)] * 2 + [Accepted()] * 5
    assert ring(etcd) == [4, 5, 6, 7, 8]
    other = sink_on(urls(servers), Asked(), ring=5)
    assert deliver(other, health(8), health(9)) == [Accepted(duplicate=True), Accepted()]
    assert ring(etcd) == [5, 6, 7, 8, 9]
    assert deliver(sink, health(9), health(10)) == [Accepted(duplicate=True), Accepted()], "another wrote meanwhile"
    larger = sink_on(urls(servers), Asked(), ring=300)
    deliver(larger, *(health(number) for number in range(9, 311)))
    assert ring(etcd) == list(range(11, 311)), "of another size it begins anew"


@pytest.mark.rule("D-sink-etcd-ring")
def test_the_ring_is_whole_after_the_leader_was_killed_in_the_middle(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked(), ring=50)
    for number in range(1, 101):
        if number % 40 == 0:
            servers.kill(leader(servers))
            if len(servers.addresses) == 1:
                servers.again()
        accepted(sink, state("UP", 2 * number - 1), health(2 * number), seconds=20)
        if number % 40 == 20:
            servers.again()
    servers.again()
    with Idling(sink):  # as the engine lets it: to start a member may take longer than a lease lasts
        until(lambda: shown(etcd).get("seq") == 199, "the last state")
    assert ring(etcd) == list(range(151, 201))


@pytest.mark.rule("D-sink-etcd-state")
def test_all_members_down_and_up_again(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked())
    accepted(sink, state("BOOT", 1))
    servers.kill()
    answers = deliver(sink, state("UP", 2), seconds=3)
    assert isinstance(answers[0], RetryAfter)
    assert "Connection refused" in answers[0].reason
    assert "Connection refused" in sink.reach(within(3))
    servers.again()
    accepted(sink, state("UP", 2), seconds=20)
    assert shown(etcd)["state"] == "UP"
    assert sink.reach(within()) == ""


@pytest.mark.rule("D-sink-etcd-state")
def test_frozen_longer_than_the_lease_and_continued(servers: Servers, etcd: Etcd) -> None:
    asked = Asked()
    sink = sink_on(urls(servers), asked, ttl_s=4)
    accepted(sink, state("UP", 1))
    servers.freeze()
    answers = deliver(sink, state("RESTARTING", 2), seconds=5)
    assert isinstance(answers[0], RetryAfter)
    servers.thaw()
    accepted(sink, state("RESTARTING", 2), seconds=20)
    assert shown(etcd)["state"] == "RESTARTING"
    with Idling(sink):
        renewed(etcd, 4)


@pytest.mark.rule("D-sink-etcd-state")
def test_the_order_of_endpoints_does_not_matter_and_dead_ones_cost_little(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on([f"http://{nobody()}", f"http://{nobody()}", *reversed(urls(servers))], Asked())
    assert deliver(sink, state("UP", 1), seconds=2) == [Accepted()]
    assert shown(etcd)["state"] == "UP"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Servers]:
    """One member that asks for users: `web` may write below /ww/."""
    servers = Servers("etcd", tmp_path / "guarded")
    url = urls(servers)[0]
    key = {"key": encoded("/ww/"), "range_end": encoded("/ww0"), "permType": "READWRITE"}
    for path, body in (
        ("user/add", {"name": "root", "password": "root"}),
        ("role/add", {"name": "root"}),
        ("user/grant", {"user": "root", "role": "root"}),
        ("user/add", {"name": "web", "password": "right horse"}),
        ("role/add", {"name": "web"}),
        ("role/grant", {"name": "web", "perm": key}),
        ("user/grant", {"user": "web", "role": "web"}),
        ("enable", {}),
    ):
        requests.post(f"{url}/v3/auth/{path}", json=body, timeout=5).raise_for_status()
    yield servers
    servers.close()


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.rule("D-sink-etcd-access")
def test_a_user_logs_in_again_when_the_token_is_forgotten(guarded: Servers) -> None:
    asked = Asked(key="right horse")
    secret = {"user": "web", "password": {"$secret": "key"}, "ring": 5}
    sink = sink_on(urls(guarded), asked, **secret)
    assert deliver(sink, state("BOOT", 1)) == [Accepted()]
    root = Etcd(urls(guarded), lambda: ("root", "root"))
    root.put("/root-logs-in", b"", within())
    # A new password, or the same once more, makes etcd forget the tokens of the user.
    body = {"name": "web", "password": "right horse"}
    token = {"Authorization": root._token}
    requests.post(f"{urls(guarded)[0]}/v3/auth/user/changepw", json=body, headers=token, timeout=5).raise_for_status()
    assert deliver(sink, state("UP", 2)) == [Accepted()], "at once"
    assert shown(root)["state"] == "UP"
    root.close()
    sink.close(within())


@pytest.mark.rule("D-sink-etcd-access")
def test_who_is_not_allowed_is_told_so_and_tries_again_with_the_rotated_secret(guarded: Servers) -> None:
    nobody_s = sink_on(urls(guarded), Asked())
    assert "user name is empty" in nobody_s.reach(within())
    asked = Asked(key="wrong horse")
    secret = {"user": "web", "password": {"$secret": "key"}}
    sink = sink_on(urls(guarded), asked, **secret)
    answers = deliver(sink, state("UP", 1))
    assert isinstance(answers[0], RetryAfter)
    assert "authentication failed" in answers[0].reason
    sink.idle(within())
    elsewhere = sink_on(urls(guarded), Asked(key="right horse"), **secret, prefix="/not-ours")
    assert "permission denied" in elsewhere.reach(within())
    asked.secrets["key"] = "right horse"
    accepted(sink, state("UP", 1))
    assert "horse" not in repr([answers, asked.lines])


@pytest.mark.rule("D-sink-etcd-access")
def test_credentials_for_a_server_that_asks_for_none_do_no_harm(servers: Servers, etcd: Etcd) -> None:
    sink = sink_on(urls(servers), Asked(), user="web", password="pw")
    accepted(sink, state("UP", 1))
    assert shown(etcd)["state"] == "UP"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secured(tmp_path: Path, certificates: Path) -> Iterator[str]:
    """One member that speaks TLS and asks for a certificate."""
    need("etcd")
    url = f"https://127.0.0.1:{free_port()}"
    files = [f"--cert-file={certificates}/server.pem", f"--key-file={certificates}/server.pem"]
    files += [f"--trusted-ca-file={certificates}/ca.pem", "--client-cert-auth"]
    places = ["--data-dir", str(tmp_path / "data"), "--listen-client-urls", url, "--advertise-client-urls", url]
    peers = ["--listen-peer-urls", f"http://127.0.0.1:{free_port()}"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(["etcd", *files, *places, *peers], stdout=log, stderr=log)
    yield url
    server.kill()
    server.wait()


@pytest.mark.rule("D-sink-etcd-access")
def test_both_sides_of_tls(secured: str, certificates: Path) -> None:
    ours = {"cert_file": f"{certificates}/client.pem", "key_file": f"{certificates}/client.key"}
    sink = sink_on([secured], Asked(), ca_file=f"{certificates}/ca.pem", **ours)
    until(lambda: sink.reach(within(1)) == "", "the server with TLS")
    assert deliver(sink, state("UP", 1)) == [Accepted()]
    sink.close(within())
    for settings, words in (
        ({"ca_file": f"{certificates}/stranger.pem", **ours}, "certificate is not accepted"),
        ({"ca_file": f"{certificates}/ca.pem"}, ""),
        ({"ca_file": "/not/there.pem"}, "/not/there.pem"),
        (ours, "certificate is not accepted"),
    ):
        refused = sink_on([secured], Asked(), **settings)
        answers = deliver(refused, state("UP", 2), seconds=3)
        assert isinstance(answers[0], RetryAfter)
        assert words in answers[0].reason
        refused.close(within())


@pytest.mark.rule("D-sink-etcd-access")
@pytest.mark.parametrize("settings", [{"user": "web"}, {"password": "pw"}, {"key_file": "/key.pem"}])
def test_what_the_schema_cannot_see_is_said_in_words(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"belong together|not given"):
        sink_on(["http://127.0.0.1:1"], Asked(), **settings)


@pytest.mark.rule("D-sink-etcd-state")
def test_refused_at_the_start_is_an_answer_in_words() -> None:
    address = nobody()
    asked = Asked()
    sink = sink_on([f"http://{address}"], asked)
    answers = deliver(sink, state("UP", 1), health(2), seconds=2)
    assert [type(answer) for answer in answers] == [RetryAfter, RetryAfter]
    assert address in answers[0].reason
    sink.idle(within(1))
    assert "was not kept" in asked.lines[0]
    sink.close(within(1))
