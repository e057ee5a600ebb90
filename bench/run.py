"""`make bench`: everything in turn in one run, then the page. BENCH_ROUNDS (15), BENCH_ONLY (all rows)."""

from __future__ import annotations

import json
import os
import sys
import time

from bench import profiles, rows
from bench.samples import MACHINE, RESULTS, Sink, describe


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
    rounds = int(os.environ.get("BENCH_ROUNDS") or 15)
    only = frozenset(os.environ.get("BENCH_ONLY", "").replace(",", " ").split())
    unknown = only - rows.NAMES - {profiles.NAME}
    if unknown:
        print(f"bench: no row {', '.join(sorted(unknown))}; there are: {' '.join(sorted(rows.NAMES))}", file=sys.stderr)
        return 64
    began = time.monotonic()
    machine = describe(rounds)
    machine["realtime"] = undisturbed()
    bench = rows.Bench(Sink(RESULTS), rounds, only)
    for section in rows.SECTIONS:
        section(bench)
    if bench.wanted(profiles.NAME):
        profiles.write()
    machine["seconds"] = round(time.monotonic() - began)
    MACHINE.write_text(json.dumps(machine, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
