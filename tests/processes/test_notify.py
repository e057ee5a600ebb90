"""Services that report in the protocol of sd_notify: the real `systemd-notify`, Python's own socket, and hostile ones."""

from __future__ import annotations

import array
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.clock import Clock
from ww.supervise.loop import Loop
from ww.supervise.notify import MOST_AT_ONCE, WINDOW_MS, Notice, NotifySocket

pytestmark = pytest.mark.rule("D-service-notify")

SERVICE_USER = 412345
STRANGER = 412346


class Listener:
    """A loop with one notify socket, and what it heard."""

    def __init__(self, loop: Loop, *uids: int) -> None:
        self.loop = loop
        self.heard: list[Notice] = []
        self.socket = NotifySocket(loop, self.heard.append, frozenset(uids))

    def until(self, condition: Callable[[], object], what: str) -> None:
        def turned() -> object:
            self.loop.turn(wait=False)
            return condition()

        until(turned, what)

    def send(self, *datagrams: bytes) -> None:
        with sender() as made:
            for datagram in datagrams:
                made.sendto(datagram, self.abstract)

    @property
    def abstract(self) -> bytes:
        return b"\0" + self.socket.address[1:].encode()


def sender() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


@pytest.fixture
def listener() -> Iterator[Listener]:
    loop = Loop(Clock())
    made = Listener(loop, SERVICE_USER)
    yield made
    made.socket.close()
    loop.close()


@pytest.fixture
def systemd_notify() -> str:
    found = shutil.which("systemd-notify")
    if found is None:
        pytest.skip("systemd-notify: not installed; it is in Debian's package systemd")
    return found


def as_user(uid: int) -> list[str]:
    if os.getuid() != 0:
        pytest.skip("root: another identity can be tried by root alone")
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


def finished(listener: Listener, process: subprocess.Popen[bytes]) -> int:
    listener.until(lambda: process.poll() is not None, "the end of the sender")
    listener.loop.turn(wait=False)
    assert process.returncode is not None
    return process.returncode


def test_the_real_systemd_notify_is_heard_and_need_not_wait(listener: Listener, systemd_notify: str) -> None:
    env = {**os.environ, "NOTIFY_SOCKET": listener.socket.address}
    with Stopwatch() as sending:
        for arguments in (["--ready", "--status=héllo"], ["STOPPING=1"], ["--pid=1", "EXTEND_TIMEOUT_USEC=2000000"]):
            with subprocess.Popen([systemd_notify, *arguments], env=env) as process:
                assert finished(listener, process) == 0
    # It sends BARRIER=1 with a descriptor and waits 5 s for its close.
    assert sending.seconds < 4
    assert listener.heard == [Notice(ready=True, status="héllo"), Notice(stopping=True), Notice(extend_ms=2000)]
    assert listener.socket.ignored == 0


def test_only_the_users_that_are_named_are_heard(listener: Listener, systemd_notify: str) -> None:
    env = {**os.environ, "NOTIFY_SOCKET": listener.socket.address}
    for uid, heard in ((SERVICE_USER, 1), (STRANGER, 1), (SERVICE_USER, 2)):
        with subprocess.Popen([*as_user(uid), systemd_notify, "--ready"], env=env, cwd="/") as process:
            assert finished(listener, process) == 0
        assert listener.heard == [Notice(ready=True)] * heard
    assert listener.socket.ignored > 0


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def test_descriptors_that_are_sent_along_are_closed_at_once(listener: Listener) -> None:
    readers = []
    before = descriptors()
    with sender() as made:
        for count in (1, 2, 100):
            pairs = [os.pipe() for _ in range(count)]
            readers += [reader for reader, _ in pairs]
            rights = array.array("i", [writer for _, writer in pairs])
            extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
            made.sendmsg([b"BARRIER=1\nREADY=1"], extra, 0, listener.abstract)
            for _, writer in pairs:
                os.close(writer)
        listener.until(lambda: len(listener.heard) == 3, "three notices")
    for reader in readers:
        assert os.read(reader, 1) == b""  # the other end is closed: nobody holds it
        os.close(reader)
    assert descriptors() == before


def test_what_is_too_long_or_no_text_is_ignored_and_counted(listener: Listener) -> None:
    listener.send(b"READY=1\n" + b"x" * 4096, b"STATUS=\xff", b"READY=1\0", b"READY=1\n".ljust(4096, b"\n"))
    listener.until(lambda: listener.heard, "the one that is well")
    assert listener.heard == [Notice(ready=True)]
    assert listener.socket.ignored == 3
    listener.send(b"BARRIER=1", b"MAINPID=7", b"", b"WATCHDOG=1")
    listener.until(lambda: len(listener.heard) == 2, "the next")
    assert listener.heard[1] == Notice(watchdog=True)
    assert listener.socket.ignored == 3


def test_each_address_is_its_own_and_goes_with_its_socket(listener: Listener) -> None:
    other = Listener(listener.loop)
    assert other.socket.address != listener.socket.address
    assert len(other.socket.address) == 4 + 32
    other.send(b"READY=1")
    listener.until(lambda: other.heard, "the notice of the other")
    assert listener.heard == []
    other.socket.close()
    other.socket.close()
    with pytest.raises(ConnectionRefusedError):
        other.send(b"READY=1")


def test_it_may_be_closed_by_the_one_who_is_told(listener: Listener) -> None:
    heard: list[Notice] = []

    def once(notice: Notice) -> None:
        heard.append(notice)
        closing.close()

    closing = NotifySocket(listener.loop, once, frozenset())
    with sender() as made:
        for _ in range(3):
            made.sendto(b"READY=1", b"\0" + closing.address[1:].encode())
    listener.until(lambda: heard, "the first")
    listener.loop.turn(wait=False)
    assert heard == [Notice(ready=True)]


FLOOD = """
import socket, sys
made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
made.connect(b"\\0" + sys.argv[1][1:].encode())
print("ready", flush=True)
try:
    while True:
        made.send(b"STATUS=" + b"x" * 4000)
except ConnectionRefusedError:
    pass
"""


def queued() -> float:
    """For how many ms this thread could have gone on so far, while others had the processors."""
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1]) / 1e6


@pytest.mark.parametrize("heard", [True, False], ids=["of the service", "of a stranger"])
def test_a_flood_costs_no_more_than_its_share(listener: Listener, heard: bool) -> None:
    user = [] if heard else as_user(STRANGER)
    python = sys.executable if heard else "/usr/bin/python3"
    quiet = Listener(listener.loop)
    floods = [
        subprocess.Popen([*user, python, "-I", "-c", FLOOD, listener.socket.address], stdout=subprocess.PIPE, cwd="/")
        for _ in range(2)
    ]
    for flood in floods:
        assert flood.stdout is not None
        flood.stdout.readline()
    # How late a busy machine makes all is another matter: a tick is late by what was not spent in waiting for a processor.
    late_ms: list[float] = []
    busy_s: list[float] = []
    began = due = listener.loop.now_ms()
    cpu = done_s = time.process_time()
    queued_ms = queued()

    def tick() -> None:
        nonlocal due, done_s, queued_ms
        before_s, before_ms = done_s, queued_ms
        done_s, queued_ms = time.process_time(), queued()
        now = listener.loop.now_ms()
        late_ms.append(now - due - (queued_ms - before_ms))
        busy_s.append(done_s - before_s)
        if now - began < 1000:
            due = now + 20
            listener.loop.call_at(due, tick)
        else:
            listener.loop.stop()

    tick()
    quiet.send(b"READY=1")
    listener.loop.run()
    spent_s = time.process_time() - cpu
    taken = len(listener.heard) + listener.socket.ignored
    windows = (listener.loop.now_ms() - began) // WINDOW_MS + 1
    listener.socket.close()
    quiet.socket.close()
    for flood in floods:
        assert flood.wait(10) == 0
        assert flood.stdout is not None
        flood.stdout.close()
    assert MOST_AT_ONCE <= taken <= MOST_AT_ONCE * windows
    assert quiet.heard == [Notice(ready=True)]
    assert sorted(late_ms)[len(late_ms) // 2] <= 5
    assert sum(busy_s) / len(busy_s) <= 0.005
    assert spent_s < 0.5
