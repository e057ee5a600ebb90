"""docs/events.md shows what is sent, and its schema describes it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.goldens import goldens
from tests.support.paths import REPO
from ww.config.validate import faults, schema_fault
from ww.events.tidying import _WORDS as WORDS
from ww.events.wire import STATES, TYPES, VERSION
from ww.sinks.delivery.wants import GONE

PAGE = (REPO / "docs" / "events.md").read_text()
SCHEMA: dict[str, Any] = json.loads((REPO / "docs" / "schemas" / "event.schema.json").read_text())


@pytest.mark.rule("D-wire-golden")
def test_the_events_on_the_page_are_those_of_a_scripted_instance_to_the_byte() -> None:
    done = subprocess.run([sys.executable, "-P", REPO / "scripts" / "events-doc", "--check"], check=False, cwd=REPO)
    assert done.returncode == 0, "run scripts/events-doc"


@pytest.mark.rule("D-wire-golden")
def test_the_event_as_it_is_sent_stands_on_the_page(tmp_path: Path) -> None:
    assert f"\n{goldens(str(tmp_path))['up'].text.decode()}\n" in PAGE


@pytest.mark.rule("D-wire-golden")
def test_every_type_has_a_golden_on_the_page() -> None:
    shown = set(re.findall(rf'"type": "{re.escape(TYPES)}(\w+){re.escape(VERSION)}"', PAGE))
    assert shown == {*STATES, "health", "gap", "notice"}
    listed = re.search(r"WHAT is one of (.*?) \|", PAGE)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == shown


@pytest.mark.rule("D-wire-schema")
def test_every_golden_satisfies_the_schema(tmp_path: Path) -> None:
    assert schema_fault(SCHEMA) is None
    for name, one in goldens(str(tmp_path)).items():
        assert [str(fault) for fault in faults(one.event, SCHEMA)] == [], name
        assert json.loads(one.text) == one.event


@pytest.mark.rule("D-wire-schema")
@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"specversion": "0.3"}, ("specversion",)),
        ({"id": "4"}, ("id",)),
        ({"time": "2026-11-25T10:00:34+01:00"}, ("time",)),
        ({"type": "dev.whaleware.instance.sleeping.v1"}, ("type",)),
        ({"subject": "a\nb"}, ("subject",)),
        ({"mono_ms": 2**31}, ("mono_ms",)),
        ({"monoms": 2**31}, ("monoms",)),
        ({"expirytime": "2026-11-25T10:00:34.000Z"}, ()),
        ({"data": {"mono_ms": 1, "state": "UP"}}, ("data",)),
    ],
)
def test_the_schema_refuses_what_is_no_event(tmp_path: Path, change: dict[str, Any], path: tuple[str, ...]) -> None:
    event = {**goldens(str(tmp_path))["up"].event, **change}
    assert path in {fault.path for fault in faults(event, SCHEMA)}


@pytest.mark.rule("D-wire-schema")
def test_every_reason_of_a_gap_is_on_the_page_and_in_the_schema() -> None:
    section = PAGE.split("\n## Gap\n", 1)[1].split("\n## ", maxsplit=1)[0]
    listed = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) - {"reason"}
    assert listed == set(SCHEMA["$defs"]["gap"]["properties"]["reason"]["enum"])
    sources = "".join(path.read_text() for path in (REPO / "ww" / "events").glob("*.py"))
    written = {*re.findall(r'gap_of\(\s*"([^"]+)"', sources), *re.findall(r'"reason": "([^"]+)"', sources)}
    assert listed == {*written, *WORDS, GONE}


@pytest.mark.rule("D-wire-schema")
def test_a_gap_of_whole_boots_satisfies_the_schema() -> None:
    gap = {"reason": "missing", "boot_no": 3, "boot": None, "from": None, "to": None, "boots": 2, "mono_ms": 5}
    assert faults(gap, {**SCHEMA["$defs"]["gap"], "$defs": SCHEMA["$defs"]}) == []


@pytest.mark.rule("D-wire-schema")
def test_unknown_attributes_and_members_of_data_are_allowed(tmp_path: Path) -> None:
    event = goldens(str(tmp_path))["up"].event
    event = {**event, "traceparent": "00-x", "sampledrate": 3, "data": {**event["data"], "later": {"x": 1}}}
    assert faults(event, SCHEMA) == []
