"""The clock by which tests bound what a busy machine may hold up: what others took counts as nothing, what we took as time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.support.paths import REPO
from tests.support.stopwatch import STALL_S, TICK_S, Stopwatch
from tests.support.waiting import until

HELD_S = 0.6
WAITS = """
import sys; sys.path.insert(0, sys.argv[1])
from tests.support.stopwatch import Stopwatch
with Stopwatch() as watch:
    print("begun", flush=True)
    sys.stdin.readline()
print(watch.elapsed_s, watch.seconds)
"""


class Machine:
    """A clock that goes on by what each tick took; of that this process computed a part."""

    def __init__(self, ticks: list[tuple[float, float]]) -> None:
        self.now_s = 1000.0
        self.computed_s = 7.0
        self._ticks = ticks
        self.is_over = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        assert timeout_s == TICK_S
        took_s, computed_s = self._ticks.pop(0)
        self.now_s += took_s
        self.computed_s += computed_s
        if not self._ticks:
            self.is_over.set()
        return self.is_over.is_set()


IN_TIME = [(TICK_S, 0.0)] * 10


@pytest.mark.parametrize(
    ("ticks", "stalled_s"),
    [
        (IN_TIME, 0),
        ([*IN_TIME, (TICK_S + 0.6, 0.0), *IN_TIME], 0.6),
        ([*IN_TIME, (TICK_S + 0.6, 0.6), *IN_TIME], 0),
        ([*IN_TIME, (TICK_S + 0.6, 0.25), *IN_TIME], 0.35),
        ([(TICK_S + 0.6, 0.0), *IN_TIME, (TICK_S + 0.3, 0.1)], 0.8),
        ([(TICK_S + STALL_S - 0.001, 0.0)] * 200, 0),
        ([(TICK_S + STALL_S + 0.001, 0.0)] * 10, 10 * (STALL_S + 0.001)),
        ([*IN_TIME, (0.001, 0.0)], 0),
    ],
    ids=["in time", "late", "computed", "both", "first and last", "all a little late", "all too late", "over"],
)
def test_what_a_tick_comes_late_is_the_machines(ticks: list[tuple[float, float]], stalled_s: float) -> None:
    machine = Machine(list(ticks))
    with Stopwatch(lambda: machine.now_s, lambda: machine.computed_s, machine.wait) as watch:
        machine.is_over.wait()
    assert watch.stalled_s == pytest.approx(stalled_s, abs=1e-9)
    assert watch.elapsed_s == pytest.approx(sum(took_s for took_s, _ in ticks))
    assert watch.seconds == pytest.approx(watch.elapsed_s - stalled_s)


def test_what_the_machine_withheld_is_not_counted() -> None:
    command = [sys.executable, "-c", WAITS, str(REPO)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGSTOP)
        held = time.monotonic() + HELD_S
        until(lambda: time.monotonic() > held, "a while in which it does not run")
        process.send_signal(signal.SIGCONT)
        elapsed_s, seconds = map(float, process.communicate("\n")[0].split())
    assert elapsed_s >= HELD_S
    assert seconds <= elapsed_s - HELD_S + 0.05


def test_what_was_waited_for_or_computed_is() -> None:
    enough = time.monotonic() + 1
    with Stopwatch() as waited:
        until(lambda: time.monotonic() > enough)
    used = time.process_time()
    with Stopwatch() as computed:
        assert 3**3_000_000  # in which no other thread of this process goes on
        used = time.process_time() - used
    assert 0.1 < waited.seconds <= waited.elapsed_s
    assert computed.seconds >= used - 0.05
