"""The cold start of a container: one image with ww as its PID 1, and running the service alone, turn by turn.

What the engine needs is the same for both and is left out: time begins when the container's PID 1 is executed.

`python -m bench.containers` measures nothing else, puts bench/results/container.jsonl down anew and makes the page; a whole
run of `make bench` measures it with the rest. It needs the engine of `scripts/services up docker`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench import report
from bench.install import BIN, PLACE, REPO, Refused, call, compile_child
from bench.rows import Bench
from bench.samples import RESULTS, Sink, read

ROW = "container"
ALONE, OURS = "the service alone", "ww"
SERVICE, STAMP = "/ww/usr/services/child/run", "/ww/files/stamp"
TURNS = 15
LIMIT_S = 30
GROUP = Path("/sys/fs/cgroup/cpu/ww-bench")
CFG = '{"memory": 512}'
DOCKERFILE = "ARG BASE\nFROM ${BASE}\nCOPY ww /ww\nRUN ww check --compile /ww\n"


def cold_start(bench: Bench) -> None:
    """The exec of PID 1 → the first instruction of the service, in a container that never ran before, on fresh data."""
    if not bench.wanted(ROW):
        return
    try:
        environ = engine()
        image = built(environ)
    except Refused as error:
        bench.put(ROW, OURS, 0, failed=str(error))
        return
    command = [*undisturbed(), "-e", f"CFG={CFG}", "--entrypoint", STAMP, image]
    contenders = {ALONE: [*command, SERVICE], OURS: [*command, "/ww/run"]}
    try:
        for who, options in contenders.items():
            one(environ, f"warm-{who}", options)
        bench.alternate([(who, life(bench, who, environ, options)) for who, options in contenders.items()])
    finally:
        if GROUP.exists():
            GROUP.rmdir()


def undisturbed() -> list[str]:
    """Options that give these containers nearly all processor time when they want it, so that others are not measured.

    A container has no real-time priority under cgroup v1. BENCH_REALTIME=0, not root, or cgroup v2: they get what all get.
    """
    if os.environ.get("BENCH_REALTIME") == "0":
        return []
    try:
        GROUP.mkdir(exist_ok=True)
        (GROUP / "cpu.shares").write_text("262144")
    except OSError:
        return []
    return ["--cgroup-parent", f"/{GROUP.name}"]


def engine() -> dict[str, str]:
    """The environment in which `docker` finds the engine. Raises Refused with the words of scripts/services."""
    name, _, address = call(str(REPO / "scripts" / "services"), "up", "docker").strip().partition(" ")
    if name != "docker" or not address:
        raise Refused("scripts/services brought no engine up")
    return {**os.environ, "DOCKER_HOST": address, "DOCKER_BUILDKIT": "0"}


def built(environ: dict[str, str]) -> str:
    """The tag of an image on the base whose one service is the small static program of all other rows."""
    base = call(str(REPO / "images" / "build"), "base", env=environ).split()[-1]
    context = PLACE / "container"
    shutil.rmtree(context, ignore_errors=True)
    service = context / SERVICE.lstrip("/")
    service.parent.mkdir(parents=True)
    shutil.copy(BIN / "child", service)
    (context / "ww" / "files").mkdir()
    shutil.copy(BIN / "stamp", context / STAMP.lstrip("/"))
    (context / "ww" / "etc").mkdir()
    (context / "ww" / "etc" / "default_cfg.json").write_text('{"memory": 256}\n')
    (context / "Dockerfile").write_text(DOCKERFILE)
    tag = f"{base.partition('/')[0]}/bench:latest"
    call("docker", "build", "--quiet", "--build-arg", f"BASE={base}", "--tag", tag, str(context), env=environ)
    return tag


def life(bench: Bench, who: str, environ: dict[str, str], options: list[str]) -> Callable[[int], None]:
    def live(turn: int) -> None:
        try:
            whole, inside = one(environ, who, options)
            bench.put(ROW, who, turn, ms=inside, run_ms=whole)
        except Refused as error:
            bench.put(ROW, who, turn, failed=str(error))

    return live


def one(environ: dict[str, str], who: str, options: list[str]) -> tuple[float, float]:
    """Milliseconds to the service's first instruction, from before `docker run` and from the exec of PID 1."""
    place = PLACE / "lives" / "container"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    log = place / "log"
    name = f"ww-bench-{os.getpid()}-{''.join(letter for letter in who if letter.isalnum())}"
    began = time.monotonic_ns()
    command = ["docker", "run", "-d", "--name", name, "-v", f"{place}:/bench", "-e", "BENCH_LOG=/bench/log", *options]
    try:
        call(*command, env=environ)
        first, born = noted(log)
        return (born - began) / 1e6, (born - first) / 1e6
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", name], env=environ, capture_output=True, check=False)


def noted(log: Path) -> tuple[int, int]:
    """When PID 1 was executed and when the service ran, by the clock that all containers share."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        lines = log.read_text().splitlines() if log.exists() else []
        if len(lines) > 1:
            return int(lines[0].split()[2]), int(lines[1].split()[2])
        time.sleep(0.002)
    raise Refused(f"no service after {LIMIT_S} s")


def main() -> int:
    PLACE.mkdir(parents=True, exist_ok=True)
    compile_child()
    cold_start(Bench(Sink(RESULTS), TURNS, frozenset([ROW])))
    samples = report.good(read(RESULTS, ROW))
    for who in (ALONE, OURS):
        values = [float(sample["ms"]) for sample in samples if sample["who"] == who]
        print(who, f"{median(values):.1f} ms" if values else "failed")
    return report.main([])


if __name__ == "__main__":
    sys.exit(main())
