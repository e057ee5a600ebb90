"""Makes docs/benchmarks.md from bench/results, every number of it; `--check` only says whether it is fresh (exit 1: no)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.growth import growth
from bench.install import REPO
from bench.samples import MACHINE, RESULTS, read

PAGE = REPO / "docs" / "benchmarks.md"
OURS, FLOOR = "ww", "Python's floor"
TOLD = "ww telling a reporter of each"
OTHERS_OF_OURS = {"ww run -- COMMAND": "`run -- COMMAND`", TOLD: "telling a reporter of each"}
"""Who else is ww, and how it is called in the column of ww."""
KIB = 1024
Samples = list[dict[str, Any]]


class Row:
    """One line of the table: `value` makes a number of a sample; ours is met when the median is at most `limit`.

    `kind` P99: when 99 of 100 values are; LEAST: when the median is at least `limit`.
    """

    def __init__(
        self,
        key: str,
        what: str,
        limit: float | None,
        unit: str,
        value: Callable[[dict[str, Any]], float] | None = None,
        kind: str = "",
    ) -> None:
        self.key = key
        self.what = what
        self.limit = limit
        self.unit = unit
        self.value = value or (lambda sample: float(sample["ms"]))
        self.kind = kind

    def judged(self, values: list[float]) -> float:
        """The one number that the goal is about."""
        return quantiles(values, n=100, method="inclusive")[98] if self.kind == P99 and values[1:] else median(values)

    def met(self, values: list[float]) -> bool:
        """Whether the goal is reached."""
        goal, number = self.limit or 0, self.judged(values)
        return number >= goal if self.kind == LEAST else number <= goal

    def best(self, values: list[float]) -> float:
        """The one nearest to the goal, or farthest beyond."""
        return max(values) if self.kind == LEAST else min(values)


P99, LEAST = "p99", "at least"


def megabytes(field: str) -> Callable[[dict[str, Any]], float]:
    return lambda sample: float(sample[field]) * KIB / 1e6


def per_second(sample: dict[str, Any]) -> float:
    return float(sample["per_s"])


ROWS = (
    Row("start", "exec → first instruction of the service, no hooks, inputs unchanged since the last boot", 20, "ms"),
    Row("new-compiled", "the same with 2 KB of new CFG merged and validated: schema compiled at image build", 45, "ms"),
    Row("new-none", "… no schema", 45, "ms"),
    Row("new-strategies", "… merge strategies", 130, "ms"),
    Row("new-uncompiled", "… an uncompiled schema", 130, "ms"),
    Row("memory", "PID 1 with one service, resident", 10.5, "MB", megabytes("rss_kib")),
    Row("memory", "PID 1 with one service, proportional", 8.5, "MB", megabytes("pss_kib")),
    Row("further", "per further service, resident", 20, "KB", lambda sample: float(sample["kb"])),
    Row("idle", "wake-ups in 10 s while idle, between monitor ticks", 0, "", lambda sample: float(sample["wakeups"])),
    Row("restart", "service killed → its replacement's first instruction, no backoff set", 3, "ms"),
    Row("stop", "TERM → all gone, one obedient service", 4, "ms"),
    Row("stop-many", "TERM → all gone, 20 obedient services", 8, "ms"),
    Row("orphans", "zombies 0.2 s after the last of 5,000 orphans", 0, "", lambda sample: float(sample["left"])),
    Row(
        "cfg-small",
        "`/ww/cfg a.b`, 2 KB of configuration, beside `jq -r .a.b`",
        0.6,
        "× jq",
        lambda s: float(s["ratio"]),
    ),
    Row(
        "cfg-large",
        "`/ww/cfg a.b`, 270 KB of configuration, beside `jq -r .a.b`",
        0.6,
        "× jq",
        lambda s: float(s["ratio"]),
    ),
    Row(
        "container",
        "container on fresh data, `docker run -e CFG=…`: what ww adds to the same image running the service alone",
        60,
        "ms",
        lambda s: float(s["over"]),
    ),
    Row("event-written", "state change → in the journal, and its reporter told, in PID 1", 0.2, "ms", kind=P99),
    Row("event-synced", "state change → PID 1 knows that the reporter has synced it", 50, "ms", kind=P99),
    Row("journal-in", "health events into the journal", 100_000, "a second", per_second, LEAST),
    Row(
        "events-out",
        "events out of the journal to an HTTP receiver, in batches, on one core; the receiver on the other",
        10_000,
        "a second",
        per_second,
        LEAST,
    ),
    Row("reporter-memory", "reporter with the http sink alone, resident", 36, "MB", megabytes("rss_kib")),
    Row(
        "outage-bytes",
        "24 h without a receiver, a full health event every 30 s, on disk",
        5,
        "MB",
        lambda s: float(s["bytes"]) / 1e6,
    ),
    Row(
        "outage-seconds",
        "3,000 events delivered in order after an outage, from the first request that the receiver gets",
        2,
        "s",
        lambda s: float(s["took_ms"]) / 1000,
    ),
)
SOURCES = (*dict.fromkeys(row.key for row in ROWS if row.key != "further"), "memory-many")


class Data:
    """All samples of a run, by row."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.machine: dict[str, Any] = json.loads((results / MACHINE).read_text())
        self.rows: dict[str, Samples] = {key: single(read(results, key)) for key in SOURCES}
        self.rows["further"] = self._further()
        for key in ("cfg-small", "cfg-large"):
            self.rows[key] = self._with_ratios(self.rows[key])
        alone = {s["turn"]: s["ms"] for s in good(self.rows["container"]) if s["who"] == "the service alone"}
        for sample in good(self.rows["container"]):
            if sample["who"] == OURS and sample["turn"] in alone:
                sample["over"] = sample["ms"] - alone[sample["turn"]]

    def _further(self) -> Samples:
        """What each of the 19 services beyond the first costs: sizes of lives with twenty, less the median with one."""
        ones: dict[str, list[float]] = {}
        for sample in good(self.rows["memory"]):
            ones.setdefault(sample["who"], []).append(sample["rss_kib"])
        return [
            {"who": s["who"], "turn": s["turn"], "kb": (s["rss_kib"] - median(ones[s["who"]])) * KIB / 1000 / 19}
            for s in good(self.rows["memory-many"])
            if s["who"] in ones
        ]

    @staticmethod
    def _with_ratios(samples: Samples) -> Samples:
        """Each time of a turn over jq's of the same turn."""
        jq = {s["turn"]: s["ms"] for s in good(samples) if s["who"] == "jq"}
        return [{**s, "ratio": s["ms"] / jq[s["turn"]]} if "ms" in s and s["turn"] in jq else s for s in samples]

    def numbers(self, row: Row) -> dict[str, list[float]]:
        """Who → the values of the row."""
        found: dict[str, list[float]] = {}
        for sample in good(self.rows[row.key]):
            try:
                found.setdefault(sample["who"], []).append(row.value(sample))
            except KeyError:
                continue
        return {who: values for who, values in found.items() if values}

    def failures(self, row: Row) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for sample in self.rows[row.key]:
            if "failed" in sample:
                found.setdefault(sample["who"], []).append(str(sample["failed"]))
        return found


def single(samples: Samples) -> Samples:
    """A sample with a list of times is as many samples."""
    found = []
    for sample in samples:
        times = sample.get("ms")
        found += [{**sample, "ms": one} for one in times] if isinstance(times, list) else [sample]
    return found


def good(samples: Samples) -> Samples:
    return [sample for sample in samples if "failed" not in sample]


def number(value: float) -> str:
    if value == int(value) and value < 1000:
        return f"{value:.0f}"
    if abs(value) < 0.1:
        return f"{value:.3f}"
    return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def verdict(row: Row, values: list[float], failed: list[str]) -> str:
    if failed or not values:
        return "**MISS** (not measured)" if not values else "**MISS** (some lives failed)"
    if row.limit is None:
        return ""
    return "met" if row.met(values) else "**MISS**"


def table(data: Data) -> list[str]:
    lines = ["| what | goal | ww | | peers | Python's floor |", "| --- | --- | --- | --- | --- | --- |"]
    for row in ROWS:
        numbers = data.numbers(row)
        ours = numbers.get(OURS, [])
        unit = f" {row.unit}" if row.unit else ""
        mine = f"**{number(row.judged(ours))}**{unit}" if ours else "–"
        if row.kind == P99 and ours:
            mine = f"p99 {mine} (median {number(median(ours))}, of {len(ours)})"
        if row.unit == "× jq" and ours:
            times = {who: [s["ms"] for s in good(data.rows[row.key]) if s["who"] == who] for who in (OURS, "jq")}
            mine += f" ({number(median(times[OURS]))} ms; jq {number(median(times['jq']))} ms)"
        for who, name in OTHERS_OF_OURS.items():
            if who in numbers:
                mine += f"; {name} {number(median(numbers[who]))}"
        goal = (
            f"{'p99 ' * (row.kind == P99)}{'>=' if row.kind == LEAST else '<='} {number(row.limit)}{unit}"
            if row.limit
            else "0"
        )
        peers = sorted(
            (median(v), who) for who, v in numbers.items() if who not in (OURS, *OTHERS_OF_OURS) and FLOOR not in who
        )
        floors = [f"{who.partition(', ')[2]} {number(median(v))}".strip() for who, v in numbers.items() if FLOOR in who]
        others = ", ".join(f"{who} {number(value)}" for value, who in peers)
        judged = verdict(row, ours, data.failures(row).get(OURS, []))
        lines.append(
            f"| {row.what} | {goal} | {mine} | {judged} | {others or '(none of them does it)'} | {', '.join(floors)} |"
        )
    return lines


def misses(data: Data) -> list[str]:
    """The rows that are missed, and where the profiles are that show why."""
    lines = []
    for row in ROWS:
        values = data.numbers(row).get(OURS, [])
        failed = data.failures(row).get(OURS, [])
        if "MISS" not in verdict(row, values, failed):
            continue
        if values:
            over = (
                f"{row.kind if row.kind == P99 else 'median'} {number(row.judged(values))}, "
                f"best {number(row.best(values))}, goal {number(row.limit or 0)} {row.unit}"
            )
        else:
            over = "not measured"
        lines.append(f"* **{row.what}**: {over}.")
        lines += [f"  It said: `{one_line(words)}`" for words in failed[:1]]
    if not lines:
        return ["Every goal is met."]
    profiles = sorted((data.results / "profiles").glob("*.txt"))
    lines += [
        "",
        "Where the time and the memory go, from one life under each profiler (a profiler slows what it watches):",
        "",
    ]
    for profile in profiles:
        head = profile.read_text().splitlines()[:12]
        lines += [
            f"[`{profile.name}`](../bench/results/profiles/{profile.name}) begins:",
            "",
            "```text",
            *head,
            "```",
            "",
        ]
    return lines


def one_line(words: str) -> str:
    return " ".join(words.split()).replace("`", "'")[-240:]


def details(data: Data) -> list[str]:
    lines = []
    for row in ROWS:
        numbers = data.numbers(row)
        failures = data.failures(row)
        unit = row.unit or "count"
        lines += [
            f"### {row.what}",
            "",
            f"| {unit} | median | least | most | samples |",
            "| --- | --: | --: | --: | --: |",
        ]
        for who, values in sorted(numbers.items(), key=lambda item: median(item[1])):
            cells = (number(median(values)), number(min(values)), number(max(values)), str(len(values)))
            lines.append(f"| {who} | {' | '.join(cells)} |")
        for who, words in sorted(failures.items()):
            lines.append(f"| {who} | failed {len(words)} × | | | {one_line(words[0])} |")
        lines.append("")
    return lines


def programs(data: Data) -> list[str]:
    lines = ["| program | version | from |", "| --- | --- | --- |"]
    for name, entry in data.machine["programs"].items():
        if "refused" in entry:
            lines.append(f"| {name} | **not measured** | {one_line(entry['refused'])} |")
        else:
            lines.append(f"| {name} | {entry['version']} | {entry.get('from', 'this machine')} |")
    return lines


INTRO = """\
# Benchmarks

Made by `make bench` from the raw samples in `bench/results`; no number here is typed by hand, and misses stay in.

Each program is started as the real PID 1 of a PID namespace of its own, in turn with all the others in one run, with the same
small static C program as its service. Time begins at the exec of PID 1 and ends at the service's first instruction; a
stop begins with the signal to PID 1 and ends when the kernel says that nothing is left of the namespace. Values are medians.

* `ww` is the launcher that `ww launcher` writes, under Debian's interpreter, on a home whose run directory is kept.
* "Python's floor" is `bench/floor.py`: a plain loop on `posix` and `_signal`, the same interpreter with `-IS`.
* MB and KB are thousands; sizes are those of every process but the services, and each interpreter is a file
  that nothing else on the machine has mapped.
* As root, everything runs with real-time priority, so that other work on the machine is not measured.
* Peers run with their defaults. s6 and supervisord wait up to a second before they start again what died, circusd looks
  every five; runit and monit end without waiting for their services, so that they have no part in the stop.
* Containers are new ones of an image on the base, run by a Docker Engine on the same machine. Time begins at the exec of
  their PID 1, so that the engine's own is left out; as root and under cgroup v1 they have nearly all weight among other work.
  They may be of another hour than the rest (`python -m bench.containers`).
* The service of gunicorn is its own worker; its size counts the master.
* Events: a PID 1 with its reporter restarts its service again and again; the stop-watch is inside PID 1, and
  the first change of a life, which opens the journal, counts as any other. Journal, keeper, delivery
  and sink are the real ones, as are disk and sockets; the receiver counts, answers 204, and has a core of its own. Floors are the
  bare write (and sync) of the same record, and `requests` posting ready-made batches of 500, or just imported. The day of
  an outage goes by a fake clock, with no receiver and the default limits; what an outage adds by waiting for the next try is not
  in the last row. They too may be of another hour (`python -m bench.events`).
"""


def page(results: Path = RESULTS) -> str:
    data = Data(results)
    machine = data.machine
    where = (
        f"{machine['date']}: {machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, {machine['system']}, "
        f"{'as root' if machine['root'] else 'in a user namespace'}, "
        f"{'with real-time priority' if machine['realtime'] else 'with ordinary priority'}, {machine['rounds']} rounds, load {machine['load_before']} before, {machine['seconds']} s in all."
    )
    parts = [INTRO, where, "", *table(data), "", "## What is missed, and why", "", *misses(data), ""]
    parts += [
        "## Growth",
        "",
        *growth(results),
        "",
        "## Programs",
        "",
        *programs(data),
        "",
        "## All rows",
        "",
        *details(data),
    ]
    return "\n".join(parts).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    """Write the page; `--check`: is it fresh; `--print RESULTS`: the page of other samples."""
    if arguments[:1] == ["--print"]:
        print(page(Path(arguments[1])), end="")
        return 0
    if arguments == ["--check"]:
        return 0 if PAGE.exists() and PAGE.read_text() == page() else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
