"""Clients that mean harm, against a real `ww run` under load: services come back and people are answered as ever."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.firstprocess import First
from tests.support.home import WW, Home
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.home.control import Answer, ask

BACK_S = 2.0
"""From the kill of a service to its next life, on a machine that hundreds of clients keep busy; alone it takes 3 ms."""

CROWD = r"""
import os, select, socket, sys, time
directory = os.open(sys.argv[1], os.O_PATH)
where = f"/proc/self/fd/{directory}/ctl"
lines = (b"", b'{"v":1,"op":"stat', b'{"v":1,"op":"status"}\n', b"[" * 5000 + b"\n", b"x" * 40000, b"\0" * 10)
def knock(number):
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    try:
        client.connect(where)
        client.send(lines[number % len(lines)])
    except OSError:
        pass
    return client
crowd = [knock(number) for number in range(200)]
print("all there", flush=True)
number = 0
while True:
    # Whoever was sent away comes again: the crowd keeps its size. None of them ever reads.
    poller = select.poll()
    for client in crowd:
        poller.register(client, 0)
    gone = {fd for fd, event in poller.poll(20) if event & (select.POLLHUP | select.POLLERR)}
    for place, client in enumerate(crowd):
        if client.fileno() in gone:
            number += 1
            client.close()
            crowd[place] = knock(number)
    time.sleep(0.02)
"""


@contextmanager
def crowd(home: Home) -> Iterator[None]:
    """Two hundred connections, kept up, in a process of their own."""
    command = [sys.executable, "-I", "-S", "-c", CROWD, str(home.root / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"all there\n"
            yield
        finally:
            process.kill()


def service_row(home: Home) -> dict[str, object]:
    """The row of the only service, asked by a client as honest as `ww status`."""
    answer = ask(str(home.root / "run"), {"op": "status"}, 10)
    assert isinstance(answer, Answer), answer
    assert answer.ok, answer.body
    row: dict[str, object] = answer.body["status"]["services"][0]
    return row


@pytest.mark.rule("D-pid1-clients", "D-control-hostile", "D-service-restart")
def test_two_hundred_hostile_clients_hold_up_neither_services_nor_people(
    home: Home, record_property: pytest.RecordProperty
) -> None:
    home.service("main", "while :; do echo a line of a busy service; sleep 0.01; done", backoff_s=0, limit=1000)
    first = First(home).up()
    before = len(first.descriptors())
    times = []
    with crowd(home):
        for life in range(1, 6):
            row = service_row(home)
            pid = first.outside(int(str(row["pid"])))
            with Stopwatch() as watch:
                os.kill(pid, signal.SIGKILL)
                until(lambda life=life: home.calls().count("run main") == life + 1, "its next life")  # type: ignore[misc]
            times.append(watch.seconds)
            until(lambda life=life: service_row(home)["restarts"] == life, "ww status knows of it")  # type: ignore[misc]
        asked = subprocess.run(
            [*WW, "status"], env={**os.environ, "WW_ROOT": str(home.root)}, capture_output=True, text=True, check=False
        )
        assert asked.returncode == 0, asked.stderr
        assert len(first.descriptors()) < before + 150
    record_property("killed to next life among 200 hostile clients, s", [round(took, 3) for took in times])
    assert max(times) < BACK_S
    until(lambda: len(first.descriptors()) == before, "all of them are forgotten", 15)
    assert first.stop() == 0


@pytest.mark.rule("D-pid1-clients", "D-control-hostile")
def test_a_client_that_says_nothing_is_sent_away_and_a_stop_does_not_wait_for_it(home: Home) -> None:
    home.service("main")
    first = First(home).up()
    directory = os.open(home.root / "run", os.O_PATH)
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as stopped:
        silent.connect(f"/proc/self/fd/{directory}/ctl")
        assert select.select([silent], [], [], 10)[0], "it is told"
        assert b'"late"' in silent.recv(4096)
        stopped.connect(f"/proc/self/fd/{directory}/ctl")
        assert first.stop() == 0
        assert stopped.recv(100) == b""
    os.close(directory)
