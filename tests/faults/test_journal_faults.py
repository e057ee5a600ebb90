"""The journal against the real thing: full disks, and kill -9 of its writer at any instant."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import PACKAGE
from ww.events.spool import read_journal, read_segments

PREAMBLE = f"""
import os, sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
from ww.clock import Clock
from ww.events.journal import *
from ww.events.syncing import sync
def open_journal(reserve_bytes=0, max_bytes=1 << 30):
    return Journal(sys.argv[1], 1, "boot", Clock(), max_bytes, reserve_bytes)
"""

WRITER = (
    PREAMBLE
    + """
journal = open_journal()
n = 0
while True:
    n += 1
    outcome = journal.append("state" if n % 3 else "health", {"n": n, "x": "x" * (n * 37 % 3000)})
    assert outcome == Written(n)
    os.write(1, b"%d\\n" % n)
"""
)


@pytest.mark.rule("D-journal-written", "D-journal-torn")
def test_no_accepted_record_is_lost_by_a_kill_at_any_instant(tmp_path: Path) -> None:
    chance = random.Random(2)
    for round_no in range(25):
        directory = tmp_path / str(round_no)
        command = [sys.executable, "-IS", "-c", WRITER, str(directory)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            text = os.read(writer.stdout.fileno(), 1)
            # Its output is read until some instant within a few writes or a few hundred; then it dies in the midst.
            for _ in range(chance.choice((0, 1, 5, 40, 300))):
                text += os.read(writer.stdout.fileno(), 512)
            writer.send_signal(signal.SIGKILL)
            text += writer.stdout.read()
        accepted = text.count(b"\n")
        events = read_journal(str(directory))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert len(events) in (accepted, accepted + 1)
        assert all(segment.bad_at is None or segment.torn for segment in read_segments(str(directory)))


FULL = (
    PREAMBLE
    + """
journal = open_journal(reserve_bytes=256 << 10)
assert os.stat(sys.argv[1] + "/reserve").st_size == 256 << 10
n = 0
while not isinstance(journal.append("health", {"x": "x" * 900}), Dropped):
    n += 1
assert n > 100, n
assert os.path.exists(sys.argv[1] + "/reserve")
first = [journal.append("state", {"n": n}) for n in range(5)]
assert all(isinstance(outcome, Written) for outcome in first), first
assert not os.path.exists(sys.argv[1] + "/reserve")
# The space of the reserve is for lifecycle events; health stays out of it.
assert isinstance(journal.append("health", {}), Dropped)
more = [type(journal.append("state", {"x": "x" * 9000})).__name__ for n in range(40)]
assert more[:10] == ["Written"] * 10, more
assert more[-1] == "Held", more
waiting = journal.held
assert waiting
os.unlink(sys.argv[1] + "/ballast")
assert isinstance(journal.append("state", {"after": True}), Written)
assert journal.held == 0
assert os.path.exists(sys.argv[1] + "/reserve")
assert isinstance(journal.append("health", {}), Written)
from ww.events.spool import *
events = read_journal(sys.argv[1])
assert [event.seq for event in events] == list(range(1, journal.seq + 1))
gaps = [event for event in events if event.kind == "gap"]
assert sum(event.data["health"] for event in gaps) == journal.dropped == 2, gaps
assert all(segment.bad_at is None for segment in read_segments(sys.argv[1]))
print("done", waiting)
"""
)


@pytest.mark.rule("D-journal-full")
def test_on_a_full_disk_health_goes_first_and_lifecycle_has_the_reserve(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare: this kernel or sandbox allows no mount namespaces")
    script = 'mount -t tmpfs -o size=1200k none "$1" && head -c 400000 /dev/zero > "$1/ballast" && exec "$2" -IS -c "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("done")


@pytest.mark.rule("D-log-never-blocks")
def test_a_full_disk_under_the_copy_of_the_log_costs_the_copy_alone(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare: this kernel or sandbox allows no mount namespaces")
    source = f"""
import os, sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
from ww.clock import Clock
from ww.supervise.logs import *
from ww.supervise.loop import Loop
log = ContainerLog(Loop(Clock()), 1, Formatter("plain", Clock()), sys.argv[1])
for n in range(300):
    log.write(b"x" * 999 + b"\\n")
    log.flush(Clock().mono_ms() + 5000)
assert log.dropped_lines == 0
"""
    script = 'mount -t tmpfs -o size=100k none "$1" && exec "$2" -IS -c "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        text, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert text == (b"x" * 999 + b"\n") * 300


@pytest.mark.rule("D-journal-sync")
def test_a_forked_sync_does_not_hold_up_its_parent(tmp_path: Path) -> None:
    source = (
        PREAMBLE
        + """
from ww.supervise import signals
wake_fd = signals.install()
from ww.supervise.child import fork_task
from ww.supervise.loop import Loop
from ww.supervise.reaper import Reaper
loop = Loop(Clock(), wake_fd)
reaper = Reaper(loop)
journal = open_journal()
journal.append("state", {})
directory = journal.directory
started = fork_task(lambda: sync(directory, "boot"))
reaper.watch(started.pid, lambda exit: (print(exit.words(), flush=True), loop.stop()))
print("went on", flush=True)
loop.run()
"""
    )
    done = subprocess.run(
        [sys.executable, "-IS", "-c", source, str(tmp_path)], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.splitlines() == ["went on", "exit code 0"]
