"""What children print reaches the log, whatever they and the reader of the log do; nobody waits for anybody."""

from __future__ import annotations

import json
import os
import select
import subprocess
from typing import Any

import pytest

from tests.support import driver
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until

HOOK = """
formatter = Formatter(sys.argv[1], clock)
log = ContainerLog(loop, 1, formatter)
def hook(script, source="boot"):
    reader, writer = make_pipe()
    child = sh(script, stdout=writer, stderr=writer)
    os.close(writer)
    return Pump(loop, reader, source, log), child
def report(**values):
    os.write(2, json.dumps(values).encode() + b"\\n")
def run_hook(script):
    pump, child = hook(script)
    started = clock.mono_ms()
    def done(exit):
        drained = pump.drain()
        pump.detach()
        report(exit=exit.status, took_ms=clock.mono_ms() - started, last=pump.last_lines(), eof=drained)
        loop.stop()
    reaper.watch(child.pid, done)
    loop.run()
    log.flush(clock.mono_ms() + 20_000)
    report(lines=log.dropped_lines, size=log.dropped_bytes)
"""


def run_hook(script: str, fmt: str = "plain") -> tuple[list[bytes], dict[str, Any]]:
    """The lines of the log and the report of one hook, with a log that is read as fast as it comes."""
    done = subprocess.run(
        driver.command(HOOK + f"run_hook({script!r})", fmt), capture_output=True, check=True, timeout=60
    )
    ended, dropped = map(json.loads, done.stderr.splitlines())
    assert dropped == {"lines": 0, "size": 0}
    return done.stdout.splitlines(), ended


@pytest.mark.rule("D-log-lines")
def test_both_outputs_of_a_hook_come_line_by_line_with_its_name() -> None:
    lines, ended = run_hook("echo one; echo two >&2; printf three; exit 4")
    assert [line.partition(b" | ")[2] for line in lines] == [b"one", b"two", b"three"]
    assert all(line.split()[1] == b"boot" for line in lines)
    assert (ended["exit"], ended["last"]) == (4, ["one", "two", "three"])


@pytest.mark.rule("D-log-lines", "D-hook-harmless")
def test_a_flood_without_a_newline_is_split_and_marked() -> None:
    lines, _ = run_hook("head -c 3000000 /dev/zero | tr '\\0' x")
    texts = [line.partition(b" | ")[2] for line in lines]
    assert all(text.endswith(" ⏎".encode()) for text in texts[:-1])
    assert b"".join(text.removesuffix(" ⏎".encode()) for text in texts) == b"x" * 3_000_000
    assert max(map(len, texts)) == 16384 + len(" ⏎".encode())


@pytest.mark.rule("D-log-lines", "D-hook-harmless")
@pytest.mark.parametrize("fmt", ["plain", "json"])
def test_a_flood_of_lines_is_complete_and_in_order(fmt: str) -> None:
    lines, _ = run_hook("seq 200000", fmt)
    texts = [json.loads(line)["message"].encode() if fmt == "json" else line.partition(b" | ")[2] for line in lines]
    assert texts == [b"%d" % n for n in range(1, 200_001)]


@pytest.mark.rule("D-hook-harmless")
def test_a_hook_that_closes_its_output_still_ends_as_it_ends() -> None:
    lines, ended = run_hook("echo bye; exec >&- 2>&-; exit 6")
    assert [line.partition(b" | ")[2] for line in lines] == [b"bye"]
    assert ended["exit"] == 6


@pytest.mark.rule("D-hook-harmless")
def test_a_daemon_that_keeps_the_pipe_holds_nobody_up_and_is_still_heard(tmp_path: object) -> None:
    source = (
        HOOK
        + """
assert set_subreaper()
waiting = "while [ ! -e '%s' ]; do sleep 0.01; done" % sys.argv[2]
pump, child = hook("(%s; echo from the daemon) & echo started" % waiting, "svcup")
def done(exit):
    report(eof=pump.drain())
    pump.detach()
reaper.watch(child.pid, done)
reaper.on_adopted = lambda pid, exit: pump.drain() and loop.stop()
loop.run()
log.flush(clock.mono_ms() + 500)
"""
    )
    flag = f"{tmp_path}/flag"
    with driver.started(source, "plain", flag) as process:
        assert json.loads(process.stderr.readline()) == {"eof": False}
        assert process.stdout.readline().endswith(b" svcup | started\n")
        with open(flag, "w"):
            pass
        assert process.stdout.readline().endswith(b" svcup | from the daemon\n")
        assert process.wait(10) == 0


@pytest.mark.rule("D-log-never-blocks")
def test_a_log_that_nobody_reads_holds_a_hook_up_for_a_second_and_then_says_what_was_lost() -> None:
    with driver.started(HOOK + "run_hook('seq 400000')", "plain") as process:
        with Stopwatch() as machine:
            ended = json.loads(process.stderr.readline())
        assert ended["exit"] == 0
        assert 900 <= ended["took_ms"] < 4000 + 1000 * machine.stalled_s
        assert ended["last"][-1] == "400000"
        text = process.stdout.read()
        dropped = json.loads(process.stderr.readline())
    lines = text.splitlines()
    [said] = [line for line in lines if b" ww | the log was not read: " in line]
    numbers = [int(line.partition(b" | ")[2]) for line in lines if b" boot | " in line]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) + dropped["lines"] == 400_000
    assert b"%d lines (%d bytes)" % (dropped["lines"], dropped["size"]) in said


@pytest.mark.rule("D-log-never-blocks")
def test_a_slow_reader_slows_the_hook_and_loses_nothing() -> None:
    text = b""
    with driver.started(HOOK + "run_hook('seq 60000')", "plain") as process:
        while more := os.read(process.stdout.fileno(), 32768):
            text += more
            select.select([], [], [], 0.01)
        ended, dropped = map(json.loads, process.stderr.read().splitlines())
    assert dropped == {"lines": 0, "size": 0}
    assert [line.rpartition(b" ")[2] for line in text.splitlines()] == [b"%d" % n for n in range(1, 60_001)]
    assert ended["exit"] == 0


@pytest.mark.rule("D-log-never-blocks")
@pytest.mark.parametrize("how", ["reader gone", "closed"])
def test_a_log_without_a_reader_costs_nothing_but_the_lines(how: str) -> None:
    redirect = ">&-" if how == "closed" else "| true"
    command = driver.command(HOOK + "run_hook('seq 100000')", "plain")
    shell = ["/bin/bash", "-c", f'set -o pipefail; "$@" {redirect}', "bash", *command]
    with Stopwatch() as machine:
        done = subprocess.run(shell, capture_output=True, check=True, timeout=30)
    ended, dropped = map(json.loads, done.stderr.splitlines())
    assert ended["exit"] == 0
    assert ended["last"][-1] == "100000"
    assert ended["took_ms"] < 5000 + 1000 * machine.stalled_s
    if how == "reader gone":
        assert dropped["lines"] > 90_000


@pytest.mark.rule("D-log-never-blocks")
def test_the_pipe_of_another_user_is_written_without_waiting() -> None:
    if os.getuid() != 0:
        pytest.skip("root: another identity can be tried by root alone")
    source = "os.setgid(65533); os.setuid(65534)\n" + HOOK + "run_hook('seq 400000')"
    with driver.started(source, "plain") as process:
        with Stopwatch() as machine:
            ended = json.loads(process.stderr.readline())
        assert 900 <= ended["took_ms"] < 4000 + 1000 * machine.stalled_s
        text = process.stdout.read()
        dropped = json.loads(process.stderr.readline())
    assert len(text.splitlines()) + dropped["lines"] == 400_000 + 1
    assert b"the log was not read" in text


@pytest.mark.rule("D-log-never-blocks")
def test_the_flags_of_a_shared_terminal_are_left_alone() -> None:
    leader, follower = os.openpty()
    with driver.started(HOOK + "run_hook('echo hello')", "plain", stdout=follower) as process:
        assert process.wait(20) == 0
    assert os.get_blocking(follower)
    assert os.read(leader, 1000).rstrip().endswith(b" boot | hello")
    os.close(leader)
    os.close(follower)


@pytest.mark.rule("D-hook-harmless", "WW-25")
def test_a_flooding_child_does_not_delay_a_signal() -> None:
    source = HOOK + (
        "floods = [hook('exec yes') for _ in range(3)]\n"
        "loop.on_signal(lambda number: (report(heard=number), os._exit(0)))\nreport(ready=1)\nloop.run()"
    )
    with driver.started(source, "plain", stdout=subprocess.DEVNULL) as process:
        process.stderr.readline()

        def busy() -> bool:
            with open(f"/proc/{process.pid}/stat") as stat:
                return int(stat.read().rpartition(")")[2].split()[11]) > 20

        until(busy, "the loop is flooded")
        with Stopwatch() as hearing:
            process.terminate()
            assert json.loads(process.stderr.readline()) == {"heard": 15}
        assert hearing.seconds < 0.5
