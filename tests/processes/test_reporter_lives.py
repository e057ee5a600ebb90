"""Many lives of a reporter: nothing is left behind, and the next one comes ever later."""

from __future__ import annotations

import pytest

from tests.support import driver

LIVES = """
import tempfile
from types import SimpleNamespace
from ww.events.journal import Journal
from ww.instance.hookenv import Identity
from ww.instance.reporter import Reporter
from ww.instance.settings import Settings, default_settings
from ww.instance.system import System
from ww.instance.voice import Voice
class Leaping(Clock):
    leap = 0
    def mono_ms(self):
        return super().mono_ms() + Leaping.leap
clock = Leaping()
loop = Loop(clock, wake_fd)
reaper = Reaper(loop)
journals = tempfile.mkdtemp()
class Silent:
    def __init__(self):
        self.said = []
        self.voice = Voice(loop, clock, ContainerLog(loop, 2))
    def warn(self, words, **_):
        self.said.append(words)
    info = warn
    def pump(self, *arguments):
        return self.voice.pump(*arguments)
system = System(loop, reaper, clock, Silent())
settings = Settings({**default_settings()._filled, "sinks": {"out": {"type": "file", "path": journals + "/out"}}}, {})
crew = SimpleNamespace(
    system=system, settings=settings, own_env=env, cfg_path="", run=None, pid=os.getpid(),
    identity=lambda: Identity("s", "i", "b" * 32), journal_directories=lambda: [journals],
    data=SimpleNamespace(boot_no=1, shared=False, known_volume=lambda: ""),
    layout=SimpleNamespace(root="", data="/data"), concealed=lambda: ([], []), outlet=SimpleNamespace(on_killed=bool),
)
journal = Journal(journals, 1, "b" * 32, clock, 1 << 24, 0)
reporter = Reporter(crew, journal, lambda: {"state": "UP", "seq": journal.seq})
journal.on_written = reporter.position
def until(condition, limit=500):
    for _ in range(limit):
        if condition():
            return
        loop.call_later(20, lambda: None)
        loop.turn()
    raise AssertionError("it did not come")
def descriptors():
    return len(os.listdir("/proc/self/fd"))
"""


@pytest.mark.rule("D-reporter-descriptors", "D-reporter-again")
def test_a_hundred_lives_leave_no_descriptor_and_no_process() -> None:
    [[before, after, restarts, children, delays]] = driver.run(
        LIVES
        + """
def begin_life():
    until(lambda: reporter.pid)
    if reporter.restarts % 20 == 0:
        until(lambda: reporter.report()["answering"])
begin = reporter.start()
begin_life()
before = descriptors()
delays = []
for life in range(100):
    pid = reporter.pid
    os.kill(pid, 9)
    until(lambda: reporter.pid == 0)
    delays.append(reporter._timer.mono_ms - clock.mono_ms())
    Leaping.leap += 61_000
    begin_life()
after = descriptors()
restarts = reporter.restarts
reporter.kill()
until(lambda: reporter.pid == 0)
say(before, after, restarts, len(procs.own_children() or []), delays)
"""
    )
    assert after == before
    assert restarts == 100
    assert children == 0
    rounded = [round(delay, -3) for delay in delays]
    assert rounded[:8] == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
    assert set(rounded[8:]) == {60000}


@pytest.mark.rule("D-reporter-again", "D-journal-bounded")
def test_the_journal_is_bounded_by_pid_1_again_when_the_reporter_is_gone_for_long() -> None:
    [answers] = driver.run(
        LIVES
        + """
answers = [journal.bounded, journal.kept]
reporter.start()
until(lambda: reporter.report()["answering"])
answers += [journal.bounded, journal.kept]
os.kill(reporter.pid, 9)
until(lambda: reporter.pid == 0)
answers.append(journal.bounded)
Leaping.leap += 301_000
until(lambda: reporter.pid)
answers.append(journal.bounded)
until(lambda: reporter.report()["answering"])
answers.append(journal.bounded)
ended = []
reporter.end(1000, lambda: ended.append(1))
until(lambda: ended)
answers.append(journal.bounded)
say(*answers)
"""
    )
    assert answers == [False, False, False, True, False, True, False, True]


@pytest.mark.rule("D-reporter-ping")
def test_one_that_is_slow_to_start_is_given_its_time_and_not_for_ever() -> None:
    [[patient, words]] = driver.run(
        LIVES
        + """
reporter.start()
os.kill(reporter.pid, 19)
pid = reporter.pid
Leaping.leap += 19_000
until(lambda: True)
loop.turn(wait=False)
patient = reporter.pid == pid
Leaping.leap += 2_000
until(lambda: reporter.pid == 0)
say(patient, system.voice.said[-1])
"""
    )
    assert patient
    assert "it did not answer for 2" in words


@pytest.mark.rule("D-reporter-line")
def test_one_that_is_stopped_costs_pid_1_neither_time_nor_memory() -> None:
    [[slowest_ms, queued, last]] = driver.run(
        LIVES
        + """
import resource, time
def waits():
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
reporter.start()
until(lambda: reporter.report()["answering"])
os.kill(reporter.pid, 19)
slowest = 0
for number in range(20000):
    waited, began, computed = waits(), time.monotonic_ns(), time.process_time_ns()
    reporter.position(number + 2)
    if number % 10 == 0:
        reporter.state({"state": "UP", "seq": number})
    computed, passed = time.process_time_ns() - computed, time.monotonic_ns() - began
    # A call that has never waited by itself has done so only for a processor.
    slowest = max(slowest, computed if waits() == waited else passed)
line = reporter._line
queued = len(line._queue)
os.kill(reporter.pid, 18)
until(lambda: not line._queue and not line._position)
say(slowest / 1e6, queued, line._position)
reporter.kill()
"""
    )
    assert slowest_ms < 100
    assert queued <= 64
    assert last == 0
