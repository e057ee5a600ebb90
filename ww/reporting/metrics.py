"""`/metrics`: what is known of the instance, for Prometheus, as text or as OpenMetrics (docs/probes.md names each one)."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder

from ww import __version__
from ww.events.wire import STATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from ww.reporting.known import Known

MOST_OF_MONITOR = 200
"""Numbers of a monitor that become metrics; more are left out, in the order in which it printed them."""
_LONGEST_NAME = 120
_RESERVED = ("_total", "_created", "_bucket", "_count", "_sum", "_info", "_gcount", "_gsum")
_SINK_COUNTERS = {
    "delivered": "Events that the receiver has.",
    "duplicates": "Events that the receiver had already.",
    "retried": "Answers that said: not now.",
    "rejected": "Events that the receiver will never take.",
    "calls": "Calls of the sink.",
    "failures": "Calls that achieved nothing.",
    "faults": "Calls by which the sink broke its contract.",
    "late": "Calls that came back after their deadline.",
    "bytes": "Bytes of the events handed to the sink.",
    "resent": "Events that the receiver asked for again.",
}
_GAUGES = {
    "processes": ("processes", 1, "Processes of the instance."),
    "threads": ("threads", 1, "Threads of the instance."),
    "fds": ("open_fds", 1, "Descriptors that the instance has open."),
    "rss_bytes": ("resident_memory_bytes", 1, "Resident memory, what is shared counted for each process."),
    "pss_bytes": ("proportional_memory_bytes", 1, "Resident memory, what is shared divided by those who share it."),
    "cgroup.memory_bytes": ("cgroup_memory_bytes", 1, "Memory of the cgroup, page cache included."),
    "cgroup.memory_limit_bytes": ("cgroup_memory_limit_bytes", 1, "Memory that the cgroup may have."),
    "cgroup.memory_peak_bytes": ("cgroup_memory_peak_bytes", 1, "The most memory that the cgroup ever had."),
    "cgroup.memory_reclaimable_bytes": ("cgroup_memory_reclaimable_bytes", 1, "Page cache that can be dropped."),
    "cgroup.cpu_limit_percent": ("cgroup_cpu_limit_cores", 100, "CPUs that the cgroup may use."),
    "cgroup.processes": ("cgroup_processes", 1, "Tasks in the cgroup."),
    "cgroup.processes_limit": ("cgroup_processes_limit", 1, "Tasks that the cgroup may have."),
    "data.total_bytes": ("data_size_bytes", 1, "Size of the file system of the data."),
    "data.used_bytes": ("data_used_bytes", 1, "What is used of it."),
    "data.free_bytes": ("data_free_bytes", 1, "What may still be written to it."),
    "data.inodes": ("data_inodes", 1, "Inodes of the file system of the data."),
    "data.inodes_free": ("data_inodes_free", 1, "Inodes that are free."),
    "spool.depth": ("spool_events", 1, "Events that the slowest sink has not taken."),
    "spool.oldest_ms": ("spool_oldest_seconds", 1000, "Age of the oldest event that a sink has not taken."),
}
_COUNTERS = {
    "cpu_ms": ("cpu_seconds", 1000, "CPU time of the instance."),
    "oom_kills": ("oom_kills", 1, "Processes that the kernel killed in the cgroup for want of memory."),
    "cgroup.cpu_ms": ("cgroup_cpu_seconds", 1000, "CPU time of the cgroup."),
    "cgroup.throttled_ms": ("cgroup_throttled_seconds", 1000, "Time for which the cgroup was kept from the CPU."),
    "cgroup.throttled_periods": ("cgroup_throttled_periods", 1, "Periods in which it was."),
    "cgroup.periods": ("cgroup_periods", 1, "Periods there were."),
    "network.received_bytes": ("network_received_bytes", 1, "Bytes received, the loopback left out."),
    "network.sent_bytes": ("network_sent_bytes", 1, "Bytes sent, the loopback left out."),
}


class Metrics:
    """Collected anew for each scrape; nothing is kept between two of them."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self, accept: str) -> tuple[bytes, str]:
        """(the page, its content type) as `accept` wants it."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Everything."""
        known = self._known
        yield from _of_identity(known.hello, known.sample)
        yield from _of_states(known.state, known.ready()[0], known.live()[0])
        yield from _of_health(known.health)
        yield from _of_sample(known.sample)
        yield from _of_sinks(known.sinks())


def _of_identity(hello: Mapping[str, Any], sample: Mapping[str, Any]) -> Iterator[Metric]:
    texts = {name: _text(hello.get(name) or "") for name in ("service", "instance", "boot", "volume")}
    labels: Any = hello.get("labels") or {}
    named = {f"label_{_word(str(name))}": _text(value) for name, value in labels.items()}
    yield InfoMetricFamily("ww", "The instance and its labels.", {**texts, **named, "version": __version__})
    if hello.get("boot_no"):
        yield CounterMetricFamily("ww_boots", "Boots of this volume, this one included.", value=hello["boot_no"])
    started = sample.get("start_time_ms")
    if isinstance(started, int):
        yield GaugeMetricFamily("ww_start_time_seconds", "When ww run was started (Unix time).", value=started / 1000)


def _of_states(state: Mapping[str, Any], ready: bool, live: bool) -> Iterator[Metric]:
    entered = CounterMetricFamily("ww_state_entered", "How often a state was entered in this boot.", labels=["state"])
    spent = CounterMetricFamily("ww_state_seconds", "Time spent in a state in this boot.", labels=["state"])
    now = GaugeMetricFamily("ww_state", "1 for the state that the instance is in.", labels=["state"])
    since_ms = state.get("since_ms")
    present = state.get("state")
    for name in map(str.upper, STATES):
        now.add_metric([name], float(name == present))
        entered.add_metric([name], (state.get("entered") or {}).get(name, 0))
        here_s = max(0.0, time.time() - since_ms / 1000) if name == present and isinstance(since_ms, int) else 0.0
        spent.add_metric([name], (state.get("spent_ms") or {}).get(name, 0) / 1000 + here_s)
    yield from (now, entered, spent)
    yield GaugeMetricFamily("ww_ready", "Whether /readyz says 200.", value=float(ready))
    yield GaugeMetricFamily("ww_live", "Whether /livez says 200.", value=float(live))
    yield CounterMetricFamily("ww_restarts", "Restarts in this boot.", value=state.get("restarts") or 0)
    if isinstance(since_ms, int):
        yield GaugeMetricFamily(
            "ww_state_since_seconds", "When the state was entered (Unix time).", value=since_ms / 1000
        )


def _of_health(health: Mapping[str, Any]) -> Iterator[Metric]:
    if "healthy" not in health:
        return
    yield GaugeMetricFamily("ww_healthy", "Whether the last monitor succeeded.", value=float(bool(health["healthy"])))
    for name, value in numbers(health.get("monitor") or {}):
        yield GaugeMetricFamily(name, "A number that the monitor printed.", value=value)


def numbers(monitor: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers in what a monitor printed, as metrics: `{"db": {"size": 5}}` is `ww_health_db_size 5`.

    Of two that come to the same name the first one counts; texts, nulls and lists are none.
    """
    seen: set[str] = set()
    for path, value in _walk(monitor, ""):
        name = f"ww_health_{_word(path)}"[:_LONGEST_NAME]
        if name.endswith(_RESERVED):
            name += "_value"
        if name not in seen:
            seen.add(name)
            yield name, value
        if len(seen) >= MOST_OF_MONITOR:
            return


def _walk(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, f"{path}_{name}" if path else str(name))
    elif isinstance(value, int | float):
        try:
            yield path, float(value)
        except OverflowError:
            return  # more digits than a float has room for


def _text(value: object) -> str:
    """Half a character (a lone surrogate) cannot be written."""
    return str(value).encode("utf-8", "replace").decode()


def _word(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", text)


def _of_sample(sample: Mapping[str, Any]) -> Iterator[Metric]:
    flat = dict(_figures(sample, ""))
    for key, (name, divisor, words) in _GAUGES.items():
        if key in flat:
            yield GaugeMetricFamily(f"ww_{name}", words, value=flat[key] / divisor)
    for key, (name, divisor, words) in _COUNTERS.items():
        if key in flat:
            yield CounterMetricFamily(f"ww_{name}", words, value=flat[key] / divisor)
    pressure = sample.get("pressure") or {}
    if pressure:
        words = "Share of the last ten seconds in which some or all tasks waited for the resource."
        family = GaugeMetricFamily("ww_pressure_ratio", words, labels=["resource", "kind", "of"])
        for name, share in pressure.items():
            if name.endswith("_percent"):
                resource, kind, _ = name.split("_")
                family.add_metric([resource, kind, str(pressure["of"])], share / 100)
        yield family


def _figures(sample: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for name, value in sample.items():
        if isinstance(value, dict):
            yield from _figures(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", value


def _of_sinks(sinks: Mapping[str, Any]) -> Iterator[Metric]:
    if not sinks:
        return
    labels = ["sink", "type"]
    for key, words in _SINK_COUNTERS.items():
        counter = CounterMetricFamily(f"ww_sink_{key}", words, labels=labels)
        for name, figures in sinks.items():
            counter.add_metric([name, str(figures.get("type"))], figures.get(key) or 0)
        yield counter
    depth = GaugeMetricFamily("ww_sink_events", "Events that the sink has not taken.", labels=labels)
    well = GaugeMetricFamily("ww_sink_delivering", "Whether it takes events just now.", labels=labels)
    for name, figures in sinks.items():
        depth.add_metric([name, str(figures.get("type"))], figures.get("depth") or 0)
        well.add_metric([name, str(figures.get("type"))], float(figures.get("state") == "delivering"))
    yield from (depth, well)
