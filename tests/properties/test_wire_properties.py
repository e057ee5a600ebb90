"""The wire, whatever stands in the journal."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.paths import REPO
from ww.config.validate import faults
from ww.events.model import Event
from ww.events.segment import FRAME, encode_event
from ww.events.spool import parse_event
from ww.events.wire import KINDS, Boot, Wire

SCHEMA: dict[str, Any] = json.loads((REPO / "docs" / "schemas" / "event.schema.json").read_text())

ANY_TEXT = st.text(max_size=30) | st.sampled_from(["caf\udce9", "\ud800", "tab\t\x00\x85"])
"""With lone surrogates, as file names have that are no UTF-8."""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)
STATE = st.fixed_dictionaries(
    {
        "service": ANY_TEXT,
        "instance": ANY_TEXT,
        "host": ANY_TEXT,
        "volume": st.none() | ANY_TEXT,
        "boot_no": st.integers(0, 10**9),
        "state": st.sampled_from(
            ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "RESTARTING", "STOPPING", "STOPPED", "ERROR"]
        ),
        "previous": st.none() | st.sampled_from(["BOOT", "UP"]),
        "previous_ms": st.integers(0, 2**53),
        "restarts": st.integers(0, 10**6),
        "image_version": ANY_TEXT,
        "data_version": ANY_TEXT,
    },
    optional={"reason": ANY_TEXT, "detail": st.dictionaries(ANY_TEXT, JSON, max_size=3)},
)
HEALTH = st.fixed_dictionaries(
    {"healthy": st.booleans(), "monitor": st.dictionaries(ANY_TEXT, JSON, max_size=4), "ww": st.just({})},
    optional={"interval_ms": st.integers(1, 10**9)},
)
NOTICE = st.fixed_dictionaries(
    {"about": ANY_TEXT, "words": ANY_TEXT, "detail": st.dictionaries(ANY_TEXT, JSON, max_size=3)}
)
OTHER = st.tuples(
    st.sampled_from(["internal_error", "journal", "from_a_later_ww"]), st.fixed_dictionaries({"error": ANY_TEXT})
)
EVENTS = st.one_of(
    st.tuples(st.just("state"), STATE),
    st.tuples(st.just("health"), HEALTH),
    st.tuples(st.just("notice"), NOTICE),
    OTHER,
)
TIMES = st.integers(0, 253402300799999 - 3 * 10**9)


@pytest.mark.rule("D-wire-schema", "D-wire-pure")
@given(
    found=EVENTS,
    seq=st.integers(1, 10**12 - 1),
    wall_ms=TIMES,
    mono_ms=st.integers(0, 2**53),
    service=ANY_TEXT.filter(bool),
    instance=ANY_TEXT.filter(bool),
)
@settings(max_examples=300, deadline=None)
def test_what_is_journalled_becomes_a_cloudevent_that_is_the_same_for_every_sender(
    found: Any, seq: int, wall_ms: int, mono_ms: int, service: str, instance: str
) -> None:
    kind, data = found
    record = encode_event(Event(seq, kind, wall_ms, mono_ms, data))[FRAME.size :]
    event = parse_event(record)
    assert event is not None
    wire = Wire(Boot(service, instance, "b00t"))
    first = wire.wired(event)
    assert faults(first.event, SCHEMA) == []
    assert first.kind in KINDS
    assert json.loads(first.text.decode("utf-8", "strict")) == first.event
    assert list(json.loads(first.text)) == list(first.event)
    assert b"\n" not in first.text
    assert json.dumps(first.event, ensure_ascii=False).encode("utf-8", "strict")
    wire.wired(Event(seq, "health", (wall_ms * 7) % 10**13, 1, {"interval_ms": 77}))
    again = parse_event(record)
    assert again is not None
    assert wire.wired(again).text == first.text
    assert Wire(Boot(service, instance, "b00t")).wired(again).text == first.text


@pytest.mark.rule("D-wire-pure")
def test_health_expires_three_intervals_later_and_nothing_else_does() -> None:
    wire = Wire(Boot("s", "i", "b"))
    made = wire.wired(Event(1, "health", 1_700_000_000_000, 5, {"healthy": True, "interval_ms": 30_000})).event
    assert (made["time"], made["expirytime"]) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:14:50.000Z")
    assert "expirytime" not in wire.wired(Event(2, "state", 1, 1, {"state": "UP", "interval_ms": 30_000})).event
    assert "expirytime" not in wire.wired(Event(3, "health", 1, 1, {"healthy": True})).event


@pytest.mark.rule("D-wire-pure")
def test_a_state_that_lost_its_data_and_kinds_of_a_later_journal_are_notices() -> None:
    wire = Wire(Boot("s", "i", "b"))
    cut = wire.wired(Event(1, "state", 1, 1, {"cut": True, "bytes": 99999, "head": "{"}))
    assert (cut.kind, cut.event["type"], cut.event["data"]["about"]) == (
        "notice",
        "dev.whaleware.instance.notice.v1",
        "state",
    )
    later = wire.wired(Event(2, "weather", 1, 1, {"rain": True}))
    assert later.event["data"] == {"about": "weather", "words": "weather", "rain": True, "mono_ms": 1}


def test_a_hundred_thousand_envelopes_a_second_are_within_reach() -> None:
    """The figure itself is measured by bench; here, that no careless line makes it ten times slower."""
    wire = Wire(Boot("s", "i", "b"))
    events = [
        Event(n, "health", 1_700_000_000_000 + n, n, {"healthy": True, "monitor": {"a": n}}) for n in range(5_000)
    ]
    began = time.process_time()
    for event in events:
        wire.wired(event)
    assert time.process_time() - began < 0.5
