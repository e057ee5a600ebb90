"""/metrics: documented, and understood by Prometheus's own parsers in both languages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from tests.support.paths import REPO
from ww.events.wire import STATES
from ww.reporting.known import Known
from ww.reporting.metrics import MOST_OF_MONITOR, Metrics, numbers

OPEN = "application/openmetrics-text; version=1.0.0"
HELLO = {
    "service": 'sh"op\\\n',
    "instance": "a",
    "boot": "b" * 32,
    "boot_no": 7,
    "volume": None,
    "labels": {"region": "eu", "a-b.c": "x"},
}
SAMPLE: dict[str, Any] = {
    "processes": 3,
    "start_time_ms": 1_700_000_000_500,
    "cpu_ms": 1500,
    "cpu_percent": 3.0,
    "rss_bytes": 1,
    "pss_bytes": 1,
    "threads": 4,
    "fds": 9,
    "oom_kills": 1,
    "cgroup": {
        "cpu_ms": 2500,
        "throttled_ms": 1,
        "throttled_periods": 1,
        "periods": 2,
        "cpu_limit_percent": 150.0,
        "memory_bytes": 5,
        "memory_limit_bytes": 6,
        "memory_peak_bytes": 6,
        "memory_reclaimable_bytes": 1,
        "processes": 3,
        "processes_limit": 9,
    },
    "data": {"total_bytes": 9, "used_bytes": 5, "free_bytes": 4, "used_percent": 55.0, "inodes": 5, "inodes_free": 4},
    "pressure": {"of": "cgroup", "cpu_some_percent": 1.5, "io_full_percent": 0.5},
    "network": {"received_bytes": 8, "sent_bytes": 9},
    "spool": {"depth": 3, "oldest_ms": 1500},
}
SINK = {"type": "http", "state": "delivering", "depth": 3, "delivered": 5, "rejected": 1, "retried": 2}


def full() -> Known:
    known = Known(HELLO, 30)
    known.heard(
        {
            "t": "state",
            "state": "UP",
            "ready": True,
            "words": "UP, healthy",
            "since_ms": 1_700_000_000_000,
            "was_up": True,
            "restarts": 2,
            "entered": {"UP": 3, "BOOT": 1},
            "spent_ms": {"BOOT": 1500},
        }
    )
    known.heard({"t": "health", "healthy": True, "monitor": {"db": {"size": 5, "ok": True}, "name": "x"}})
    known.sample = SAMPLE
    known.sinks = lambda: {"main": SINK, "broken": {"type": "etcd", "state": "unusable"}}
    return known


def values(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_plain(page.decode())
        for sample in family.samples
    }


@pytest.mark.rule("D-probe-metrics")
def test_the_page_says_what_is_known() -> None:
    page, kind = Metrics(full()).page("")
    assert kind.startswith("text/plain")
    found = values(page)
    assert found["ww_state", (("state", "UP"),)] == 1
    assert sum(value for (name, _), value in found.items() if name == "ww_state") == 1
    assert {labels[0][1] for name, labels in found if name == "ww_state"} == {name.upper() for name in STATES}
    assert found["ww_boots_total", ()] == 7
    assert found["ww_restarts_total", ()] == 2
    assert found["ww_state_entered_total", (("state", "UP"),)] == 3
    assert found["ww_state_seconds_total", (("state", "BOOT"),)] == 1.5
    assert found["ww_start_time_seconds", ()] == 1_700_000_000.5
    assert found["ww_cpu_seconds_total", ()] == 1.5
    assert found["ww_cgroup_cpu_limit_cores", ()] == 1.5
    assert found["ww_spool_oldest_seconds", ()] == 1.5
    assert found["ww_health_db_size", ()] == 5
    assert found["ww_health_db_ok", ()] == 1
    assert found["ww_pressure_ratio", (("kind", "some"), ("of", "cgroup"), ("resource", "cpu"))] == 0.015
    assert found["ww_sink_delivered_total", (("sink", "main"), ("type", "http"))] == 5
    assert found["ww_sink_delivering", (("sink", "broken"), ("type", "etcd"))] == 0
    info = next(dict(labels) for name, labels in found if name == "ww_info")
    assert (info["service"], info["label_region"], info["label_a_b_c"]) == ('sh"op\\\n', "eu", "x")


@pytest.mark.rule("D-probe-metrics")
def test_openmetrics_is_given_to_whoever_wants_it() -> None:
    page, kind = Metrics(full()).page(OPEN)
    assert kind.startswith("application/openmetrics-text")
    families = {family.name: family for family in parse_open(page.decode())}
    assert families["ww_boots"].type == "counter"
    assert families["ww"].type == "info"
    assert page.endswith(b"# EOF\n")


@pytest.mark.rule("D-probe-metrics")
def test_what_is_not_known_is_not_there() -> None:
    page, _ = Metrics(Known({"service": "s"}, 30)).page("")
    names = {name for name, _ in values(page)}
    assert not {name for name in names if name.startswith(("ww_cgroup", "ww_data", "ww_sink", "ww_spool", "ww_health"))}
    assert not {"ww_boots_total", "ww_start_time_seconds", "ww_cpu_seconds_total", "ww_processes"} & names


@pytest.mark.rule("D-probe-metrics")
def test_each_metric_is_documented_and_each_documented_one_is_there() -> None:
    text = (REPO / "docs/probes.md").read_text()
    documented = set(re.findall(r"^\| `(ww_[a-z_]+)", text, re.MULTILINE)) - {"ww_health_"}
    page, _ = Metrics(full()).page("")
    assert {name for name, _ in values(page) if not name.startswith("ww_health_")} == documented


@pytest.mark.rule("D-probe-monitor-numbers")
def test_numbers_are_bounded_in_count_and_names_are_made_fit() -> None:
    many = {f"n{index}": index for index in range(10 * MOST_OF_MONITOR)}
    assert len(list(numbers(many))) == MOST_OF_MONITOR
    odd = {"a b": 1, "a.b": 2, "9": 3, "hits_total": 4, "": 5, "x": None, "y": [1], "z": "1", "big": 10**400, "f": 1.5}
    assert dict(numbers(odd)) == {
        "ww_health_a_b": 1.0,
        "ww_health_9": 3.0,
        "ww_health_hits_total_value": 4.0,
        "ww_health_": 5.0,
        "ww_health_f": 1.5,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.timeout(30)
@pytest.mark.rule("D-probe-monitor-numbers")
@given(monitor=st.dictionaries(st.text(max_size=12), JSON, max_size=6), labels=st.dictionaries(st.text(), st.text()))
def test_whatever_a_monitor_prints_both_parsers_take_it(monitor: dict[str, Any], labels: dict[str, str]) -> None:
    known = full()
    known.hello = {**HELLO, "labels": labels}
    known.heard({"t": "health", "healthy": True, "monitor": json.loads(json.dumps(monitor))})
    metrics = Metrics(known)
    plain = {name for name, _ in values(metrics.page("")[0])}
    assert {name for name, _ in numbers(monitor)} <= plain
    list(parse_open(metrics.page(OPEN)[0].decode()))
