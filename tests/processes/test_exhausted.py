"""Without a free descriptor nothing starts, nobody is overlooked, and nothing breaks."""

from __future__ import annotations

import errno
import os

import pytest

from tests.support import driver

FULL = """
import resource
from ww.instance.execution import Execution, Order
from ww.instance.strays import SweepTask, Strays
from ww.instance.system import System
from ww.instance.tasks import FileJob
from ww.instance.voice import Voice
from ww.supervise.sweep import Sweep
set_subreaper()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
system = System(loop, reaper, clock, Voice(loop, clock, ContainerLog(loop, 2)))
def fill(leave=0):
    taken = []
    while True:
        try:
            taken.append(os.open("/", os.O_PATH))
        except OSError:
            break
    for fd in taken[len(taken) - leave:] if leave else []:
        os.close(fd)
    return taken[:len(taken) - leave]
def free(taken):
    for fd in taken:
        os.close(fd)
def running():
    child = sh("exec sleep 300")
    while (procs.read(child.pid) or child).comm != "sleep":
        pass
    return child.pid
"""


@pytest.mark.rule("D-hook-harmless", "D-spawn-outcomes")
@pytest.mark.parametrize("left", range(6))
def test_a_hook_that_cannot_have_its_pipes_is_refused_in_words_and_takes_none_with_it(left: int) -> None:
    [[words, lost], [later]] = driver.run(
        FULL
        + """
def run():
    got = []
    def done(outcome):
        got.append(outcome)
        loop.stop()
    execution = Execution(system, Order(("/bin/true",), env, "monitor", capture=True), done)
    execution.start()
    if not got:
        loop.run()
    return got[0]
taken = fill(int(sys.argv[1]))
before = sorted(os.listdir("/proc/self/fd")) if int(sys.argv[1]) else None
outcome = run()
after = sorted(os.listdir("/proc/self/fd")) if int(sys.argv[1]) else None
say(getattr(outcome, "words", ""), before != after)
free(taken)
say(run().exit.code)
""",
        left,
    )
    assert words == "" or "Too many open files" in words
    assert left > 3 or words
    assert lost is False
    assert later == 0


@pytest.mark.rule("D-stop-sweep")
def test_the_spare_descriptors_are_enough_to_find_and_end_everybody() -> None:
    [[found, swept, left, again]] = driver.run(
        FULL
        + """
strays = Strays(system, lambda *_: None)
pid = running()
fill()
found = pid in [proc.pid for proc in procs.scan()]
reports = []
def done(report):
    reports.append(report)
    loop.stop()
sweep = Sweep(loop, clock, lambda: procs.by_pid(pid), 2000, 2000, done)
sweep.start()
loop.run()
say(found, [record.pid == pid for record in reports[0].swept], len(reports[0].left), bool(procs.scan()))
"""
    )
    assert (found, swept, left, again) == (True, [True], 0, True)


@pytest.mark.rule("D-stop-sweep")
def test_who_cannot_be_looked_at_is_taken_for_still_there() -> None:
    [[can_look, failed]] = driver.run(
        FULL
        + """
pid = running()
taken = fill()
try:
    procs.scan()
    can_look = True
except procs.CannotLook:
    can_look = False
reports = []
def done(report):
    reports.append(report)
    loop.stop()
Sweep(loop, clock, lambda: procs.scan(), 20, 20, done).start()
loop.run()
free(taken)
say(can_look, [record.cmdline for record in reports[0].left])
os.kill(pid, 9)
"""
    )
    assert can_look is False
    assert failed == ["(no free descriptor to look at processes with)"]


@pytest.mark.rule("D-stop-names-holder")
def test_what_even_kill_does_not_end_is_named_in_the_log_also_when_nobody_waits_any_more(tmp_path: object) -> None:
    [[outcome]] = driver.run(
        FULL
        + """
# A process that goes on being listed stands for one in uninterruptible sleep.
pid = running()
proc = procs.read(pid)
log = os.open(sys.argv[1] + "/log", os.O_WRONLY | os.O_CREAT)
system = System(loop, reaper, clock, Voice(loop, clock, ContainerLog(loop, log)))
task = SweepTask(system, lambda: [proc], 0, lambda outcome: None).start()
def gone():
    say("gone")
    loop.call_later(50, loop.stop)
task.cancel(0, gone)
loop.run()
""",
        tmp_path,
    )
    assert outcome == "gone"
    with open(f"{tmp_path}/log") as log:
        assert "still there after KILL: sleep (pid " in log.read()


@pytest.mark.rule("D-journal-sync")
def test_a_file_job_that_returns_an_errno_has_failed() -> None:
    outcomes = driver.run(
        FULL
        + """
from ww.events.syncing import sync
for job in (lambda: sync("/proc/nowhere"), lambda: sync("/tmp"), lambda: None):
    FileJob(system, "sync", job, lambda outcome: (say(type(outcome).__name__, getattr(outcome, "words", "")), loop.stop()))
    loop.run()
"""
    )
    assert outcomes == [["Failed", f"cannot sync: {os.strerror(errno.ENOENT)}"], ["Done", ""], ["Done", ""]]


@pytest.mark.rule("D-pid1")
def test_a_forked_task_does_not_count_to_a_huge_limit_of_descriptors() -> None:
    [[kept]] = driver.run(
        """
import resource, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
reader, writer = os.pipe()
def task():
    os.write(writer, " ".join(sorted(fd for fd in os.listdir("/proc/self/fd"))).encode())
    return 0
fork_task(task, (writer,))
say(len(os.read(reader, 4096).split()))
"""
    )
    assert kept == 5, "0, 1, 2, the one that was kept, and that of the listing"


@pytest.mark.rule("D-subreaper-own", "D-stop-budget")
def test_kill_all_ends_every_session_of_ours_without_waiting_and_does_not_stumble_over_what_it_cannot_see() -> None:
    [[left]] = driver.run(
        FULL
        + """
strays = Strays(system, lambda *_: None)
for _ in range(3):
    sh("trap '' TERM; setsid sleep 300 & setsid sleep 301 & exec sleep 302")
while len([p for p in procs.descendants(procs.scan(), os.getpid()) if p.comm == "sleep"]) < 9:
    pass
taken = fill()
strays.kill_all()
free(taken)
while [p for p in procs.descendants(procs.scan(), os.getpid()) if p.alive]:
    reaper.reap()
say(0)
"""
    )
    assert left == 0


@pytest.mark.rule("D-daemon-ends")
def test_only_daemons_that_are_there_are_remembered() -> None:
    [[sizes]] = driver.run(
        FULL
        + """
strays = Strays(system, lambda *_: None)
strays.snapshot()
# The parent reaps its short children itself: their ends are never reported here.
parent = spawn(Command(("/bin/sh", "-c", "while :; do sleep 0.01; done"), env, stdout=None, stderr=None))
strays.adopt([])
sizes = []
for _ in range(30):
    count = strays.count()
    sizes.append(len(strays._daemons))
    loop.call_later(20, loop.stop)
    loop.run()
say(sizes)
os.kill(parent.pid, 9)
"""
    )
    assert set(sizes) == {1}


@pytest.mark.rule("D-daemon-ends")
@pytest.mark.parametrize("pidfd", ["with", "without"])
def test_pidfiles_are_followed_also_where_python_or_the_kernel_has_no_pidfd(tmp_path: object, pidfd: str) -> None:
    [[died, descriptors]] = driver.run(
        FULL
        + """
from ww.instance.pidfiles import Pidfiles
if sys.argv[2] == "without":
    del os.pidfd_open
path, got = sys.argv[1] + "/pid", []
first, second = running(), running()
def name(pid):
    with open(path, "w") as file:
        file.write(str(pid))
before = os.listdir("/proc/self/fd")
files = Pidfiles(system, lambda path, words: (got.append(words), loop.stop()))
def look_again():
    files.look()
    loop.call_later(10, look_again)
name(first)
files.watch([path], 0)
name(second)
os.kill(first, 9)
look_again()
loop.call_later(100, lambda: os.kill(second, 9))
loop.run()
files.forget()
say([words.replace(str(second), "SECOND").replace(path, "FILE") for words in got], len(os.listdir("/proc/self/fd")) - len(before))
""",
        tmp_path,
        pidfd,
    )
    assert died == ["process (pid SECOND) of FILE ended"]
    assert descriptors == 0
