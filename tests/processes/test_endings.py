"""Ending what does not want to end: groups that ignore TERM, sessions that left, what appears while we look."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.support import driver

END = """
assert set_subreaper()
exits = []
def end(pid, grace_ms):
    def gone(ended):
        say(type(ended).__name__, ended.after_ms, exits)
        loop.stop()
    ladder = end_group(loop, reaper, pid, grace_ms, gone)
    loop.run()
def begin(script, *arguments):
    # The script says `ready` when it stands as it should; its pipe tells.
    reader, writer = os.pipe()
    child = sh(script, *arguments, stdout=writer)
    os.close(writer)
    reaper.watch(child.pid, lambda exit: exits.append(exit.status))
    while b"ready" not in (line := os.read(reader, 4096)):
        assert line, "the child ended too soon"
    return child.pid
"""


def end(body: str, *arguments: object) -> list[Any]:
    return driver.run(END + body, *arguments)


@pytest.mark.rule("D-hook-timeout")
def test_a_group_that_hears_term_goes_at_once_and_as_a_whole() -> None:
    [[kind, after_ms, exits]] = end('end(begin("sleep 97 & sleep 97 & echo ready; wait"), 5000)')
    assert (kind, exits) == ("Gone", [143])
    assert after_ms < 1000


@pytest.mark.rule("D-hook-timeout", "D-hook-harmless")
def test_a_group_that_ignores_term_is_killed_after_the_grace() -> None:
    [[kind, after_ms, exits], left] = end(
        """
pid = begin("trap '' TERM; sh -c 'echo ready; while :; do sleep 97; done' & wait")
end(pid, 200)
say(*[proc.comm for proc in procs.descendants(procs.scan(), os.getpid())])
"""
    )
    assert (kind, exits, left) == ("Killed", [137], [])
    assert 200 <= after_ms < 1500


@pytest.mark.rule("D-hook-timeout", "D-stop-sweep")
def test_a_descendant_in_a_session_of_its_own_is_ended_too() -> None:
    [[kind, _, _], left] = end(
        """
pid = begin("setsid sh -c 'trap \\"\\" TERM; echo ready; while :; do sleep 97; done' & wait")
end(pid, 200)
say(*[proc.comm for proc in procs.descendants(procs.scan(), os.getpid()) if proc.alive])
"""
    )
    assert (kind, left) == ("Killed", [])


@pytest.mark.rule("D-hook-timeout", "D-stop-sweep")
def test_an_orphan_in_the_session_of_one_that_left_is_ended_too() -> None:
    [[kind, _, _], left] = end(
        """
# A shell with job control puts it into a group of its own and exits: only its session still tells whose it is.
orphan = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
pid = begin('bash -c "set -m; ($1) &"; while :; do sleep 0.05; done', orphan)
while len([proc for proc in procs.scan() if proc.ppid == os.getpid()]) < 2:
    pass
end(pid, 200)
say(*[proc.comm for proc in procs.descendants(procs.scan(), os.getpid()) if proc.alive])
"""
    )
    assert (kind, left) == ("Killed", [])


@pytest.mark.rule("D-hook-timeout")
def test_a_stopped_group_is_continued_so_that_it_can_hear_term() -> None:
    [[kind, after_ms, exits]] = end(
        """
pid = begin("trap 'exit 3' TERM; echo ready; while :; do :; done")
os.killpg(pid, signals.STOP)
while procs.read(pid).state != "T":
    pass
end(pid, 5000)
"""
    )
    assert (kind, exits) == ("Gone", [3])
    assert after_ms < 1000


def test_force_kills_at_once() -> None:
    [[kind, after_ms]] = end(
        """
pid = begin("trap '' TERM; echo ready; while :; do sleep 97; done")
def gone(ended):
    say(type(ended).__name__, ended.after_ms)
    loop.stop()
ladder = end_group(loop, reaper, pid, 60_000, gone)
loop.call_later(20, ladder.force)
loop.run()
"""
    )
    assert kind == "Killed"
    assert after_ms < 1000


@pytest.mark.rule("D-hook-timeout")
def test_what_has_gone_already_is_gone() -> None:
    [[kind, after_ms, exits]] = end(
        """
pid = begin("echo ready; exit 4")
while procs.read(pid).state != "Z":
    pass
end(pid, 5000)
"""
    )
    assert (kind, exits) == ("Gone", [4])
    assert after_ms < 500


@pytest.mark.rule("D-hook-timeout")
def test_a_zombie_that_its_own_parent_neglects_holds_nobody_up() -> None:
    """The parent left the group and does not wait; the zombie stays in it, and a signal to the group still `succeeds`."""
    [[kind, after_ms]] = end(
        """
reader, writer = os.pipe()
def neglect():
    # A session leader cannot leave its group, so its child leads; the grandchild dies in the group it was born in.
    leader = os.getpid()
    if os.fork() == 0:
        victim = os.fork()
        if victim == 0:
            os._exit(0)
        os.setsid()
        while procs.read(victim).state != "Z":
            pass
        os.write(writer, b"x")
        while True:
            import time
            time.sleep(97)
    return 0
shepherd = fork_task(neglect, keep=(writer,))
reaper.watch(shepherd.pid, lambda exit: loop.stop())
loop.run()
os.read(reader, 1)
def gone(ended):
    say(type(ended).__name__, ended.after_ms)
    loop.stop()
ladder = end_group(loop, reaper, shepherd.pid, 150, gone)
loop.run()
for proc in procs.descendants(procs.scan(), os.getpid()):
    os.kill(proc.pid, signals.KILL)
"""
    )
    assert kind == "Gone"
    assert after_ms >= 150


SWEEP = """
def mine():
    return procs.descendants(procs.scan(), os.getpid())
def sweep(term_ms, kill_ms, before=lambda sweep: None):
    def done(report):
        say(sorted([one.comm, one.cmdline, one.killed, one.took_ms] for one in report.swept),
            [one.comm for one in report.left], report.blind, report.took_ms)
        loop.stop()
    one = Sweep(loop, clock, mine, term_ms, kill_ms, done)
    reaper.subscribe(one.poke)
    one.start()
    before(one)
    loop.run()
"""


def sweep(body: str) -> list[Any]:
    return driver.run(END + SWEEP + body)


@pytest.mark.rule("D-stop-sweep", "D-stop-names-holder")
def test_a_sweep_ends_everything_and_says_who_held_it_up() -> None:
    [[swept, left, blind, took_ms]] = sweep(
        """
begin("setsid sh -c 'trap \\"\\" TERM; echo ready; while :; do sleep 0.05; done' deaf & ")
begin("echo ready; exec sleep 96")
sweep(300, 2000)
"""
    )
    assert (left, blind) == ([], False)
    assert 300 <= took_ms < 2000
    killed = [line for comm, line, was_killed, ms in swept if was_killed and "deaf" in line]
    assert killed
    [obedient] = [one for one in swept if "sleep 96" in one[1]]
    assert obedient[2] is False
    assert obedient[3] < 300


@pytest.mark.rule("D-stop-sweep")
def test_a_sweep_of_nobody_is_done_at_once() -> None:
    [[swept, left, blind, took_ms]] = sweep("sweep(5000, 5000)")
    assert (swept, left, blind) == ([], [], False)
    assert took_ms < 100


@pytest.mark.rule("D-stop-sweep")
def test_what_a_dying_process_leaves_behind_is_swept_as_well() -> None:
    [[swept, left, _, took_ms]] = sweep(
        """
begin("trap 'setsid sleep 95 & exit' TERM; echo ready; while :; do sleep 0.01; done")
sweep(2000, 2000)
"""
    )
    assert left == []
    assert any("sleep 95" in line for _, line, _, _ in swept)
    assert took_ms < 2000


@pytest.mark.rule("D-stop-sweep")
def test_a_sweep_can_be_forced() -> None:
    [[swept, left, _, took_ms]] = sweep(
        """
begin("trap '' TERM; echo ready; while :; do sleep 0.05; done")
sweep(60_000, 2000, lambda one: loop.call_later(30, one.force))
"""
    )
    assert left == []
    assert any(was_killed for _, _, was_killed, _ in swept)
    assert took_ms < 2000


@pytest.mark.rule("D-stop-sweep", "D-pid1")
def test_hundreds_are_swept_in_a_moment() -> None:
    [[swept, left, _, took_ms]] = sweep(
        """
begin("for n in $(seq 300); do sleep 94 & done; echo ready")
sweep(3000, 3000)
"""
    )
    assert len(swept) >= 300
    assert left == []
    assert took_ms < 3000


@pytest.mark.rule("D-stop-sweep", "D-pid1")
@pytest.mark.parametrize("mount", [[], ["--mount-proc"]], ids=["foreign /proc", "own /proc"])
def test_pid_1_sweeps_its_namespace_even_if_proc_is_not_its_own(mount: list[str]) -> None:
    if subprocess.run(["unshare", "-rpf", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare: this kernel or sandbox allows no namespaces")
    source = (END + SWEEP).replace("assert set_subreaper()", "assert os.getpid() == 1")
    body = """
begin("trap '' TERM; setsid sleep 93 & echo ready; while :; do sleep 0.05; done")
sweep(200, 2000)
"""
    done = subprocess.run(
        ["unshare", "-rpf", *mount, *driver.command(source + body)], capture_output=True, check=True, timeout=30
    )
    swept, left, blind, took_ms = json.loads(done.stdout)
    assert left == []
    assert blind is (not mount)
    assert 200 <= took_ms < 2000
    assert blind or any("sleep 93" in line for _, line, _, _ in swept)


@pytest.mark.rule("D-subreaper-own")
def test_outside_pid_1_a_foreign_proc_means_that_nobody_is_signalled() -> None:
    if subprocess.run(["unshare", "-rpf", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare: this kernel or sandbox allows no namespaces")
    source = END + SWEEP + "sweep(50, 50)"
    inner = ["sh", "-c", 'sleep 92 & other=$!; "$@"; kill $other && echo alive', "sh", *driver.command(source)]
    done = subprocess.run(["unshare", "-rpf", *inner], capture_output=True, check=True, timeout=30)
    assert done.stdout.split()[-1] == b"alive"
    assert b"true" in done.stdout


@pytest.mark.rule("D-subreaper-own")
def test_a_pid_that_is_in_use_again_is_not_signalled() -> None:
    [[wrong, right, gone, exits]] = driver.run(
        """
child = sh("sleep 91")
proc = procs.read(child.pid)
other = procs.read(child.pid)
other.start += 1
exits = []
reaper.watch(child.pid, lambda exit: (exits.append(exit.signal), loop.stop()))
wrong = procs.signal_proc(other, signals.KILL)
right = procs.signal_proc(proc, signals.TERM)
loop.run()
say(wrong, right, procs.signal_proc(proc, signals.KILL), exits)
"""
    )
    assert (wrong, right, gone, exits) == (False, True, False, [15])


def test_a_scan_survives_processes_that_vanish_and_shows_ourselves() -> None:
    [[rounds, ours]] = driver.run(
        """
flock = sh("for n in $(seq 400); do : & done; wait")
done = []
reaper.watch(flock.pid, lambda exit: done.append(exit.code))
rounds, ours = 0, True
while not done:
    ours = ours and os.getpid() in [proc.pid for proc in procs.scan()]
    rounds += 1
    loop.turn(wait=False)
say(rounds, ours)
"""
    )
    assert rounds >= 1
    assert ours is True


def test_the_command_line_of_a_process_is_shown_with_blanks() -> None:
    process = subprocess.Popen(["sleep", "90", "0"])
    try:
        found = driver.run("say(procs.cmdline(int(sys.argv[1])), procs.cmdline(999999999))", process.pid)
    finally:
        process.kill()
        process.wait()
    assert found == [["sleep 90 0", ""]]
