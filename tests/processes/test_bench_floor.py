"""What the benchmarks call Python's floor is a supervisor that works: else it would be no measure for one."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from tests.support.paths import REPO
from tests.support.waiting import until

FLOOR = REPO / "bench" / "floor.py"


def services(pid: int) -> list[int]:
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.rule("D-bench-page")
def test_it_replaces_what_dies_and_ends_when_all_are_gone() -> None:
    with subprocess.Popen([sys.executable, "-IS", str(FLOOR), "2", "/bin/sleep", "300"]) as floor:
        first, second = until(lambda: two if len(two := services(floor.pid)) == 2 else None, "two services")
        os.kill(first, signal.SIGKILL)
        now = until(lambda: two if first not in (two := services(floor.pid)) and len(two) == 2 else None, "a new one")
        assert second in now
        floor.terminate()
        assert floor.wait(10) == 0
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in now)


@pytest.mark.rule("D-bench-page")
def test_it_is_no_longer_than_it_is_said_to_be() -> None:
    assert len(FLOOR.read_text().splitlines()) <= 100
