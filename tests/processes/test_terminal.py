"""A wrapped command on a real terminal: the keyboard is its own, and a background job takes it from nobody."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support import driver
from ww.supervise import procs

pytestmark = pytest.mark.rule("D-wrap-terminal")

FOREGROUND = """
from ww.supervise.terminal import take_terminal_back
loop.on_signal(lambda number: say("heard", signals.name(number)))
def begin(script, *arguments, **options):
    options = dict(stdin=0, stdout=1, stderr=2, foreground=True) | options
    child = spawn(Command(("/bin/sh", "-c", script, "sh", *arguments), env, **options))
    return child
def wait(child):
    ended = []
    reaper.watch(child.pid, lambda exit: (ended.append(exit.status), loop.stop()))
    loop.run()
    return ended[0]
def place(pid):
    proc = procs.read(pid)
    return [proc.pgid == pid, proc.session == os.getsid(0), proc.pgid == os.getpgrp()]
"""


class Terminal:
    """A driver whose controlling terminal is ours to type on."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._master = master
        self.text = b""

    def until(self, condition: Callable[[bytes], object], what: str) -> bytes:
        deadline = time.monotonic() + 15
        while not condition(self.text):
            assert time.monotonic() < deadline, f"{what} did not come; the terminal shows:\n{self.text.decode()}"
            if select.select([self._master], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self._master, 65536)
                except OSError:  # the last one has closed its end
                    assert condition(self.text), f"{what} did not come; the terminal shows:\n{self.text.decode()}"
        return self.text

    def until_shown(self, text: str) -> None:
        self.until(lambda shown: text.encode() in shown, repr(text))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def said(self, count: int) -> list[Any]:
        def answers(shown: bytes) -> list[Any]:
            lines = shown.decode().split("\n")[:-1]
            return [json.loads(line) for line in lines if line.startswith("[")]

        shown = self.until(lambda shown: len(answers(shown)) >= count, f"{count} answers")
        return answers(shown)


@contextmanager
def on_terminal(source: str, *prefix: str, tostop: bool = False) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[3] = (attributes[3] & ~termios.ECHO) | (termios.TOSTOP if tostop else 0)
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    process = subprocess.Popen(
        [*prefix, *driver.command(FOREGROUND + source)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - this process has one thread
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
        assert process.wait(15) == 0
    finally:
        # Whatever a defect left behind is in the session of what was started.
        for proc in procs.scan():
            if proc.session == process.pid:
                procs.signal_proc(proc, signal.SIGKILL)
        process.wait()
        os.close(master)


def test_the_command_has_the_keyboard_and_ctrl_c_is_its_own() -> None:
    source = """
child = begin('trap "exit 77" INT; echo place $(ps -o tpgid= -p $$) $$; read -r line; echo "got $line"; read -r more')
say(*place(child.pid))
say("ended", wait(child))
say("back", take_terminal_back(0), os.tcgetpgrp(0) == os.getpgrp())
"""
    with on_terminal(source) as terminal:
        terminal.until_shown("place ")
        terminal.type("hello\n")
        terminal.until_shown("got hello")
        terminal.type("\x03")
        assert terminal.said(3) == [[True, True, False], ["ended", 77], ["back", True, True]]
        tpgid, pid = next(line for line in terminal.text.decode().splitlines() if "place" in line).split()[1:]
        assert tpgid == pid


def test_a_second_command_gets_the_terminal_after_the_first() -> None:
    source = """
for number in "12":
    say("ended", wait(begin('read -r line; test "$line" = "for $1"', number)))
"""
    with on_terminal(source) as terminal:
        terminal.type("for 1\n")
        assert terminal.said(1) == [["ended", 0]]
        terminal.type("for 2\n")
        assert terminal.said(2) == [["ended", 0], ["ended", 0]]


def test_our_own_words_on_its_terminal_do_not_stop_us() -> None:
    source = """
child = begin("read -r line")
say("still here")
say("ended", wait(child))
"""
    with on_terminal(source, tostop=True) as terminal:
        assert terminal.said(1) == [["still here"]]
        terminal.type("\n")
        assert terminal.said(2)[1] == ["ended", 0]


def test_in_the_background_it_leaves_the_terminal_to_the_shell() -> None:
    source = """
before = os.tcgetpgrp(0)
child = begin("sleep 0.1")
say(os.tcgetpgrp(0) == before != os.getpgrp(), *place(child.pid))
wait(child)
say(take_terminal_back(0), os.tcgetpgrp(0) == before)
"""
    with on_terminal(source, "sh", "-mc", '"$@" & wait', "sh") as terminal:
        assert terminal.said(2) == [[True, True, True, False], [False, True]]


@pytest.mark.parametrize("stdin", ["None", "os.open('/dev/null', 0)", "os.pipe()[0]"])
def test_without_a_terminal_it_has_a_group_of_its_own_in_our_session(stdin: str) -> None:
    source = f"""
child = begin("sleep 60", stdin={stdin}, stdout=None, stderr=None)
say(*place(child.pid))
os.kill(child.pid, signals.TERM)
say(wait(child))
"""
    assert driver.run(FOREGROUND + source) == [[True, True, False], [143]]


def test_a_terminal_of_another_session_is_left_alone() -> None:
    master, slave = pty.openpty()
    try:
        source = """
child = begin("test -t 0 && exit 3", stdout=None, stderr=None)
say(wait(child), take_terminal_back(0))
"""
        done = subprocess.run(
            driver.command(FOREGROUND + source),
            timeout=20,
            stdin=slave,
            capture_output=True,
            check=False,
            start_new_session=True,
        )
        assert done.stdout == b"[3, false]\n"
    finally:
        os.close(master)
        os.close(slave)


def test_the_group_in_the_foreground_is_ended_as_a_whole() -> None:
    source = """
child = begin("sleep 97 & sleep 97 & wait", stdout=None, stderr=None, stdin=None)
exits = []
reaper.watch(child.pid, lambda exit: exits.append(exit.status))
def gone(ended):
    say(type(ended).__name__, exits, [proc.comm for proc in procs.scan() if proc.pgid == child.pid])
    loop.stop()
ladder = end_group(loop, reaper, child.pid, 5000, gone)
loop.run()
"""
    [[kind, exits, left]] = driver.run(FOREGROUND + source)
    assert (kind, exits, left) == ("Gone", [143], [])


@pytest.mark.rule("WW-25")
def test_every_signal_that_can_be_passed_on_is_heard() -> None:
    source = """
os.close(wake_fd)
loop.remove(wake_fd)
wake_fd = signals.install(signals.EVERY)
loop.attach_signals(wake_fd)
loop.on_signal(lambda number: say(number))
say(signals.EVERY)
loop.run()
"""
    with driver.started(source) as process:
        [every] = json.loads(process.stdout.readline())
        for number in every:
            if number != signal.SIGCHLD:
                process.send_signal(number)
                assert json.loads(process.stdout.readline()) == [number]
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTTIN, signal.SIGTTOU, signal.SIGTERM):
            process.send_signal(number)
        assert json.loads(process.stdout.readline()) == [signal.SIGTERM]
    left = set(map(int, signal.valid_signals())) - set(every)
    names = {signal.Signals(number).name[3:] for number in left}
    assert names == {"KILL", "STOP", "PIPE", "XFSZ", "TTIN", "TTOU", "SEGV", "BUS", "FPE", "ILL"}
