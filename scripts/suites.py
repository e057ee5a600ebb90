"""Runs the test suites and prints what became of each; started by scripts/test.

Those of SIDE_BY_SIDE run two at a time, what they print held back to their end; all others run alone, one after another.

Nothing is skipped in silence: a suite that cannot run, and every single test that did not, stands in the summary with
its reason. With WW_CI=1 both are failures, except for what docs/not-tested.md declares (tests/conftest.py judges that).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

REPO = Path(__file__).resolve().parents[1]
REPORTS = REPO / "build" / "reports"
IN_CI = bool(os.environ.get("WW_CI"))

SUITES = (
    "unit",
    "properties",
    "contracts",
    "architecture",
    "docs",
    "processes",
    "faults",
    "scenarios",
    "pid1",
    "images",
    "containers",
)
PYTHONS = "pythons"
"""The suite that repeats some of the others on every further Python of this machine."""
ON_EVERY_PYTHON = {"unit": (), "contracts": ("-m", "not servers")}
"""What is repeated, with arguments for pytest: what a server does is not a question of our Python."""
SIDE_BY_SIDE = ("contracts", "unit", "properties", "architecture", "docs", PYTHONS)
"""Those that wait or compute, and neither measure a machine nor share anything; the longest one first."""
AT_A_TIME = 2
SUPPORTED = ((3, 11), (3, 12), (3, 13))
TOOLS = {
    "contracts": ("etcd", "etcdctl", "postgres", "unshare", "zookeeper"),
    "docs": ("shellcheck",),
    "processes": ("etcd", "redis", "unshare", "systemd-notify", "promtool"),
    "faults": ("fiu", "faketime", "postgres", "unshare"),
    "scenarios": ("unshare",),
    "pid1": ("faketime", "unshare"),
    "images": ("nginx", "postgres", "redis"),
    "containers": ("busybox", "docker"),
}
"""What scripts/services is asked to have ready before a suite; a test that misses one says so itself."""

NO_TESTS_COLLECTED = 5


@dataclass
class Result:
    """What became of one suite."""

    name: str
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: str = ""
    """Why it could not run or could not end, if so."""
    skips: list[str] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)
    """What tests put down by pytest's `record_property`."""


@dataclass(frozen=True)
class Job:
    """The folder tests/NAME, run by one Python."""

    name: str
    label: str
    python: Path
    extra: tuple[str, ...]


def run_suite(job: Job, output: IO[bytes] | None = None) -> Result:
    """Run one; what it prints goes to `output`, or straight through."""
    folder = REPO / "tests" / job.name
    if not any(folder.glob("**/test_*.py")):
        return Result(job.label, broken="no tests")
    file = job.label.replace(" ", "-")
    report = REPORTS / f"{file}.xml"
    report.unlink(missing_ok=True)
    own = [f"--junit-xml={report}", "-o", f"cache_dir={REPO / 'build' / 'cache' / file}"]
    command = [str(job.python), "-P", "-m", "pytest", str(folder), "-q", *own, *job.extra]
    started = time.monotonic()
    status = subprocess.run(command, cwd=REPO, check=False, stdout=output, stderr=output).returncode
    result = Result(job.label, seconds=time.monotonic() - started)
    count(report, result)
    if status == NO_TESTS_COLLECTED and job.extra:
        result.broken = "no test matches"
    elif status and not result.failed:
        result.broken = f"pytest ended with {status}"
    return result


def count(report: Path, result: Result) -> None:
    """Add up the cases of a JUnit file, if pytest came to write one."""
    if not report.exists():
        return
    for case in ET.parse(report).iter("testcase"):
        outcomes = {child.tag: child for child in case}
        result.measured += [f"{item.get('name')}: {item.get('value')}" for item in case.iter("property")]
        if "failure" in outcomes or "error" in outcomes:
            result.failed += 1
        elif "skipped" in outcomes:
            result.skipped += 1
            result.skips.append(f"{case.get('name')}: {outcomes['skipped'].get('message', 'no reason')}")
        else:
            result.passed += 1


def run_together(jobs: list[Job]) -> list[Result]:
    """Run them two at a time, and show what each printed when it has ended."""
    printing = threading.Lock()

    def run(job: Job) -> Result:
        with tempfile.TemporaryFile() as output:
            result = run_suite(job, output)
            output.seek(0)
            with printing:
                heading(job.label)
                print(output.read().decode(errors="replace"), end="", flush=True)
        return result

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(run, jobs))


def on_other_pythons(extra: tuple[str, ...]) -> tuple[list[Job], list[Result]]:
    """What is repeated on every other supported Python that this machine has; which of them cannot be used."""
    found = other_pythons()
    names = ", ".join(f"{major}.{minor}" for major, minor in sorted(found)) or "no other"
    heading(f"{PYTHONS} (this one is {sys.version_info[0]}.{sys.version_info[1]}; found besides: {names})")
    jobs: list[Job] = []
    broken: list[Result] = []
    for version, executable in sorted(found.items()):
        label = f"{version[0]}.{version[1]}"
        venv = REPO / "build" / "pythons" / label
        environ = {**os.environ, "VENV": str(venv.relative_to(REPO)), "PYTHON": executable}
        venv.parent.mkdir(parents=True, exist_ok=True)
        if subprocess.run(["scripts/venv", "dev"], cwd=REPO, env=environ, check=False).returncode:
            broken.append(Result(f"{PYTHONS} {label}", broken=f"no environment could be made with {executable}"))
            continue
        jobs += [
            Job(name, f"{PYTHONS} {label} {name}", venv / "bin" / "python", (*own, *extra))
            for name, own in ON_EVERY_PYTHON.items()
        ]
    return jobs, broken if found else [Result(PYTHONS, broken="only one supported Python here")]


def other_pythons() -> dict[tuple[int, int], str]:
    """Supported interpreters besides this one, by version; asked, not guessed from their names."""
    places = [Path(place) for place in os.environ.get("PATH", "").split(":") if place]
    places += [Path("/usr/bin"), Path("/usr/local/bin")]
    places += sorted((Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions").glob("3.*/bin"))
    found: dict[tuple[int, int], str] = {}
    for version in SUPPORTED:
        for place in places:
            executable = place / f"python{version[0]}.{version[1]}"
            if version != sys.version_info[:2] and version not in found and _is_python(executable, version):
                found[version] = str(executable)
    return found


def _is_python(executable: Path, version: tuple[int, int]) -> bool:
    if not os.access(executable, os.X_OK):
        return False
    question = "import sys, ensurepip, venv; print(sys.version_info[0], sys.version_info[1])"
    # A shim of a version manager exists for every version and answers only for the chosen one.
    asked = subprocess.run([executable, "-c", question], capture_output=True, text=True, check=False, cwd="/")
    return asked.stdout.split() == [str(part) for part in version]


def prepare(names: list[str]) -> None:
    """Have the servers and tools of these suites installed, where that is possible; say which are not."""
    wanted = sorted({tool for name in names for tool in TOOLS.get(name, ())})
    if wanted:
        subprocess.run(["scripts/services", "need", *wanted], cwd=REPO, check=False)


def heading(text: str) -> None:
    """A line between suites, flushed before a child writes."""
    print(f"\n== {text}", flush=True)


def summary(results: list[Result], seconds: float) -> bool:
    """Print the table and the closing line; tells whether all is well."""
    print(f"\n{'suite':<24} {'passed':>7} {'failed':>7} {'skipped':>8} {'time':>9}")
    for result in results:
        numbers = f"{result.passed:>7} {result.failed:>7} {result.skipped:>8} {result.seconds:>7.1f} s"
        print(f"{result.name:<24} {numbers}" + (f"  {result.broken}" if result.broken else ""))
    for title, lines in (
        ("measured", [line for result in results for line in result.measured]),
        ("not run", [f"{result.name}: {skip}" for result in results for skip in result.skips]),
    ):
        if lines:
            print(f"\n{title}:", *lines, sep="\n  ")
    failed = sum(result.failed for result in results)
    broken = [result for result in results if result.broken and is_failure(result)]
    passed = sum(result.passed for result in results)
    skipped = sum(result.skipped for result in results)
    unfinished = f", {len(broken)} suites did not run properly" if broken else ""
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped{unfinished} in {seconds:.2f}s", flush=True)
    return not failed and not broken


def is_failure(result: Result) -> bool:
    """A suite that did not run fails the run, but for two cases that say all there is to say."""
    if result.name == PYTHONS:
        return False
    return IN_CI or result.broken != "no tests"


def run_all(chosen: list[str], extra: tuple[str, ...]) -> list[Result]:
    """Those that may run side by side first, then each of the others."""
    here = {name: Job(name, name, Path(sys.executable), extra) for name in chosen if name != PYTHONS}
    together = [here.pop(name) for name in SIDE_BY_SIDE if name in here]
    results: list[Result] = []
    if PYTHONS in chosen:
        jobs, results = on_other_pythons(extra)
        together += jobs
    if len(together) > 1:
        results += run_together(together)
    else:
        here = {job.label: job for job in (*together, *here.values())}
    for job in here.values():
        heading(job.label)
        results.append(run_suite(job))
    return results


def main(arguments: list[str]) -> int:
    """`[--no-summary] [SUITE…] [-- PYTEST-ARGUMENT…]`; 0 if all is well, 1 if not, 2 for a wrong name."""
    extra: list[str] = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, extra = arguments[:at], arguments[at + 1 :]
    quiet = "--no-summary" in arguments
    chosen = [name for name in arguments if name != "--no-summary"] or [*SUITES, PYTHONS]
    unknown = [name for name in chosen if name not in (*SUITES, PYTHONS)]
    if unknown:
        print(
            f"scripts/test: no suite {', '.join(unknown)}; there are {', '.join((*SUITES, PYTHONS))}", file=sys.stderr
        )
        return 2
    REPORTS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    if not quiet:
        prepare(chosen)
    results = run_all(chosen, tuple(extra))
    if quiet:
        return int(any(result.failed or (result.broken and is_failure(result)) for result in results))
    return int(not summary(results, time.monotonic() - started))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
