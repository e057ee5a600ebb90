"""Runs the scenarios, each on a bench of its own."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

from ww.sinks.conformance import calls, kills
from ww.sinks.conformance.bench import DENIED, DOWN, FULL, PARTIAL, REFUSE, SLOW, Bench, load
from ww.sinks.conformance.probe import AbandonedError
from ww.sinks.conformance.stage import Stage
from ww.sinks.conformance.verdict import EXCUSED, Report, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Scenario = tuple[str, "Callable[[Stage], None]"]
"""The fault that the bench must be able to inject ("" for none), and what happens."""


def _in_trouble(fault: str) -> Scenario:
    return fault, functools.partial(calls.trouble, fault=fault)


SCENARIOS: Mapping[str, Scenario] = {
    "quiet": ("", calls.quiet),
    "duplicate": ("", calls.again),
    "reorder": ("", calls.backwards),
    "odd events": ("", calls.odd),
    "no time": ("", calls.short),
    "down": _in_trouble(DOWN),
    "slow": _in_trouble(SLOW),
    "refuse": _in_trouble(REFUSE),
    "full": _in_trouble(FULL),
    "denied": _in_trouble(DENIED),
    "partial": (PARTIAL, calls.partial),
    "crash": ("", kills.crash),
    "kills": ("", kills.kills),
    "outage": (DOWN, kills.outage),
    "spool": ("", kills.spool),
}
"""Every scenario in the order in which it is run; the first one tells whether a sink keeps events or a state."""


def examine(reference: str, only: Sequence[str] = (), told: Callable[[Result], None] | None = None) -> Report:
    """What is found about the sink on the bench `MODULE:BENCH`; `told` hears of each scenario at its end.

    `only` names the scenarios to run besides `quiet`. Raises BenchError where the bench itself is wrong.
    """
    bench = load(reference)
    results: list[Result] = []
    keeps_state = hopeless = False
    directory = tempfile.mkdtemp(prefix="ww-conformance-")
    try:
        for number, name in enumerate(SCENARIOS):
            if only and name != "quiet" and name not in only:
                continue
            place = os.path.join(directory, str(number))
            if hopeless:
                result = Result(name, skipped="the sink does not get through a quiet run")
            else:
                result, keeps_state = _run(bench, reference, name, place, keeps_state=keeps_state)
            hopeless = hopeless or result.hopeless
            results.append(result)
            if told is not None:
                told(result)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return Report(bench.type.name, bench.type.guarantee, results, keeps_state)


def _run(
    bench_type: type[Bench], reference: str, name: str, directory: str, *, keeps_state: bool
) -> tuple[Result, bool]:
    fault, happen = SCENARIOS[name]
    result = Result(name, excused=EXCUSED.get(bench_type.type.guarantee, frozenset()))
    if fault and fault not in bench_type.faults:
        result.skipped = f"the bench cannot inject {fault}"
        return result, keeps_state
    os.makedirs(os.path.join(directory, "bench"))
    started = time.monotonic()
    bench = bench_type(os.path.join(directory, "bench"))
    try:
        stage = Stage(bench, reference, directory, result, keeps_state=keeps_state)
        try:
            happen(stage)
        except AbandonedError:
            bench.heal()  # The call that never came back has been told of.
        stage.finish()
    finally:
        bench.close()
        result.seconds = time.monotonic() - started
    return result, stage.keeps_state
