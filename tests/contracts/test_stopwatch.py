"""The clock by which tests bound what a busy machine may hold up: what others took counts as nothing, what we took as time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from tests.support.paths import REPO
from tests.support.stopwatch import Stopwatch
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
