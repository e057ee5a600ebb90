"""`/ww/run` as the real PID 1 of a PID namespace: no signal is lost, no zombie stays, nothing heavy is imported."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from tests.support.home import Home, Instance
from tests.support.waiting import until

UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")


def launcher(home: Home) -> str:
    """The launcher that an image runs, written by `ww launcher`."""
    directory = home.root / "ww"
    done = home.ww("launcher", str(directory))
    assert done.returncode == 0, done.stderr
    return str(directory / "run")


def inner_pid(outer: int) -> int:
    """The host's pid of PID 1 in the namespace that `unshare` made."""

    def look() -> int:
        children = pathlib.Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        return int(children[0]) if children else 0

    return until(look, "the child of unshare")


def as_pid1(home: Home) -> Instance:
    run = launcher(home)
    return home.start(prefix=UNSHARE, command=[run])


@pytest.mark.rule("D-pid1", "WW-1", "WW-2")
def test_the_launcher_is_pid_1_and_goes_through_its_whole_life(home: Home) -> None:
    home.all_hooks()
    home.hook("boot", f"echo parent $PPID >> {home.calls_file}")
    instance = as_pid1(home).wait_state("UP")
    assert "parent 1" in home.calls()
    os.kill(inner_pid(instance.process.pid), signal.SIGTERM)
    assert instance.wait() == 0
    assert instance.states()[-2:] == ["STOPPING", "STOPPED"]


@pytest.mark.rule("D-launch-blocked", "WW-26", "WWA-10")
@pytest.mark.parametrize("delay_ms", range(1, 21))
def test_a_term_in_the_first_milliseconds_of_pid_1_is_not_lost(home: Home, delay_ms: int) -> None:
    """The kernel drops signals that PID 1 has no handler for, so they are blocked before Python starts.

    Counted from the moment when `env`, the first thing that the launcher's line runs, has blocked them: on a machine
    that is busy its own start may take as long as it likes, and nothing can be held against a signal before it.
    """
    home.all_hooks()
    home.hook("boot", "sleep 300")
    run = launcher(home)
    home.write_config()
    # The shell becomes PID 1 by exec of the launcher; its parent waits `delay_ms` from that moment and sends TERM.
    instance = home.start(prefix=UNSHARE, command=["/bin/sh", "-c", 'exec "$0" "$@"', run])
    pid = inner_pid(instance.process.pid)
    until(lambda: _holds_back(pid, signal.SIGTERM), "exec of the launcher", 5)
    deadline = time.monotonic_ns() + delay_ms * 1_000_000
    while time.monotonic_ns() < deadline:
        pass
    os.kill(pid, signal.SIGTERM)
    assert instance.wait(15) == 0
    assert instance.states()[-1] == "STOPPED"


def _holds_back(pid: int, number: int) -> bool:
    """Whether the launcher runs and blocks or catches a signal; `unshare` itself blocks some for a moment."""
    argv = pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    if "/run\0" not in argv or "exec" in argv:
        return False
    lines = dict(line.split(":\t") for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool((int(lines["SigBlk"], 16) | int(lines["SigCgt"], 16)) & 1 << (number - 1))


@pytest.mark.rule("D-reaper", "D-stop-sweep")
def test_orphans_are_reaped_and_strays_swept_by_pid_1(home: Home) -> None:
    """A thousand orphans leave no zombie; what svcup left is gone at the end with the namespace still ours."""
    home.all_hooks()
    home.hook("svcup", "for i in $(seq 1000); do (true &) ; done; setsid sleep 300 &")
    instance = as_pid1(home).wait_state("UP")
    pid = inner_pid(instance.process.pid)
    until(lambda: _zombies(pid) == 0, "no zombies", 5)
    os.kill(pid, signal.SIGTERM)
    assert instance.wait() == 0


@pytest.mark.rule("D-pid1-stdlib")
def test_pid_1_has_imported_nothing_slow_and_has_one_thread(home: Home) -> None:
    home.all_hooks()
    run = launcher(home)
    home.hook(
        "boot",
        f"cat /proc/1/status > {home.root}/status; cat /proc/1/maps > {home.root}/maps; ls -l /proc/1/fd > {home.root}/fds; cat /proc/1/net/unix > {home.root}/unix",
    )
    instance = home.start(prefix=UNSHARE, command=[run]).wait_state("UP")
    os.kill(inner_pid(instance.process.pid), signal.SIGTERM)
    assert instance.wait() == 0
    status = (home.root / "status").read_text()
    assert "Threads:\t1" in status
    maps = (home.root / "maps").read_text()
    for library in ("_ssl", "_sqlite3", "_ctypes", "libssl"):
        assert library not in maps, library
    unix = {line.split()[6] for line in (home.root / "unix").read_text().splitlines()[1:]}
    held = set(re.findall(r"socket:\[(\d+)\]", (home.root / "fds").read_text()))
    assert held <= unix, "PID 1 holds no network socket"


@pytest.mark.rule("D-pid1-small")
def test_pid_1_stays_inside_its_budget_of_memory(home: Home, record_property: pytest.RecordProperty) -> None:
    """What it holds alone, and what is resident with the interpreter's shared pages; neither grows while it watches."""
    home.all_hooks().settings(monitor={"interval_s": 0.1})
    instance = as_pid1(home).wait_state("UP")
    pid = inner_pid(instance.process.pid)
    until(lambda: home.calls().count("monitor") >= 5, "five looks")
    early = _memory_kib(pid)
    record_property("PID 1 resident, KiB", early["Rss"])
    record_property("PID 1 proportional, KiB", early["Pss"])
    assert early["Private_Dirty"] <= 6_500
    assert early["Rss"] <= 13_000
    until(lambda: home.calls().count("monitor") >= 40, "forty looks")
    assert _memory_kib(pid)["Private_Dirty"] <= early["Private_Dirty"] + 100
    os.kill(pid, signal.SIGTERM)
    assert instance.wait() == 0


def _memory_kib(pid: int) -> dict[str, int]:
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


def _zombies(root: int) -> int:
    out = subprocess.run(["ps", "-o", "stat=", "--ppid", str(root)], capture_output=True, text=True, check=False).stdout
    return sum(line.startswith("Z") for line in out.splitlines())
