"""Whatever a receiver answers and whatever an event holds: each event has one answer, and no value leaves its place."""

from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.items import BOOT, item, items
from ww.sinks.base import Accepted, Origin, Rejected, RetryAfter
from ww.sinks.elasticsearch import bulk
from ww.sinks.http import forms as http_forms
from ww.sinks.http import template
from ww.sinks.over_http.verdicts import Verdict, judge, read_reply, retry_after

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
IDS = st.integers(0, 12).map(lambda n: f"{n:012d}") | st.integers(-3, 12) | st.text(max_size=3)
REPLY = st.fixed_dictionaries(
    {},
    optional={
        "acked_to": st.integers(-3, 12) | JSON,
        "rejected": st.lists(st.fixed_dictionaries({"id": IDS}, optional={"reason": JSON}), max_size=4) | JSON,
        "duplicates": st.integers(-1, 6) | st.lists(IDS, max_size=4) | JSON,
        "want": st.lists(st.lists(st.integers(-3, 12), max_size=3), max_size=4) | JSON,
        "limits": JSON,
        "max_events": st.integers() | JSON,
        "max_bytes": st.integers() | JSON,
        "interval_s": st.floats() | JSON,
        "server_time": JSON,
        "echo_time": JSON,
    },
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.rule("D-sink-http-reply")
@given(REPLY | JSON)
def test_any_reply_gives_each_event_one_answer(reply: object) -> None:
    read = read_reply(items(1, 5), json.dumps(reply).encode())
    assert len(read.answers) == 5
    assert all(isinstance(answer, (Accepted, RetryAfter, Rejected)) for answer in read.answers)
    if read.advice is not None:
        assert all(boot == BOOT and 1 <= first <= last for boot, first, last in read.advice.want)
        assert (read.advice.max_events or 1) >= 1
        assert (read.advice.max_bytes or 1) >= 1
        assert (read.advice.interval_s or 1) > 0


@pytest.mark.rule("D-sink-http-reply")
@given(st.binary(max_size=60))
def test_any_bytes_do(body: bytes) -> None:
    assert len(read_reply(items(1, 3), body).answers) == 3
    assert len(bulk.read_items(body, 3)) == 3


@pytest.mark.rule("D-sink-http-reply")
@given(st.integers(200, 599), TEXT)
def test_every_status_has_a_verdict_and_words(code: int, header: str) -> None:
    judgement = judge(code, {"retry-after": header, "Retry-After": header}, 1e9)
    assert judgement.verdict is Verdict.TAKEN or str(code) in judgement.words
    assert judgement.after_s is None or judgement.after_s >= 0


@pytest.mark.rule("D-sink-http-retry-after")
@given(TEXT | st.integers().map(str) | st.dates().map(lambda day: day.strftime("%a, %d %b %Y 10:00:00 GMT")))
def test_any_retry_after_is_seconds_or_nothing(value: str) -> None:
    seconds = retry_after(value, 1e9)
    assert seconds is None or seconds >= 0


@pytest.mark.rule("D-sink-elasticsearch-items")
@given(
    st.fixed_dictionaries(
        {"errors": st.booleans(), "items": st.lists(JSON | st.fixed_dictionaries({"create": JSON}), max_size=4) | JSON}
    )
)
def test_any_bulk_answer_gives_each_event_one_answer(said: object) -> None:
    assert len(bulk.read_items(json.dumps(said).encode(), 3)) == 3


@pytest.mark.rule("D-sink-http-template")
@given(TEXT, JSON)
def test_no_value_leaves_its_place(text: str, other: object) -> None:
    one = item(1, text=text, other=other)
    made = http_forms.Template(
        {"a": "x${data.text}y", "b": "${data.text}", "c": ["${data.other}"], "${kind}": 1},
        "application/json",
        {"X": "<${data.text}>"},
        Origin("web", "i-1", BOOT),
    ).form("http://h.example.org/a/${data.text}/b?c=${data.text}#d", one)
    body = json.loads(made.body)
    assert (body["a"], body["b"]) == (f"x{text}y", text)
    assert json.dumps(body["c"]) == json.dumps([other])
    assert set(body) == {"a", "b", "c", "${kind}"}
    parts = urlsplit(made.url)
    assert (parts.netloc, parts.fragment, len(parts.path.split("/"))) == ("h.example.org", "d", 4)
    assert unquote(parts.path.split("/")[2]) == text
    assert unquote(parts.query.removeprefix("c=")) == text
    header = made.headers["X"]
    assert not any(character < " " or character == "\x7f" for character in header)


@pytest.mark.rule("D-sink-http-template")
@given(TEXT)
def test_a_text_is_a_template_or_has_a_fault(text: str) -> None:
    if not template.fault(text):
        template.as_text(text, {})
    assert not template.fault(text.replace("$", "$$"))
    assert template.as_text(text.replace("$", "$$"), {}) == text


@pytest.mark.rule("D-sink-http-forms")
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_a_batch_is_what_its_events_are(texts: list[str]) -> None:
    row = [item(n, text=text) for n, text in enumerate(texts, 1)]
    assert json.loads(http_forms.batch("http://h/", row).body) == [one.event for one in row]
    for one in row:
        one.event["subject"] = one.event["data"]["text"]  # type: ignore[index,call-overload]
        header = http_forms.binary("http://h/", one).headers["ce-subject"]
        assert header.isascii()
        assert unquote(header) == one.event["subject"]
        action, document = bulk.lines(one).splitlines()
        assert json.loads(action) == {"create": {"_id": f"{BOOT}-{one.seq}"}}
        assert json.loads(document)["data"] == one.event["data"]
