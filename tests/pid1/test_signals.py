"""Signals sent to PID 1 from outside: each does what it is said to do, once."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys

import pytest

from tests.support.firstprocess import First
from tests.support.home import Home
from tests.support.waiting import until
from ww.supervise import signals

PASSED_ON = [number for number in signals.EVERY if number != signals.CHLD]
LISTENER = """
import os, signal, sys, time
fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
note = lambda number, frame: os.write(fd, b"%d\\n" % number)
for number in map(int, sys.argv[2:]):
    signal.signal(number, note)
os.write(fd, b"listening\\n")
while True:
    signal.pause()
"""


def listener(heard: pathlib.Path, numbers: list[int]) -> list[str]:
    """A program that notes every signal that it gets, and is ended by KILL alone."""
    return [sys.executable, "-I", "-c", LISTENER, str(heard), *map(str, numbers)]


def lines(path: pathlib.Path) -> list[str]:
    """What was noted so far."""
    return path.read_text().split() if path.exists() else []


def name(number: int) -> str:
    """As it is written in ww.signals."""
    return signals.name(number).removeprefix("SIG")


def send_each(first: First, heard: pathlib.Path) -> None:
    """One of each, then all at once: every number is heard once each time."""
    until(lambda: lines(heard) == ["listening"], "the listener")
    for place, number in enumerate(PASSED_ON, 2):
        first.send(number)
        until(lambda place=place: len(lines(heard)) >= place, f"signal {number}")  # type: ignore[misc]
    assert lines(heard)[1:] == [str(number) for number in PASSED_ON]
    # Of TSTP and CONT the kernel itself forgets the one when the other comes.
    burst = [number for number in PASSED_ON if number != signal.SIGTSTP]
    for number in burst:
        first.send(number)
    first.send(signal.SIGCHLD)
    before = 1 + len(PASSED_ON)
    until(lambda: len(lines(heard)) >= before + len(burst), "all at once")
    assert sorted(map(int, lines(heard)[before:])) == burst


@pytest.mark.rule("D-pid1-signals", "D-wrap", "WW-25")
def test_a_wrapped_command_gets_every_signal_once_with_its_number(home: Home) -> None:
    heard = home.root / "heard"
    first = First(home, "--", *listener(heard, PASSED_ON))
    send_each(first, heard)
    assert first.status_field("Threads") == "1"
    # It heeds none of them, so only its own end ends the run.
    listening = next(pid for pid in first.members() if str(heard).encode() in _command(pid))
    os.kill(listening, signal.SIGKILL)
    assert first.instance.wait() == 137


@pytest.mark.rule("D-pid1-signals", "D-signal-table")
def test_a_service_gets_every_signal_that_is_forwarded_once(home: Home) -> None:
    heard = home.root / "heard"
    home.service("main", stop={"signal": "KILL"}, command=listener(heard, PASSED_ON))
    home.settings(signals={name(number): "forward" for number in PASSED_ON})
    first = First(home).up()
    send_each(first, heard)
    assert home.ww("stop").returncode == 0
    assert first.instance.wait() == 0
    assert first.instance.states().count("UP") == 1, "no signal did anything besides"


@pytest.mark.rule("D-pid1-signals", "D-signal-table")
def test_each_verb_of_the_table_does_what_it_says(home: Home) -> None:
    heard = home.root / "heard"
    home.service("main", stop={"signal": "KILL"}, command=listener(heard, PASSED_ON), reload={"keys": ["colour"]})
    home.hook("signal")
    home.hook("reload")
    home.settings(
        signals={
            "USR1": "rewrite:QUIT",
            "USR2": "hook",
            "RTMIN+1": "restart",
            "WINCH": "reload",
            "HUP": "ignore",
            "INT": "forward",
            "RTMIN+2": "stop",
        }
    )
    first = First(home).up()
    until(lambda: lines(heard) == ["listening"], "the listener")
    first.send(signal.SIGHUP)
    first.instance.wait_message("SIGHUP received: ignored")
    first.send(signal.SIGUSR1)
    until(lambda: lines(heard)[1:] == [str(int(signal.SIGQUIT))], "USR1 as QUIT")
    first.send(signal.SIGINT)
    until(lambda: lines(heard)[2:] == [str(int(signal.SIGINT))], "INT as itself")
    first.send(signal.SIGUSR2)
    until(lambda: "signal USR2" in home.calls(), "the hook")
    first.send(signal.SIGWINCH)
    until(lambda: "reload" in home.calls(), "the reload hook")
    assert first.instance.states().count("UP") == 1
    first.send(signal.SIGRTMIN + 1)
    first.instance.wait_state("UP", 2)
    assert "SIGRTMIN+1" in json.dumps(home.events()[-2:])
    first.send(signal.SIGRTMIN + 2)
    assert first.instance.wait() == 0
    assert first.instance.states()[-2:] == ["STOPPING", "STOPPED"]
    assert lines(heard)[1:3] == [str(int(signal.SIGQUIT)), str(int(signal.SIGINT))]


@pytest.mark.rule("D-pid1-signals", "D-signal-table")
def test_what_no_table_names_stops_restarts_or_is_ignored(home: Home) -> None:
    """Of a signal that PID 1 does not listen to not even a line is seen, as the kernel drops it."""
    home.service("main")
    first = First(home).up()
    for number in PASSED_ON:
        if number not in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            first.send(number)
    first.send(signal.SIGHUP)
    first.instance.wait_state("UP", 2)
    assert first.instance.states().count("RESTARTING") == 1
    first.send(signal.SIGINT)
    assert first.instance.wait() == 0


@pytest.mark.rule("D-pid1-signals", "D-wrap")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=["TERM", "INT", "QUIT"])
def test_a_stop_before_the_command_has_started_is_a_stop(home: Home, number: int) -> None:
    home.hook("boot", "sleep 300")
    started = home.root / "started"
    first = First(home, "--", "touch", str(started))
    until(lambda: "boot" in home.calls(), "boot")
    first.send(number)
    assert first.instance.wait() == 0
    assert not started.exists()
    assert first.instance.states()[-1] == "STOPPED"


def _command(pid: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
