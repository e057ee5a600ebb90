"""Raw samples on disk: one JSON object per line in bench/results/ROW.jsonl, and what machine they are from."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

from bench.install import MANIFEST, REPO

RESULTS = Path(__file__).parent / "results"
MACHINE = "machine.json"


class Sink:
    """Takes samples of one run; a row's file is begun anew with its first sample."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self._begun: set[str] = set()
        results.mkdir(parents=True, exist_ok=True)

    def put(self, row: str, who: str, turn: int, **values: object) -> None:
        path = self._results / f"{row}.jsonl"
        mode = "a" if row in self._begun else "w"
        self._begun.add(row)
        if "failed" in values:
            values["failed"] = str(values["failed"]).replace(str(REPO), "…")[-600:]
        with path.open(mode) as file:
            file.write(json.dumps({"who": who, "turn": turn, **values}) + "\n")


def read(results: Path, row: str) -> list[dict[str, object]]:
    path = results / f"{row}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def describe(rounds: int) -> dict[str, object]:
    """The machine and the versions, without names of hosts or places."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    manifest = json.loads(MANIFEST.read_text())
    entries = {name: {key: entry[key] for key in entry if key != "node"} for name, entry in manifest.items()}
    system = next(
        (
            line.partition("=")[2].strip('"')
            for line in Path("/etc/os-release").read_text().splitlines()
            if line.startswith("PRETTY_NAME")
        ),
        "unknown",
    )
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "system": system,
        "root": os.geteuid() == 0,
        "rounds": rounds,
        "load_before": round(os.getloadavg()[0], 2),
        "programs": entries,
    }
