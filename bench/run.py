"""`make bench`: everything in turn in one run, then the page.

Only a whole run writes bench/results and docs/benchmarks.md. With fewer turns (BENCH_ROUNDS) or rows (BENCH_ONLY) it is a
look: the samples go to build/bench/look, and the page to standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time

from bench import containers, events, profiles, report, rows
from bench.install import PLACE
from bench.samples import MACHINE, RESULTS, Sink, describe

ROUNDS = 15


def undisturbed() -> bool:
    """Take real-time priority, which all that is started inherits, so that other work on this machine is not measured.

    Only root may; without it the machine has to be quiet. BENCH_REALTIME=0: do not.
    """
    if os.environ.get("BENCH_REALTIME") == "0":
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    except PermissionError:
        return False
    return True


def main() -> int:
    rounds = int(os.environ.get("BENCH_ROUNDS") or ROUNDS)
    only = frozenset(os.environ.get("BENCH_ONLY", "").replace(",", " ").split())
    known = rows.NAMES | events.NAMES | {profiles.NAME}
    unknown = only - known
    if unknown:
        print(f"bench: no row {', '.join(sorted(unknown))}; there are: {' '.join(sorted(known))}", file=sys.stderr)
        return 64
    began = time.monotonic()
    machine = describe(rounds)
    machine["realtime"] = undisturbed()
    whole = rounds >= ROUNDS and not only
    results = RESULTS if whole else PLACE / "look"
    bench = rows.Bench(Sink(results), rounds, only)
    for section in (*rows.SECTIONS, events.events, containers.cold_start):
        section(bench)
    if bench.wanted(profiles.NAME):
        profiles.write(results)
    machine["seconds"] = round(time.monotonic() - began)
    (results / MACHINE).write_text(json.dumps(machine, indent=1, ensure_ascii=False) + "\n")
    return report.main([] if whole else ["--print", str(results)])


if __name__ == "__main__":
    sys.exit(main())
