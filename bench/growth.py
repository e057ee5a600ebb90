"""How times and sizes grow with the number of services and the size of the configuration: medians, plot, exponent."""

from __future__ import annotations

import itertools
from math import log
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

from bench.samples import read

CURVES = (
    ("growth-services", "start_ms", "start, services", "ms"),
    ("growth-services", "stop_ms", "stop, services", "ms"),
    ("growth-services", "replaced_ms", "replacement of one, services", "ms"),
    ("growth-services", "rss_kib", "resident size, services", "KiB"),
    ("growth-unchanged", "ms", "start, unchanged configuration, bytes", "ms"),
    ("growth-new", "ms", "start, new configuration, bytes", "ms"),
    ("growth-cfg", "ms", "`ww cfg a.b`, configuration, bytes", "ms"),
)
LINEAR = 1.05
"""An exponent up to this is linear, with what a measurement may be off."""
BAR = 40


def growth(results: Path) -> list[str]:
    """A table of all curves and a plot of each."""
    lines = [
        "| curve | medians | fitted exponent | steepest step | nothing worse than linear |",
        "| --- | --- | --: | --: | --- |",
    ]
    plots = []
    for row, field, title, unit in CURVES:
        points = medians(read(results, row), field)
        if len(points) < 2:
            lines.append(f"| {title} | not measured | | | **MISS** |")
            continue
        fitted, steepest = exponents(points)
        cells = ", ".join(f"{size:,}: {value:,.1f} {unit}" for size, value in points)
        judged = "met" if steepest <= LINEAR else "**MISS**"
        lines.append(f"| {title} | {cells} | {fitted:.2f} | {steepest:.2f} | {judged} |")
        plots += [title, *bars(points, unit), ""]
    return [*lines, "", "```text", *plots[:-1], "```"]


def medians(samples: list[dict[str, Any]], field: str) -> list[tuple[int, float]]:
    found: dict[int, list[float]] = {}
    for sample in samples:
        if field in sample:
            found.setdefault(sample["size"], []).append(sample[field])
    return sorted((size, median(values)) for size, values in found.items())


def exponents(points: list[tuple[int, float]]) -> tuple[float, float]:
    """Of value = c · size^e: fitted over all points, and the largest between two neighbours, which a fixed cost hides less."""
    logs = [(log(size), log(value)) for size, value in points]
    fitted = linear_regression([x for x, _ in logs], [y for _, y in logs]).slope
    steps = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in itertools.pairwise(logs)]
    return fitted, max(steps)


def bars(points: list[tuple[int, float]], unit: str) -> list[str]:
    most = max(value for _, value in points)
    return [
        f"{size:>10,} {'█' * max(1, round(BAR * value / most)):<{BAR}} {value:,.1f} {unit}" for size, value in points
    ]
