"""Five thousand orphans as fast as they come: none stays a zombie, nothing else waits for them, nothing grows."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from tests.support.firstprocess import First
from tests.support.home import PATIENCE_S, Home
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.home.control import Answer, ask

ORPHANS = 5_000
GROWTH_KIB = 128
"""What an allocator may keep of a storm, 0 to 56 measured; 5,000 numbers in a list would be more."""
ANSWER_S = 1.0
"""Half of what `ww status` would wait; PID 1 needs milliseconds, a machine under full load does not give them at once."""

STORM = """
import json, os, sys, time
def zombies():
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            count += fields[0] == b"Z" and fields[1] == b"1"
    return count
def computed():
    with open("/proc/1/schedstat") as file:
        return time.process_time() + int(file.read().split()[0]) / 1e9
began = time.monotonic()
for _ in range(int(sys.argv[2]) // 50):
    parent = os.fork()
    if parent == 0:
        for _ in range(50):
            if os.fork() == 0:
                os._exit(7)
        os._exit(0)
    os.waitpid(parent, 0)
last = look = time.monotonic()
used = computed()
most = left = zombies()
slept = after = 0.0
while True:
    # What is neither sleep nor computed by one of the two was kept from us, and is no time of PID 1 either.
    took, worked = time.monotonic() - look, computed() - used
    look, used = look + took, used + worked
    stalled = took - slept - worked
    after += took - (stalled if stalled > 0.02 else 0)
    if not left or after >= 0.15:
        break
    slept = 0.005
    time.sleep(slept)
    left = zombies()
with open(sys.argv[1] + ".new", "w") as file:
    json.dump({"storm_s": last - began, "after_s": after, "at_once": most, "left": left}, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
"""


@pytest.mark.rule("D-pid1-orphans", "D-reaper")
def test_five_thousand_orphans_leave_no_zombie_and_hold_up_nobody(
    home: Home, record_property: pytest.RecordProperty
) -> None:
    """The storm is a service; another one dies meanwhile, and people ask."""
    said = home.root / "said"
    storm = home.root / "storm.py"
    storm.write_text(STORM)
    home.service("victim", f": > {home.root}/victim-$$; exec sleep 300", backoff_s=0, limit=100)
    home.service(
        "storm",
        f"while ! [ -e {home.root}/go ]; do sleep 0.05; done; rm {home.root}/go\n"
        f"{sys.executable} -I -S {storm} {said} {ORPHANS}\nexit 0",
        backoff_s=0,
        limit=100,
    )
    first = First(home).up()
    storms = []
    early = None
    answers: list[float] = []
    for number in range(2):
        (home.root / "go").touch()
        until(lambda: not (home.root / "go").exists(), "the storm begins")
        victim = _pid(home, "victim", answers)
        os.kill(first.outside(victim), signal.SIGKILL)
        with Stopwatch() as back_again:
            until(lambda before=victim: _pid(home, "victim", answers) not in (0, before), "the victim", PATIENCE_S)  # type: ignore[misc]
        assert back_again.seconds < 5
        back = home.root / f"victim-{_pid(home, 'victim', answers)}"
        until(lambda: _pid(home, "victim", answers) and said.exists(), "the end of the storm", 40)
        assert number or back.stat().st_mtime_ns < said.stat().st_mtime_ns, "it came back only behind the storm"
        storms.append(json.loads(said.read_text()))
        said.unlink()
        if early is None:
            early = first.memory_kib()["Private_Dirty"]
    grown = first.memory_kib()["Private_Dirty"] - (early or 0)
    assert first.stop() == 0
    record_property("5,000 orphans", json.dumps(storms))
    record_property("slowest status during the storms, s", round(max(answers), 3))
    record_property("growth over 5,000 more orphans, KiB", grown)
    assert [storm["left"] for storm in storms] == [0, 0]
    assert all(storm["after_s"] <= 0.2 for storm in storms)
    assert grown <= GROWTH_KIB
    assert max(answers) <= ANSWER_S


def _pid(home: Home, name: str, answers: list[float]) -> int:
    """The pid of a service by the control socket; notes how long the answer took."""
    with Stopwatch() as watch:
        answer = ask(str(home.root / "run"), {"op": "status"}, 10)
    answers.append(watch.seconds)
    time.sleep(0.02)  # who asks without a pause is what takes the processor from the storm
    assert isinstance(answer, Answer)
    assert answer.ok
    return next(row["pid"] or 0 for row in answer.body["status"]["services"] if row["name"] == name)
