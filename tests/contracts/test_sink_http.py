"""The http sink against a real server: every answer of the table, every form, every credential."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.faultproxy import FaultProxy
from tests.support.freeports import nobody
from tests.support.items import BOOT, Told, item, items
from tests.support.receiver import (
    BATCH,
    SINGLE,
    Fault,
    Handler,
    Receiver,
    Reply,
    Request,
    at_most,
    hang,
    poisoned,
    rejecting,
    replying,
    reset,
    slow,
    status,
    stored_then_reset,
    trickle,
    truncated,
)
from tests.support.stopwatch import Stopwatch
from ww.sinks.base import Accepted, Advice, Answer, Rejected, RetryAfter, Sink
from ww.sinks.http import TYPE

OTHER = "f" * 32


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def told() -> Told:
    return Told()


def sink(told: Told, receiver: Receiver, **settings: Any) -> Sink:
    return TYPE.make({"type": "http", "url": receiver.url, **settings}, told.context)


def deliver(made: Sink, batch: Sequence[Any], within_s: float = 5.0) -> list[Answer]:
    return list(made.deliver(batch, time.monotonic() + within_s))


def later(answers: Sequence[Answer]) -> RetryAfter:
    """The one RetryAfter that all of them are."""
    assert answers
    assert all(isinstance(answer, RetryAfter) and answer == answers[0] for answer in answers), answers
    return answers[0]  # type: ignore[return-value]


# -- the table


@pytest.mark.rule("D-sink-http-reply")
def test_all_are_taken(receiver: Receiver, told: Told) -> None:
    made = sink(told, receiver)
    assert deliver(made, items(1, 5)) == [Accepted()] * 5
    assert receiver.ids() == [f"{n:012d}" for n in range(1, 6)]
    request = receiver.requests[0]
    assert request.headers["content-type"] == BATCH
    assert request.events == [one.event for one in items(1, 5)]
    assert request.headers["user-agent"].startswith("whaleware/")
    assert not told.advice


@pytest.mark.rule("D-sink-http-reply")
@pytest.mark.parametrize(
    "answer",
    [Reply(200), Reply(204), Reply(202, b"ok"), Reply(200, b"[1]"), Reply(200, b"{bad"), Reply(201, {"unknown": 1})],
    ids=["empty", "204", "text", "list", "bad", "other"],
)
def test_success_without_the_words_of_a_collector_takes_all(receiver: Receiver, told: Told, answer: Reply) -> None:
    receiver.always = lambda *_: answer
    assert deliver(sink(told, receiver), items(1, 3)) == [Accepted()] * 3


@pytest.mark.rule("D-sink-http-reply")
def test_what_was_there_is_a_duplicate(receiver: Receiver, told: Told) -> None:
    made = sink(told, receiver)
    deliver(made, items(1, 3))
    assert deliver(made, items(1, 3)) == [Accepted(duplicate=True)] * 3
    receiver.always = replying(duplicates=["000000000004"])
    assert deliver(made, items(4, 5)) == [Accepted(duplicate=True), Accepted()]


@pytest.mark.rule("D-sink-http-reply")
def test_acked_to_says_how_far_it_came(receiver: Receiver, told: Told) -> None:
    receiver.always = replying(acked_to=3)
    answers = deliver(sink(told, receiver), items(1, 5))
    assert answers[:3] == [Accepted()] * 3
    assert later(answers[3:]).reason == "the receiver has stored no more than up to 3"
    receiver.always = replying(acked_to="many")
    assert "acked_to" in later(deliver(sink(told, receiver), items(1, 5))).reason


@pytest.mark.rule("D-sink-http-reply")
def test_what_is_rejected_is_told_by_id(receiver: Receiver, told: Told) -> None:
    receiver.always = rejecting("000000000002", reason="no such service")
    assert deliver(sink(told, receiver), items(1, 3)) == [Accepted(), Rejected("no such service"), Accepted()]


@pytest.mark.rule("D-sink-http-reply")
def test_what_the_receiver_asks_for_is_passed_on(receiver: Receiver, told: Told) -> None:
    receiver.always = replying(
        want=[[17, 21], [30, 30], [5, 2], ["a", 1], [0, 1]],
        interval_s=60,
        limits={"max_events": 100, "max_bytes": 4096},
    )
    deliver(sink(told, receiver), items(40, 41))
    want = ((BOOT, 17, 21), (BOOT, 30, 30))
    assert told.advice == [Advice(max_events=100, max_bytes=4096, interval_s=60.0, want=want)]
    receiver.always = replying(max_events=-1, interval_s="soon", want="all", limits=[])
    assert deliver(sink(told, receiver), items(42, 43)) == [Accepted()] * 2
    assert len(told.advice) == 1


@pytest.mark.rule("D-sink-http-400")
def test_one_bad_event_is_found_among_good_ones(receiver: Receiver, told: Told) -> None:
    receiver.always = poisoned("000000000077")
    answers = deliver(sink(told, receiver), items(1, 100))
    assert [n for n, answer in enumerate(answers, 1) if answer != Accepted()] == [77]
    assert answers[76] == Rejected("the receiver refuses it (400)")
    assert len(receiver.ids()) == 99
    assert len(receiver.requests) < 20


@pytest.mark.rule("D-sink-http-400")
def test_a_receiver_that_never_took_anything_is_asked_once_more_in_halves(receiver: Receiver, told: Told) -> None:
    receiver.always = status(400)
    assert deliver(sink(told, receiver), items(1, 100)) == [Rejected("the receiver refuses it (400)")] * 100
    assert [len(request.events) for request in receiver.requests] == [100, 50, 50]


@pytest.mark.rule("D-sink-http-reply")
@pytest.mark.parametrize("code", [402, 412, 422, 451])
def test_other_refusals_are_final(receiver: Receiver, told: Told, code: int) -> None:
    receiver.always = status(code)
    assert deliver(sink(told, receiver), items(1, 1)) == [Rejected(f"the receiver refuses it ({code})")]


@pytest.mark.rule("D-sink-http-reply")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (401, "does not accept our credentials"),
        (403, "does not accept our credentials"),
        (404, "knows nothing at this URL"),
        (405, "does not take this method"),
        (302, "redirects to another place"),
    ],
)
def test_what_people_must_put_right_waits_a_minute(receiver: Receiver, told: Told, code: int, words: str) -> None:
    receiver.always = status(code, location="http://elsewhere.example.org/")
    answer = later(deliver(sink(told, receiver), items(1, 3)))
    assert (answer.seconds, len(receiver.requests)) == (60.0, 1)
    assert words in answer.reason


@pytest.mark.rule("D-sink-http-reply")
@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504, 507])
def test_what_passes_is_tried_again_as_the_engine_likes(receiver: Receiver, told: Told, code: int) -> None:
    receiver.always = status(code)
    answer = later(deliver(sink(told, receiver), items(1, 3)))
    assert answer.seconds is None
    assert f"({code})" in answer.reason


@pytest.mark.rule("D-sink-http-retry-after")
@pytest.mark.parametrize("code", [429, 503, 500])
def test_retry_after_in_seconds_or_as_a_date(receiver: Receiver, told: Told, code: int) -> None:
    receiver.always = status(code, retry_after="17")
    assert later(deliver(sink(told, receiver), items(1, 3))).seconds == 17
    receiver.always = status(code, retry_after=formatdate(time.time() + 90, usegmt=True))
    seconds = later(deliver(sink(told, receiver), items(1, 3))).seconds
    assert seconds is not None
    assert 85 < seconds <= 90
    receiver.always = status(code, retry_after=formatdate(time.time() - 90, usegmt=True))
    assert later(deliver(sink(told, receiver), items(1, 3))).seconds == 0
    for nonsense in ("soon", "-3", "1e9", ""):
        receiver.always = status(code, retry_after=nonsense)
        assert later(deliver(sink(told, receiver), items(1, 3))).seconds is None


@pytest.mark.rule("D-sink-http-reply")
def test_gone_stops(receiver: Receiver, told: Told) -> None:
    receiver.always = status(410)
    later(deliver(sink(told, receiver), items(1, 3)))
    assert told.advice == [Advice(stop=True)]


@pytest.mark.rule("D-sink-http-reply")
def test_too_large_is_halved_down_to_one(receiver: Receiver, told: Told) -> None:
    receiver.always = at_most(3)
    assert deliver(sink(told, receiver), items(1, 20)) == [Accepted()] * 20
    assert receiver.ids() == [f"{n:012d}" for n in range(1, 21)]
    assert told.advice[0].max_events is not None
    assert told.advice[0].max_events <= 5
    receiver.always = status(413)
    assert deliver(sink(told, receiver), items(21, 21)) == [Rejected("the receiver finds it too large (413)")]


@pytest.mark.rule("D-sink-http-reply")
def test_one_event_that_is_too_large_makes_the_batches_of_the_others_no_smaller(receiver: Receiver, told: Told) -> None:
    def not_seven(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        return Reply(413) if b'"id":"000000000007"' in request.body else receiver.take(request)

    receiver.always = not_seven
    answers = deliver(sink(told, receiver), items(1, 20))
    assert [number for number, answer in enumerate(answers, 1) if answer != Accepted()] == [7]
    assert isinstance(answers[6], Rejected)
    assert [advice.max_events for advice in told.advice if advice.max_events] == []


@pytest.mark.rule("D-sink-http-reply")
def test_an_unknown_media_type_falls_back_to_simpler_forms(receiver: Receiver, told: Told) -> None:
    def only_single(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        plain = request.headers["content-type"] == SINGLE and "content-encoding" not in request.headers
        return receiver.take(request) if plain else Reply(415)

    receiver.always = only_single
    made = sink(told, receiver, gzip=True)
    assert deliver(made, items(1, 3)) == [Accepted()] * 3
    assert deliver(made, items(4, 5)) == [Accepted()] * 2
    assert len(receiver.requests) == 7
    assert len(told.log) == 2
    receiver.always = status(415)
    assert later(deliver(made, items(6, 7))).seconds == 60


@pytest.mark.rule("D-sink-http-reply")
def test_a_conflict_is_a_duplicate(receiver: Receiver, told: Told) -> None:
    receiver.always = poisoned("000000000002", code=409)
    assert deliver(sink(told, receiver), items(1, 3)) == [Accepted(), Accepted(duplicate=True), Accepted()]


@pytest.mark.rule("D-sink-http-unsure")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (reset, "Connection reset by peer"),
        (stored_then_reset, "Connection reset by peer"),
        (truncated, "the answer ended before it was complete"),
        (hang, "no complete answer in time"),
        (slow(5), "no complete answer in time"),
        (trickle(0.05), "no complete answer in time"),
    ],
)
def test_without_a_whole_answer_all_are_sent_again(receiver: Receiver, told: Told, fault: Fault, words: str) -> None:
    receiver.always = fault
    made = sink(told, receiver)
    with Stopwatch() as watch:
        answer = later(deliver(made, items(1, 3), 0.6))
    assert watch.seconds < 1.2
    assert words in answer.reason
    receiver.always = None
    assert all(isinstance(one, Accepted) for one in deliver(made, items(1, 3)))
    assert receiver.ids() == [f"{n:012d}" for n in (1, 2, 3)]


@pytest.mark.rule("D-sink-http-unsure")
def test_a_receiver_that_is_not_there(told: Told) -> None:
    made = TYPE.make({"url": f"http://{nobody()}/x"}, told.context)
    assert "Connection refused" in later(deliver(made, items(1, 2))).reason
    assert "Connection refused" in made.reach(time.monotonic() + 2)


@pytest.mark.rule("D-sink-http-unsure")
def test_a_network_that_fails_and_comes_back(receiver: Receiver, told: Told) -> None:
    with FaultProxy(receiver.port) as proxy:
        made = TYPE.make({"url": f"http://127.0.0.1:{proxy.port}/"}, told.context)
        proxy.blackhole = True
        later(deliver(made, items(1, 3), 0.4))
        proxy.reset()
        proxy.blackhole, proxy.refuse = False, True
        later(deliver(made, items(1, 3), 0.4))
        proxy.refuse, proxy.cut_after = False, 40
        later(deliver(made, items(1, 3), 0.4))
        proxy.cut_after, proxy.latency_s = None, 0.05
        assert all(isinstance(one, Accepted) for one in deliver(made, items(1, 3)))
    assert receiver.ids() == [f"{n:012d}" for n in (1, 2, 3)]


@pytest.mark.rule("D-sink-http-order")
def test_after_the_first_that_must_wait_nothing_is_sent(receiver: Receiver, told: Told) -> None:
    receiver.faults += [replying(), status(503)]
    answers = deliver(sink(told, receiver, mode="structured"), items(1, 5))
    assert answers[0] == Accepted()
    later(answers[1:])
    assert len(receiver.requests) == 2


@pytest.mark.rule("D-sink-http-order")
def test_boots_go_in_requests_of_their_own(receiver: Receiver, told: Told) -> None:
    receiver.faults += [replying(acked_to=8, want=[[1, 2]]), replying(acked_to=1)]
    answers = deliver(sink(told, receiver), [*items(7, 8, OTHER), *items(1, 3)])
    assert answers[:3] == [Accepted()] * 3
    later(answers[3:])
    assert [len({event["source"] for event in request.events}) for request in receiver.requests] == [1, 1]
    assert told.advice == [Advice(want=((OTHER, 1, 2),))]


@pytest.mark.rule("D-sink-http-order")
def test_the_deadline_ends_a_row_of_requests(receiver: Receiver, told: Told) -> None:
    # However little a busy machine gives until then: two are answered at once, and the row goes on to the deadline.
    receiver.faults += [replying(), replying()]
    receiver.always = slow(0.12)
    with Stopwatch() as watch:
        answers = deliver(sink(told, receiver, mode="structured"), items(1, 50), 0.5)
    assert watch.elapsed_s >= 0.5
    assert watch.seconds < 0.9
    done = answers.count(Accepted())
    assert 2 <= done < 10
    later(answers[done:])


# -- forms


@pytest.mark.rule("D-sink-http-forms")
def test_structured_and_binary(receiver: Receiver, told: Told) -> None:
    one = item(1, kind="state", state="UP", labels={"a": "b"})
    strange = item(2)
    strange.event["subject"] = 'Müller "50%" & co'  # type: ignore[index]
    deliver(sink(told, receiver, mode="structured"), [one])
    deliver(sink(told, receiver, mode="binary"), [one, strange])
    first, second, third = receiver.requests
    assert (first.headers["content-type"], first.raw) == (SINGLE, one.text)
    assert second.headers["content-type"] == "application/json"
    assert {f"ce-{name}": value for name, value in one.event.items() if name not in ("data", "datacontenttype")} == {
        name: value for name, value in second.headers.items() if name.startswith("ce-")
    }
    assert json.loads(second.raw) == one.event["data"]
    assert third.headers["ce-subject"] == "M%C3%BCller%20%2250%25%22%20&%20co"


@pytest.mark.rule("D-sink-http-forms")
def test_gzip(receiver: Receiver, told: Told) -> None:
    assert deliver(sink(told, receiver, gzip=True), items(1, 50)) == [Accepted()] * 50
    request = receiver.requests[0]
    assert request.headers["content-encoding"] == "gzip"
    assert len(request.raw) < len(request.body) / 5


@pytest.mark.rule("D-sink-http-template")
def test_a_template_makes_any_request(receiver: Receiver, told: Told) -> None:
    receiver.collector = False
    body = {
        "text": "${service}/${instance} is ${data.state} for $$5: ${data.why}",
        "n": "${seq}",
        "labels": "${labels}",
        "none": ["${data.nothing}", "x${data.nothing}y", True],
        "all": "${data}",
    }
    template = {"body": body, "headers": {"X-State": "${data.state} ${data.why}"}}
    url = receiver.url + "/${kind}/${data.why}?id=${id}"
    made = TYPE.make({"url": url, "mode": "template", "method": "PUT", "template": template}, told.context)
    why = 'say "no"\r\n/../?x&é'
    assert deliver(made, [item(7, kind="state", state="DOWN", why=why)]) == [Accepted()]
    request = receiver.requests[0]
    assert request.method == "PUT"
    assert json.loads(request.raw) == {
        "text": f"web/i-1 is DOWN for $5: {why}",
        "n": 7,
        "labels": {"zone": "a"},
        "none": [None, "xy", True],
        "all": {"mono_ms": 7, "state": "DOWN", "why": why},
    }
    assert request.headers["content-type"] == "application/json"
    assert request.path == "/v1/events/state/say%20%22no%22%0D%0A%2F..%2F%3Fx%26%C3%A9?id=000000000007"
    assert request.headers["x-state"].encode("latin-1").decode() == 'DOWN say "no"  /../?x&é'


@pytest.mark.rule("D-sink-http-template")
def test_a_template_may_be_a_text(receiver: Receiver, told: Told) -> None:
    settings = {"mode": "template", "template": {"body": "state ${data.state}\n", "content_type": "text/x-line"}}
    deliver(sink(told, receiver, **settings), [item(1, state="UP")])
    assert (receiver.requests[0].raw, receiver.requests[0].headers["content-type"]) == (b"state UP\n", "text/x-line")


@pytest.mark.rule("D-sink-http-template", "D-sink-http-settings")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"url": "http://h.example.org/", "mode": "template", "template": {"body": "${foo.bar}"}},
            "template.body: .*foo.bar",
        ),
        ({"url": "http://h.example.org/", "mode": "template", "template": {"body": {"a": ["$x"]}}}, "begins no"),
        ({"url": "http://${data.host}/", "mode": "template", "template": {"body": ""}}, "cannot stand for the host"),
        ({"url": "http://user:abcdef@h.example.org/"}, "url: .*a user name or password does not belong"),
        ({"url": "http://h.example.org/", "headers": {"Content-Type": "x"}}, "Content-Type is set by the sink itself"),
        ({"url": "http://h.example.org/", "secret_headers": {"a b": "x"}}, "cannot be the name of a header"),
        ({"url": "http://h.example.org/", "bearer": "abcdef", "basic": {"user": "a", "password": "b"}}, "choose one"),
        ({"url": "http://h.example.org/", "tls": {"key_file": "/k"}}, "a key alone"),
    ],
)
def test_what_no_schema_sees_is_said_before_anything_is_sent(settings: dict[str, Any], words: str, told: Told) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        TYPE.make(settings, told.context)
    assert "abcdef" not in str(caught.value)


# -- who we are


@pytest.mark.rule("D-sink-http-credentials")
def test_a_token_is_read_for_each_request(receiver: Receiver, told: Told) -> None:
    told.secrets["token"] = "first"
    made = sink(told, receiver, bearer={"$secret": "token"})
    deliver(made, items(1, 1))
    told.secrets["token"] = "second"
    deliver(made, items(2, 2))
    assert [request.headers["authorization"] for request in receiver.requests] == ["Bearer first", "Bearer second"]


@pytest.mark.rule("D-sink-http-credentials")
def test_after_401_a_rotated_token_is_used_at_once(receiver: Receiver, told: Told) -> None:
    def wants_new(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        told.secrets["token"] = "new"
        return receiver.take(request) if request.headers["authorization"] == "Bearer new" else Reply(401)

    told.secrets["token"] = "old"
    receiver.always = wants_new
    assert deliver(sink(told, receiver, bearer={"$secret": "token"}), items(1, 2)) == [Accepted()] * 2


@pytest.mark.rule("D-sink-http-credentials")
def test_a_secret_that_is_missing_is_waited_for(receiver: Receiver, told: Told) -> None:
    made = sink(told, receiver, bearer={"$secret": "token"})
    assert "$secret reference token" in later(deliver(made, items(1, 2))).reason
    assert "$secret reference token" in made.reach(time.monotonic() + 1)
    told.secrets["token"] = "abcdef\nX-Injected: 1"
    answer = later(deliver(made, items(1, 2)))
    assert "Authorization" in answer.reason
    assert "abcdef" not in answer.reason
    assert not receiver.requests
    told.secrets["token"] = "abcdef"
    assert deliver(made, items(1, 2)) == [Accepted()] * 2


@pytest.mark.rule("D-sink-http-credentials")
def test_headers_basic_and_the_url_may_be_secret(receiver: Receiver, told: Told) -> None:
    told.secrets |= {"key": "abcdef", "url": receiver.url + "/hidden", "password": "pä:ss"}
    settings = {
        "secret_url": {"$secret": "url"},
        "headers": {"X-Team": "blue"},
        "secret_headers": {"X-Api-Key": {"$secret": "key"}},
        "basic": {"user": "me", "password": {"$secret": "password"}},
    }
    deliver(TYPE.make(settings, told.context), items(1, 1))
    request = receiver.requests[0]
    assert request.path == "/v1/events/hidden"
    assert (request.headers["x-team"], request.headers["x-api-key"]) == ("blue", "abcdef")
    assert request.headers["authorization"] == "Basic bWU6cMOkOnNz"


@pytest.mark.rule("D-sink-http-signature")
@pytest.mark.parametrize("packed", [False, True])
def test_a_receiver_can_check_the_signature(receiver: Receiver, told: Told, packed: bool) -> None:
    told.secrets["key"] = "s3cret"
    deliver(sink(told, receiver, hmac_key={"$secret": "key"}, gzip=packed), items(1, 3))
    request = receiver.requests[0]
    fields = dict(part.split("=", 1) for part in request.headers["ww-signature"].split(","))
    signed = fields["t"].encode() + b"." + request.raw
    assert fields["v1"] == hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert abs(time.time() - int(fields["t"])) < 10


@pytest.mark.rule("D-sink-http-idempotency")
def test_the_same_events_have_the_same_idempotency_key(receiver: Receiver, told: Told) -> None:
    made = sink(told, receiver)
    for batch in (items(1, 3), items(1, 3), items(1, 2), items(1, 1), [item(1), item(3)], items(1, 3, OTHER)):
        deliver(made, batch)
    keys = [request.headers["idempotency-key"] for request in receiver.requests]
    assert keys[0] == keys[1] == f"{BOOT}-1-3-3"
    assert len(set(keys)) == 5
    assert keys[3] == f"{BOOT}-1"


@pytest.mark.rule("D-sink-http-clocks")
def test_both_clocks_are_compared(receiver: Receiver, told: Told) -> None:
    def ahead(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        reply = json.loads(receiver.take(request).encoded())
        sent = int(request.headers["ww-sent"])
        return Reply(200, {**reply, "server_time": time.time() * 1000 + 5000, "echo_time": sent})

    receiver.always = ahead
    made = sink(told, receiver)
    deliver(made, items(1, 1))
    deliver(made, items(2, 2))
    receiver.always = replying(server_time=5, echo_time=7)
    deliver(made, items(3, 3))
    deliver(made, items(4, 4))
    first, second, _, fourth = receiver.requests
    assert abs(int(fourth.headers["ww-clock-offset"]) - 5000) < 200, "an answer to another request says nothing"
    assert abs(int(first.headers["ww-sent"]) - time.time() * 1000) < 5000
    assert "ww-clock-offset" not in first.headers
    assert abs(int(second.headers["ww-clock-offset"]) - 5000) < 200
    assert 0 <= int(second.headers["ww-clock-rtt"]) < 2000


@pytest.mark.rule("D-sink-http-tls")
def test_mutual_tls_and_a_wrong_certificate(tmp_path: Path, told: Told) -> None:
    ca, clients, other = Authority(tmp_path / "a"), Authority(tmp_path / "b"), Authority(tmp_path / "c")
    cert, key = clients.client()
    with Receiver(context=ca.server(clients=clients)) as receiver:
        good = {"ca_file": ca.ca_file, "cert_file": cert, "key_file": key}
        assert deliver(sink(told, receiver, tls=good), items(1, 2)) == [Accepted()] * 2
        wrong = {**good, "ca_file": other.ca_file}
        assert "certificate is not accepted" in later(deliver(sink(told, receiver, tls=wrong), items(3, 4))).reason
        later(deliver(sink(told, receiver, tls={"ca_file": ca.ca_file}), items(3, 4)))
        assert len(receiver.requests) == 1
        assert not told.log
        assert deliver(sink(told, receiver, tls={**good, "verify": False}), items(3, 4)) == [Accepted()] * 2
        assert "not checked" in told.log[0]


@pytest.mark.rule("D-sink-http-credentials")
def test_no_secret_is_in_any_word(receiver: Receiver, told: Told) -> None:
    hidden = "abcdef-hidden"
    told.secrets |= {
        "one": hidden,
        "url": f"{receiver.url}/{hidden}?{hidden}",
        "proxy": f"http://u:{hidden}@127.0.0.1:1",
    }
    settings: dict[str, Any] = {
        "secret_url": {"$secret": "url"},
        "bearer": {"$secret": "one"},
        "secret_headers": {"X-Key": {"$secret": "one"}},
        "hmac_key": {"$secret": "one"},
    }
    made = TYPE.make(settings, told.context)
    said = [repr(made), str(vars(made))]
    for fault in (
        status(401),
        status(400),
        status(500),
        status(415),
        status(307, location=f"/{hidden}"),
        reset,
        hang,
        truncated,
    ):
        receiver.always = fault
        said += [repr(deliver(made, items(1, 2), 0.4)), made.reach(time.monotonic() + 0.4)]
    proxied = TYPE.make({**settings, "proxy": {"$secret": "proxy"}}, told.context)
    said += [repr(deliver(proxied, items(1, 2))), *told.log]
    told.secrets["url"] = f"http://u:{hidden}@h.example.org/"
    said.append(repr(deliver(made, items(1, 2))))
    assert hidden not in " ".join(said)


@pytest.mark.rule("D-sink-http-reach")
def test_whether_it_can_be_reached(receiver: Receiver, told: Told) -> None:
    made = sink(told, receiver, bearer="abcdef")
    for fault, words in (
        (status(200), ""),
        (status(405), ""),
        (status(501), ""),
        (status(401), "does not accept our credentials"),
        (status(404), "knows nothing"),
        (status(503), "is busy"),
        (hang, "no complete answer"),
    ):
        receiver.always = fault
        said = made.reach(time.monotonic() + (0.4 if fault is hang else 5))
        assert (words in said) if words else said == ""
    assert [line for line in told.log if "credentials" in line] == [
        f"credentials not checked: the receiver answers HEAD with {code}" for code in (405, 501)
    ]
    assert {request.method for request in receiver.requests} == {"HEAD"}
    assert not any(request.raw for request in receiver.requests)
