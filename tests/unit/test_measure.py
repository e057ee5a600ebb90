"""Measurements: trees of cgroup files of each kind, and real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.reporting.backlog import SpoolFigures
from ww.reporting.cgroup import Cgroup
from ww.reporting.known import Known
from ww.reporting.measure import Measures, disk
from ww.reporting.sampler import Sampler

V1 = {
    "cpuacct/{}/cpuacct.usage": "5123456789\n",
    "cpu/{}/cpu.stat": "nr_periods 10\nnr_throttled 3\nthrottled_time 2000000000\n",
    "cpu/{}/cpu.cfs_quota_us": "150000\n",
    "cpu/{}/cpu.cfs_period_us": "100000\n",
    "memory/{}/memory.usage_in_bytes": "7340032\n",
    "memory/{}/memory.limit_in_bytes": "104857600\n",
    "memory/{}/memory.max_usage_in_bytes": "9000000\n",
    "memory/{}/memory.stat": "cache 1\ninactive_file 1\ntotal_inactive_file 4096\n",
    "memory/{}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "pids/{}/pids.current": "17\n",
    "pids/{}/pids.max": "max\n",
}
V2 = {
    "{}/cpu.stat": "usage_usec 5123456\nuser_usec 1\nnr_periods 10\nnr_throttled 3\nthrottled_usec 2000000\n",
    "{}/cpu.max": "150000 100000\n",
    "{}/memory.current": "7340032\n",
    "{}/memory.max": "104857600\n",
    "{}/memory.peak": "9000000\n",
    "{}/memory.stat": "anon 1\ninactive_file 4096\n",
    "{}/memory.events": "low 0\noom 5\noom_kill 2\noom_group_kill 0\n",
    "{}/pids.current": "17\n",
    "{}/pids.max": "max\n",
}
EXPECTED = {
    "cpu_ms": 5123,
    "throttled_ms": 2000,
    "throttled_periods": 3,
    "periods": 10,
    "cpu_limit_percent": 150.0,
    "memory_bytes": 7340032,
    "memory_limit_bytes": 104857600,
    "memory_peak_bytes": 9000000,
    "memory_reclaimable_bytes": 4096,
    "oom_kills": 2,
    "processes": 17,
}
ONE = "9:name=systemd:/\n4:memory:{0}\n3:pids:{0}\n2:cpu,cpuacct:{0}\n0::/\n"
TWO = "0::{}\n"
PRESSURE = "some avg10=1.50 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=4\n"


def machine(directory: Path, membership: str, files: dict[str, str], at: str = "") -> Cgroup:
    root = directory / "cgroup"
    for name, text in files.items():
        path = root / name.replace("{}/", f"{at}/" if at else "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (directory / "self").write_text(membership)
    return Cgroup(str(root), str(directory / "self"), str(directory / "pressure"))


@pytest.mark.rule("D-measure-cgroup")
@pytest.mark.parametrize(
    ("membership", "files", "at"),
    [
        pytest.param(ONE.format("/"), V1, "", id="v1, a namespace of its own"),
        pytest.param(ONE.format("/docker/1"), V1, "docker/1", id="v1, the host's tree"),
        pytest.param(ONE.format("/docker/1"), V1, "", id="v1, our part of the host's tree"),
        pytest.param(TWO.format("/"), V2, "", id="v2, a namespace of its own"),
        pytest.param(TWO.format("/a.slice/1:2.scope"), V2, "a.slice/1:2.scope", id="v2, the host's tree"),
        pytest.param(TWO.format("/docker/1"), V2, "", id="v2, our part of the host's tree"),
        pytest.param(
            ONE.format("/docker/1"), {**V1, "unified/cgroup.procs": "1\n"}, "docker/1", id="hybrid, controllers in v1"
        ),
    ],
)
def test_both_versions_tell_the_same(tmp_path: Path, membership: str, files: dict[str, str], at: str) -> None:
    assert machine(tmp_path, membership, files, at).figures() == EXPECTED


@pytest.mark.rule("D-measure-cgroup")
@pytest.mark.parametrize("membership", ["", "nonsense", "0::/../elsewhere\n", "::::\n"])
def test_what_cannot_be_read_is_left_out(tmp_path: Path, membership: str) -> None:
    cgroup = machine(tmp_path, membership, {})
    assert cgroup.figures() == {}
    assert cgroup.pressure() == {}


@pytest.mark.rule("D-measure-cgroup")
def test_no_limit_is_none_and_garbage_is_nothing(tmp_path: Path) -> None:
    files = {
        "memory.max": "max\n",
        "cpu.max": "max 100000\n",
        "memory.current": "-1\n",
        "pids.current": "many\n",
        "cpu.stat": "usage_usec\nusage_usec x\nthrottled_usec 99999999999999999999999\n",
    }
    assert machine(tmp_path, TWO.format("/"), files).figures() == {}
    one = {"memory/memory.limit_in_bytes": "9223372036854771712\n", "cpu/cpu.cfs_quota_us": "-1\n"}
    again = tmp_path / "one"
    again.mkdir()
    assert machine(again, ONE.format("/"), {**one, "cpu/cpu.cfs_period_us": "100000\n"}).figures() == {}


@pytest.mark.rule("D-measure-cgroup")
def test_pressure_says_whose_it_is(tmp_path: Path) -> None:
    files = {"memory.pressure": PRESSURE, "cpu.pressure": "some avg10=nan total=1\n"}
    cgroup = machine(tmp_path, TWO.format("/"), files)
    assert cgroup.pressure() == {"of": "cgroup", "memory_some_percent": 1.5, "memory_full_percent": 0.25}
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure/io").write_text(PRESSURE)
    other = machine(tmp_path, ONE.format("/"), {})
    (tmp_path / "cgroup/memory.pressure").unlink()
    assert other.pressure() == {"of": "machine", "io_some_percent": 1.5, "io_full_percent": 0.25}


BUSY = """
import os, sys, time
while time.process_time() < 0.2:
    pass
pid = os.fork()
if pid == 0:
    while time.process_time() < 0.2:
        pass
    os._exit(0)
os.waitpid(pid, 0)
files = [open("/dev/null") for _ in range(20)]
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.timeout(30)
@pytest.mark.rule("D-measure-processes")
def test_the_sums_are_those_of_all_processes_and_of_what_has_ended(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        found = Measures(child.pid, str(tmp_path)).sample()
        assert found["processes"] == 1
        assert found["threads"] == 1
        assert found["fds"] == len(os.listdir(f"/proc/{child.pid}/fd"))
        assert 380 <= int(str(found["cpu_ms"])) < 5000, "its own 200 ms, and the 200 ms of the child that has ended"
        resident = int(Path(f"/proc/{child.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        assert abs(int(str(found["rss_bytes"])) - resident) < 1 << 20
        assert 0 < int(str(found["pss_bytes"])) <= resident
        assert abs(int(str(found["start_time_ms"])) / 1000 - time.time()) < 60
    finally:
        child.communicate(b"")
    assert "cpu_ms" not in Measures(child.pid, str(tmp_path)).sample(), "one that has gone uses nothing that is known"


@pytest.mark.timeout(30)
@pytest.mark.rule("D-measure-processes")
def test_the_share_of_the_processor_is_that_since_the_last_look() -> None:
    measures = Measures(os.getpid(), "/not/there")
    first = measures.sample()
    assert "cpu_percent" not in first
    assert "data" not in first, "there is no such directory"
    until_s = time.process_time() + 0.3
    while time.process_time() < until_s:
        pass
    share = measures.sample()["cpu_percent"]
    assert isinstance(share, float)
    assert share > 5


@pytest.mark.rule("D-measure-processes")
def test_the_disk_is_that_of_the_data(tmp_path: Path) -> None:
    found, room = disk(str(tmp_path)), os.statvfs(tmp_path)
    assert found["total_bytes"] == room.f_blocks * room.f_frsize
    assert abs(int(str(found["free_bytes"])) - room.f_bavail * room.f_frsize) < 1 << 28
    assert 0 <= float(str(found["used_percent"])) <= 100
    assert disk(str(tmp_path / "nothing")) == {}


HELLO = {"service": "s", "instance": "i"}


@pytest.mark.rule("D-measure-cost")
def test_costly_measurements_are_made_seldom() -> None:
    taken: list[float] = []

    def costly() -> dict[str, object]:
        taken.append(time.monotonic())
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        return {"processes": 1}

    sent: list[object] = []
    sampler = Sampler(costly, Known(HELLO, 1), sent.append, print)  # type: ignore[arg-type]
    sampler.start()
    with Stopwatch() as watch:
        until(lambda: sampler.wake() or len(taken) >= 3, "three measurements", 25)
    assert min(b - a for a, b in pairwise(taken)) >= 0.4, "20 times as long as it took"
    assert watch.seconds < 2 * 0.4 + 0.7


@pytest.mark.rule("D-measure-cost")
def test_one_that_hangs_holds_up_nobody() -> None:
    never = threading.Event()
    known = Known(HELLO, 1)

    def hanging() -> dict[str, object]:
        never.wait()
        return {}

    sampler = Sampler(hanging, known, lambda _sample: None, print)  # type: ignore[arg-type]
    sampler.start()
    for _ in range(100):
        sampler.wake()
        known.heard({"t": "ping"})
    assert known.live()[0]
    assert known.sample == {}
    never.set()


class Nothing:
    def read(self, _events: int, _bytes: int) -> list[object]:
        return []

    def close(self) -> None:
        pass


class Cursors:
    def get(self, name: str) -> str:
        return name


@pytest.mark.rule("D-measure-fresh")
def test_the_spool_is_as_deep_as_for_its_slowest_sink() -> None:
    asked: list[object] = []

    def source(after: object) -> Nothing:
        asked.append(after)
        return Nothing()

    figures = SpoolFigures(source, Cursors())  # type: ignore[arg-type]
    assert figures.figures({"fast": 0, "slow": 7}) == {"depth": 7, "oldest_ms": 0}
    assert figures.figures({"fast": 0}) == {"depth": 0, "oldest_ms": 0}
    assert asked == ["slow"]


@pytest.mark.rule("D-measure-cost")
def test_one_that_fails_is_said_once_and_tried_again() -> None:
    sent: list[object] = []
    said: list[str] = []
    tries = iter(["no", "no", ""])

    def failing() -> dict[str, object]:
        if next(tries, ""):
            raise ValueError("/proc is odd today")
        return {"processes": 1}

    sampler = Sampler(failing, Known(HELLO, 1), sent.append, said.append)  # type: ignore[arg-type]
    sampler.start()
    until(lambda: sampler.wake() or sent, "a sample")
    assert said == ["cannot measure the instance: ValueError: /proc is odd today"]
