from __future__ import annotations

import os
from pathlib import Path

import pytest

from ww.supervise.oom import OomCounter

pytestmark = pytest.mark.rule("D-service-oom")

V2 = "low 0\nhigh 3\nmax 17\noom 5\noom_kill {}\noom_group_kill 0\n"
V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
V1_MEMBERSHIP = "9:name=systemd:/\n8:pids:/a\n4:cpu,memory:{}\n0::/\n"
V2_MEMBERSHIP = "0::{}\n"


class Machine:
    """A tree of cgroup files and the file that says where we are in it."""

    def __init__(self, directory: Path, membership: str | None) -> None:
        self.root = directory / "cgroup"
        self.root.mkdir()
        self.membership = directory / "self"
        if membership is not None:
            self.membership.write_text(membership)

    def put(self, path: str, text: str) -> Machine:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return self

    def counter(self) -> OomCounter:
        return OomCounter(str(self.root), str(self.membership))


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        pytest.param(V2_MEMBERSHIP.format("/"), {"memory.events": V2.format(2)}, 2, id="v2, a namespace of its own"),
        pytest.param(
            V2_MEMBERSHIP.format("/system.slice/docker-1.scope"),
            {"system.slice/docker-1.scope/memory.events": V2.format(3), "memory.events": V2.format(99)},
            3,
            id="v2, the host's tree",
        ),
        pytest.param(
            V2_MEMBERSHIP.format("/docker/1"), {"memory.events": V2.format(4)}, 4, id="v2, our part of the host's tree"
        ),
        pytest.param(V2_MEMBERSHIP.format("/a:b"), {"a:b/memory.events": V2.format(5)}, 5, id="v2, a colon in a name"),
        pytest.param(V1_MEMBERSHIP.format("/"), {"memory/memory.oom_control": V1.format(6)}, 6, id="v1, namespace"),
        pytest.param(
            V1_MEMBERSHIP.format("/docker/1"),
            {"memory/docker/1/memory.oom_control": V1.format(7), "memory/memory.oom_control": V1.format(99)},
            7,
            id="v1, the host's tree",
        ),
        pytest.param(
            V1_MEMBERSHIP.format("/docker/1"),
            {"memory/memory.oom_control": V1.format(8)},
            8,
            id="v1, our part of the host's tree",
        ),
        pytest.param(
            V1_MEMBERSHIP.format("/x"),
            {"memory/x/memory.oom_control": V1.format(9), "unified/cgroup.procs": "1\n"},
            9,
            id="hybrid, memory in v1",
        ),
        pytest.param(
            "1:name=systemd:/x\n0::/x\n", {"unified/x/memory.events": V2.format(10)}, 10, id="hybrid, memory in v2"
        ),
        pytest.param(
            V1_MEMBERSHIP.format("/x"),
            {"memory/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"},
            None,
            id="v1 of a kernel that does not count",
        ),
        pytest.param(V2_MEMBERSHIP.format("/"), {"cgroup.procs": ""}, None, id="v2 without the memory controller"),
        pytest.param(
            V2_MEMBERSHIP.format("/../other"),
            {"memory.events": V2.format(99), "other/memory.events": V2.format(99)},
            None,
            id="outside of our namespace",
        ),
        pytest.param("", {"memory.events": V2.format(99)}, None, id="nothing said"),
        pytest.param(None, {}, None, id="no such file"),
        pytest.param(V2_MEMBERSHIP.format("/"), {"memory.events": "oom_kill many\noom_kill\n"}, None, id="no number"),
    ],
)
def test_the_counter_is_found(
    tmp_path: Path, membership: str | None, files: dict[str, str], expected: int | None
) -> None:
    machine = Machine(tmp_path, membership)
    for path, text in files.items():
        machine.put(path, text)
    assert machine.counter().read() == expected


def test_it_is_read_again_each_time_and_may_go_away(tmp_path: Path) -> None:
    machine = Machine(tmp_path, V2_MEMBERSHIP.format("/a")).put("a/memory.events", V2.format(0))
    machine.put("memory.events", V2.format(99))
    counter = machine.counter()
    assert counter.read() == 0
    machine.put("a/memory.events", V2.format(1))
    assert counter.read() == 1
    (machine.root / "a/memory.events").unlink()
    # The counter of another cgroup would look like 98 kills.
    assert counter.read() is None


def test_what_cannot_be_read_neither_blocks_nor_raises(tmp_path: Path) -> None:
    machine = Machine(tmp_path, V2_MEMBERSHIP.format("/"))
    os.mkfifo(machine.root / "memory.events")
    assert machine.counter().read() is None
    (machine.root / "memory.events").unlink()
    (machine.root / "memory.events").mkdir()
    assert machine.counter().read() is None
    machine.membership.unlink()
    os.mkfifo(machine.membership)
    assert machine.counter().read() is None
    machine.membership.unlink()
    machine.membership.write_bytes(b"0::/\xff\0x\n4:memory:/\xfe\n")
    assert machine.counter().read() is None


def test_the_counter_of_this_machine_is_a_number_where_the_kernel_shows_one() -> None:
    count = OomCounter().read()
    shown = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    old = next((path for _, names, path in shown if "memory" in names.split(",")), None)
    new = next((path for number, _, path in shown if number == "0"), None)
    expected = [Path(f"/sys/fs/cgroup/memory{old}/memory.oom_control"), Path(f"/sys/fs/cgroup{new}/memory.events")]
    readable = [path for path in expected if path.exists() and "oom_kill " in path.read_text()]
    if readable:
        assert count is not None
        assert f"oom_kill {count}\n" in readable[0].read_text()
