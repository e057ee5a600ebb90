"""The elasticsearch sink against a stand-in that speaks `_bulk`, and against a real server where one is named."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests

from tests.support.bulkserver import BulkServer, basic
from tests.support.certificates import Authority
from tests.support.items import BOOT, Told, item, items
from tests.support.receiver import Fault, hang, reset, status, stored_then_reset, truncated
from ww.sinks.base import Accepted, Answer, Rejected, RetryAfter, Sink
from ww.sinks.elasticsearch import TYPE

BULK = "/whaleware-events-2026.11/_bulk"


@pytest.fixture(params=["elasticsearch", "opensearch"])
def server(request: pytest.FixtureRequest) -> Iterator[BulkServer]:
    with BulkServer(request.param) as made:
        yield made


@pytest.fixture
def told() -> Told:
    return Told()


def sink(told: Told, server: BulkServer, **settings: Any) -> Sink:
    return TYPE.make({"type": "elasticsearch", "urls": [server.base], **settings}, told.context)


def deliver(made: Sink, batch: Sequence[Any], within_s: float = 5.0) -> list[Answer]:
    return list(made.deliver(batch, time.monotonic() + within_s))


def later(answers: Sequence[Answer]) -> RetryAfter:
    assert answers
    assert all(isinstance(answer, RetryAfter) and answer == answers[0] for answer in answers), answers
    return answers[0]  # type: ignore[return-value]


@pytest.mark.rule("D-sink-elasticsearch-items")
def test_each_event_is_created_under_its_own_id(server: BulkServer, told: Told) -> None:
    made = sink(told, server)
    assert deliver(made, items(1, 3)) == [Accepted()] * 3
    stored = server.docs["whaleware-events-2026.11"]
    assert list(stored) == [f"{BOOT}-{seq}" for seq in (1, 2, 3)]
    assert stored[f"{BOOT}-2"] == {"@timestamp": item(2).event["time"], **item(2).event}
    assert deliver(made, items(2, 4)) == [Accepted(duplicate=True)] * 2 + [Accepted()]
    assert server.created == [f"{BOOT}-{seq}" for seq in (1, 2, 3, 4)]


@pytest.mark.rule("D-sink-elasticsearch-items")
@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ((429, "es_rejected_execution_exception", "queue is full"), RetryAfter(None)),
        ((503, "unavailable_shards_exception", "primary shard is not active"), RetryAfter(None)),
        ((403, "cluster_block_exception", "index has read-only-allow-delete block"), RetryAfter(60.0)),
        ((400, "index_closed_exception", "closed"), RetryAfter(60.0)),
        ((404, "index_not_found_exception", "no such index"), RetryAfter(60.0)),
        ((400, "document_parsing_exception", "failed to parse field [data.x]"), Rejected("")),
    ],
)
def test_each_item_has_an_answer_of_its_own(
    server: BulkServer, told: Told, refused: tuple[int, str, str], expected: Answer
) -> None:
    made = sink(told, server)
    deliver(made, items(3, 3))
    server.on_item = lambda _index, key: refused if key.endswith("-2") else None
    first, second, third = deliver(made, items(1, 3))
    assert (first, third) == (Accepted(), Accepted(duplicate=True))
    assert type(second) is type(expected)
    if isinstance(second, RetryAfter) and isinstance(expected, RetryAfter):
        assert second.seconds == expected.seconds
    assert f"{refused[1]} ({refused[0]}): {refused[2]}" == second.reason  # type: ignore[union-attr]


@pytest.mark.rule("D-sink-elasticsearch-items")
def test_two_events_that_do_not_fit_together(server: BulkServer, told: Told) -> None:
    made = sink(told, server)
    answers = deliver(
        made, [item(1, x={"a": 1}), item(2, x=5), item(3, labels={"a": 1}), item(4, labels={"a": {"b": 1}})]
    )
    assert isinstance(answers[1], Rejected)
    assert [answer for answer in answers if not isinstance(answer, Rejected)] == [Accepted()] * 3


@pytest.mark.rule("D-sink-elasticsearch-index")
@pytest.mark.parametrize(
    ("rotate", "names"),
    [
        ("none", ["whaleware-events"]),
        ("year", ["whaleware-events-2026"]),
        ("month", ["whaleware-events-2026.11"]),
        ("day", ["whaleware-events-2026.11.01", "whaleware-events-2026.11.02"]),
        ("data_stream", [".ds-whaleware-events-000001"]),
    ],
)
def test_the_index_is_that_of_the_events_time(server: BulkServer, told: Told, rotate: str, names: list[str]) -> None:
    made = sink(told, server, rotate=rotate)
    row = [item(1), item(86_401), item(86_402)]
    assert deliver(made, row) == [Accepted()] * 3
    assert list(server.docs) == names
    assert deliver(sink(told, server, rotate=rotate), row) == [Accepted(duplicate=True)] * 3


@pytest.mark.rule("D-sink-elasticsearch-index")
def test_a_data_stream_knows_its_documents_until_it_rolls_over(server: BulkServer, told: Told) -> None:
    made = sink(told, server, rotate="data_stream")
    deliver(made, items(1, 2))
    server.rollover("whaleware-events")
    assert deliver(made, items(2, 3)) == [Accepted()] * 2
    assert server.created.count(f"{BOOT}-2") == 2, "the page of the sink says so"


@pytest.mark.rule("D-sink-elasticsearch-template")
def test_the_template_is_put_once(server: BulkServer, told: Told) -> None:
    made = sink(told, server)
    deliver(made, items(1, 1))
    deliver(made, items(2, 2))
    template = server.templates["whaleware-events"]
    labels = {"elasticsearch": "flattened", "opensearch": "flat_object"}[server.product]
    assert template["template"]["mappings"]["properties"]["data"]["properties"]["labels"] == {"type": labels}
    assert template["index_patterns"] == ["whaleware-events-*"]
    assert [request.method for request in server.requests] == ["GET", "GET", "PUT", "POST", "POST"]
    deliver(sink(told, server), items(3, 3))
    assert [request.method for request in server.requests[5:]] == ["GET", "POST"]


@pytest.mark.rule("D-sink-elasticsearch-template")
def test_an_older_template_of_ours_is_replaced_and_another_ones_is_left(server: BulkServer, told: Told) -> None:
    own = {"index_patterns": ["whaleware-events-*"], "template": {}, "_meta": {"managed_by": "whaleware"}, "version": 0}
    server.templates["whaleware-events"] = own
    deliver(sink(told, server), items(1, 1))
    assert server.templates["whaleware-events"]["version"] == 1
    server.templates["whaleware-events"] = other = {"index_patterns": ["*"], "template": {}}
    deliver(sink(told, server), items(2, 2))
    assert server.templates["whaleware-events"] is other
    del server.templates["whaleware-events"]
    deliver(sink(told, server, template=False), items(3, 3))
    assert not server.templates


@pytest.mark.rule("D-sink-elasticsearch-template")
def test_no_event_goes_before_the_template_is_there(server: BulkServer, told: Told) -> None:
    made = sink(told, server, rotate="data_stream")
    server.may_manage = False
    answer = later(deliver(made, items(1, 2)))
    assert answer.seconds == 60
    assert "is unauthorized; put it there yourself and set template to false" in answer.reason
    assert not server.docs
    server.may_manage = True
    assert deliver(made, items(1, 2)) == [Accepted()] * 2


@pytest.mark.rule("D-sink-elasticsearch-template")
def test_an_old_server_without_the_type_for_labels(told: Told) -> None:
    with BulkServer("opensearch") as server:
        server.product, root = "elasticsearch", server._root
        server._root = lambda: {**root(), "version": {"distribution": "opensearch", "number": "1.0.0"}}  # type: ignore[method-assign]
        assert deliver(sink(told, server), items(1, 1)) == [Accepted()]
        properties = server.templates["whaleware-events"]["template"]["mappings"]["properties"]
        assert properties["data"]["properties"]["labels"] == {"type": "object"}


@pytest.mark.rule("D-sink-elasticsearch-requests")
def test_requests_are_cut_by_bytes(server: BulkServer, told: Told) -> None:
    made = sink(told, server, max_request_bytes=4000)
    assert deliver(made, [*items(1, 20), item(21, long="x" * 9000), item(22)]) == [Accepted()] * 22
    sizes = [len(request.raw) for request in server.requests if request.path.startswith(BULK)]
    assert len(sizes) > 3
    assert sum(size > 4000 for size in sizes) == 1
    server.max_content_bytes = 2000
    assert deliver(made, items(23, 40)) == [Accepted()] * 18
    assert len(server.created) == 40


@pytest.mark.rule("D-sink-elasticsearch-requests")
def test_gzip_and_pipeline(server: BulkServer, told: Told) -> None:
    made = sink(told, server, gzip=True, pipeline="clean")
    answer = later(deliver(made, items(1, 2)))
    assert answer.seconds == 60
    assert answer.reason.endswith("pipeline with id [clean] does not exist")
    server.pipelines.add("clean")
    assert deliver(made, items(1, 2)) == [Accepted()] * 2
    assert server.requests[-1].headers["content-encoding"] == "gzip"
    assert server.requests[-1].path.endswith("&pipeline=clean")


@pytest.mark.rule("D-sink-elasticsearch-requests")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(429), "is busy (429)"),
        (status(503), "is busy (503)"),
        (status(401), "credentials"),
        (status(400), "refuses it (400)"),
        (status(410), "(410)"),
        (reset, "Connection reset"),
        (stored_then_reset, "Connection reset"),
        (hang, "no complete answer in time"),
        (truncated, "ended before it was complete"),
        (status(200, b"{}"), "not that of _bulk"),
        (status(200, {"errors": True, "items": [{"create": {"status": 201}}]}), "does not speak of every event"),
        (status(200, {"errors": True, "items": [{}, {}, {}]}), "no status"),
        (status(200, b"<html>"), "not that of _bulk"),
    ],
)
def test_a_request_that_fails_whole_is_sent_again(server: BulkServer, told: Told, fault: Fault, words: str) -> None:
    made = sink(told, server, template=False)
    server.always = fault
    assert words in later(deliver(made, items(1, 3), 0.5)).reason
    server.always = None
    assert all(isinstance(answer, Accepted) for answer in deliver(made, items(1, 3)))
    assert server.created == [f"{BOOT}-{seq}" for seq in (1, 2, 3)]


@pytest.mark.rule("D-sink-elasticsearch-requests")
def test_nothing_is_sent_after_a_request_that_failed(server: BulkServer, told: Told) -> None:
    made = sink(told, server, template=False, max_request_bytes=1000)
    server.faults += [lambda receiver, _handler, request: receiver.take(request), status(503, retry_after="9")]
    answers = deliver(made, items(1, 20))
    accepted = answers.count(Accepted())
    assert 1 <= accepted < 5
    assert later(answers[accepted:]).seconds == 9
    assert len(server.requests) == 2


@pytest.mark.rule("D-sink-elasticsearch-nodes")
def test_another_node_is_asked_when_one_fails(told: Told) -> None:
    with BulkServer() as one, BulkServer() as two, BulkServer() as three:
        nodes = {server.base: server for server in (one, two, three)}
        made = TYPE.make({"urls": [*nodes], "template": False}, told.context)
        deliver(made, items(1, 1))
        first = next(server for server in nodes.values() if server.requests)
        for fault in (status(503), reset, hang):
            first.always = fault
            assert deliver(made, items(2, 2), 1.5) == [Accepted()]
            used = [server for server in nodes.values() if f"{BOOT}-2" in server.created]
            assert len(used) == 1
            assert used[0] is not first
            used[0].created.clear()
            used[0].docs.clear()
            first = used[0]
            for server in nodes.values():
                server.always = None
        for server in nodes.values():
            server.always = status(503)
        assert "is busy" in later(deliver(made, items(3, 3))).reason


@pytest.mark.rule("D-sink-elasticsearch-credentials")
def test_credentials(server: BulkServer, told: Told) -> None:
    told.secrets |= {"key": "abcdef", "password": "pass"}
    server.credentials = basic("ww", "pass")
    assert deliver(sink(told, server, basic={"user": "ww", "password": {"$secret": "password"}}), items(1, 1)) == [
        Accepted()
    ]
    server.credentials = "ApiKey abcdef"
    answers = deliver(sink(told, server, api_key={"$secret": "key"}), items(2, 2))
    if server.product == "elasticsearch":
        assert answers == [Accepted()]
    else:
        assert "credentials" in later(answers).reason
    server.credentials = "Bearer other"
    answer = later(deliver(sink(told, server, bearer={"$secret": "key"}), items(3, 3)))
    assert answer.seconds == 60
    assert "abcdef" not in answer.reason
    assert "credentials" in sink(told, server, bearer="x").reach(time.monotonic() + 2)
    server.credentials = ""
    assert sink(told, server).reach(time.monotonic() + 2) == ""


@pytest.mark.rule("D-sink-elasticsearch-credentials")
def test_tls(tmp_path: Any, told: Told) -> None:
    ca, clients = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    cert, key = clients.client()
    with BulkServer(context=ca.server(clients=clients)) as server:
        tls = {"ca_file": ca.ca_file, "cert_file": cert, "key_file": key}
        assert deliver(sink(told, server, tls=tls), items(1, 2)) == [Accepted()] * 2
        assert "certificate is not accepted" in later(deliver(sink(told, server), items(3, 3))).reason


@pytest.mark.rule("D-sink-elasticsearch-credentials")
@pytest.mark.parametrize("url", ["http://u:abcdef@h.example.org", "http://h.example.org/?x=abcdef", "ftp://abcdef"])
def test_urls_that_cannot_be_used(url: str, told: Told) -> None:
    with pytest.raises(ValueError, match=r"urls\[1\]: ") as caught:
        TYPE.make({"urls": ["http://h.example.org", url]}, told.context)
    assert "abcdef" not in str(caught.value)


@pytest.mark.rule("D-sink-elasticsearch-stand-in")
def test_the_stand_in_is_as_strict_as_the_real_ones(server: BulkServer) -> None:
    def post(body: bytes, path: str = "/x/_bulk", kind: str = "application/x-ndjson") -> requests.Response:
        return requests.post(server.base + path, data=body, headers={"Content-Type": kind}, timeout=5)

    line = b'{"create":{"_id":"1"}}\n'
    assert post(line + b"{}").status_code == 400
    assert post(line + b"{}\n", kind="text/plain").status_code == 406
    assert post(b'{"unknown":{}}\n{}\n').status_code == 400
    assert post(line).status_code == 400
    assert post(line + b"not json\n").json()["items"][0]["create"]["status"] == 400
    whole = post(line + b"{}\n").json()
    assert (whole["errors"], whole["items"][0]["create"]["result"]) == (False, "created")
    short = post(line + b"{}\n", "/x/_bulk?filter_path=errors").json()
    assert short["items"] == [
        {"create": {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": WORDS}}}
    ]
    stream = {"index_patterns": ["s"], "data_stream": {}, "template": {"mappings": {"properties": {}}}}
    put = requests.put(f"{server.base}/_index_template/s", json=stream, timeout=5)
    assert put.json() == {"acknowledged": True}
    assert "@timestamp" in post(line + b"{}\n", "/s/_bulk").json()["items"][0]["create"]["error"]["reason"]
    index = b'{"index":{"_id":"1"}}\n{"@timestamp":"2026-11-01T00:00:00Z"}\n'
    assert "op_type of create" in post(index, "/s/_bulk").json()["items"][0]["index"]["error"]["reason"]
    bad = requests.put(f"{server.base}/_index_template/t", json={**stream, "unknown": 1}, timeout=5)
    assert bad.status_code == 400


WORDS = "[1]: version conflict, document already exists (current version [1])"


@pytest.mark.rule("D-sink-elasticsearch-items")
def test_a_real_server(told: Told) -> None:
    url = os.environ.get("WW_TEST_ELASTICSEARCH_URL", "")
    if not url:
        pytest.skip("elasticsearch: WW_TEST_ELASTICSEARCH_URL names no server")
    parts = urlsplit(url)
    url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    access = {"basic": {"user": parts.username, "password": parts.password}} if parts.username else {}
    session = requests.Session()
    session.verify = False
    session.auth = (parts.username, parts.password or "") if parts.username else None
    for rotate in ("month", "data_stream"):
        name = f"ww-test-{uuid.uuid4().hex[:12]}"
        settings = {"urls": [url], "index": name, "rotate": rotate, "tls": {"verify": False}, **access}
        made = TYPE.make(settings, told.context)
        assert deliver(made, items(1, 50), 30) == [Accepted()] * 50
        assert deliver(made, items(41, 60), 30) == [Accepted(duplicate=True)] * 10 + [Accepted()] * 10
        answers = deliver(made, [item(61, x={"a": 1}), item(62, x=5)], 30)
        assert [type(answer) for answer in answers] == [Accepted, Rejected]
        target = f"{url}/_data_stream/{name}" if rotate == "data_stream" else f"{url}/{name}-*"
        session.post(f"{url}/{name}*/_refresh", timeout=30)
        count = session.get(f"{url}/{name}*/_count", timeout=30).json()["count"]
        session.delete(target, timeout=30)
        session.delete(f"{url}/_index_template/{name}", timeout=30)
        assert count == 61
