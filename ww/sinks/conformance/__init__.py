"""The conformance kit: runs any sink through what befalls sinks, and says which guarantee it found beside the claimed one.

    ww sinks conformance MODULE:BENCH

An author writes a `Bench`: settings for the sink, a look at what its receiver holds, and the faults that the receiver
can be given. The rest is here: the events come from a real journal, a killed process is really killed. Knows sinks only
by `ww.sinks.base`. See docs/writing-a-sink.md.
"""

from __future__ import annotations

from ww.sinks.conformance.bench import DENIED, DOWN, FAULTS, FULL, PARTIAL, REFUSE, SLOW, Bench, BenchError, Key, load
from ww.sinks.conformance.kit import SCENARIOS, examine
from ww.sinks.conformance.verdict import BROKEN, Report

__all__ = [
    "BROKEN",
    "DENIED",
    "DOWN",
    "FAULTS",
    "FULL",
    "PARTIAL",
    "REFUSE",
    "SCENARIOS",
    "SLOW",
    "Bench",
    "BenchError",
    "Key",
    "Report",
    "examine",
    "load",
]
