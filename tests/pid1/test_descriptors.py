"""PID 1 with no descriptor left: what it cannot do it tries again, it does not spin, and it can be stopped."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time

import pytest

from tests.support.firstprocess import First
from tests.support.home import Home
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until

SPIN_S = 0.3
"""Processor time in one second of being asked in vain; a loop that spins uses all of it."""


def limit(first: First, most: int) -> None:
    """No more than so many descriptors from now on; those that are open stay."""
    _, hard = resource.prlimit(first.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(first.pid, resource.RLIMIT_NOFILE, (most, hard))


def what_it_keeps(first: First) -> int:
    """A limit that leaves PID 1 what is open for the whole run, and nothing for a pipe, a file or a client."""
    known = first.descriptors()
    journal = next(fd for fd, target in known.items() if "/journal/" in target)
    assert set(range(journal)) < set(known), "below it all are taken"
    return journal + 1


def knock(home: Home) -> socket.socket:
    """A connection to the control socket; nobody has to take it."""
    client = socket.socket(socket.AF_UNIX)
    # The path of a socket may not be long: it is named from inside of its directory.
    directory = os.open(home.root / "run", os.O_PATH)
    client.connect(f"/proc/self/fd/{directory}/ctl")
    os.close(directory)
    return client


def exhausted(home: Home) -> First:
    """Up, and then with no descriptor to be had."""
    home.settings(restart={"backoff_s": 0.2, "backoff_max_s": 0.2, "limit": 1000}, stop={"budget_s": 4})
    home.hook("svcdown")
    home.service("main")
    first = First(home).up()
    until(lambda: "run main" in home.calls(), "its first life")
    main = first.outside(home.status()["services"][0]["pid"])
    limit(first, what_it_keeps(first))
    os.kill(main, signal.SIGKILL)
    return first


@pytest.mark.rule("D-pid1-descriptors", "D-service-restart")
def test_a_service_comes_back_when_there_are_descriptors_again(home: Home) -> None:
    first = exhausted(home)
    first.instance.wait_message("Too many open files")
    before = first.instance.messages().count("Too many open files")
    until(lambda: first.instance.messages().count("Too many open files") >= before + 2, "further attempts")
    assert home.calls() == ["run main"]
    limit(first, 1024)
    first.instance.wait_state("UP", 2)
    until(lambda: home.calls().count("run main") == 2, "its second life")
    assert home.status()["services"][0]["restarts"] >= 3
    assert first.stop() == 0
    assert "svcdown" in home.calls()
    assert "internal error" not in first.instance.messages()


@pytest.mark.rule("D-pid1-descriptors", "D-control-hostile")
def test_clients_that_cannot_be_taken_cost_no_processor_and_are_answered_later(home: Home) -> None:
    home.service("main")
    first = First(home).up()
    limit(first, what_it_keeps(first))
    waiting = [knock(home) for _ in range(20)]
    before = first.cpu_s()
    deadline = time.monotonic() + 1
    until(lambda: time.monotonic() >= deadline, "one second of it")
    assert first.cpu_s() - before < SPIN_S
    limit(first, 1024)
    for client in waiting:
        client.close()
    assert home.status()["state"] == "UP"
    assert first.stop() == 0


@pytest.mark.rule("D-pid1-descriptors", "WW-25")
def test_a_stop_without_descriptors_keeps_its_budget_and_ends_everything(home: Home) -> None:
    home.hook("svcup", "setsid sleep 300 > /dev/null 2>&1 &")
    first = exhausted(home)
    first.instance.wait_message("Too many open files")
    with Stopwatch() as watch:
        assert first.stop() in (0, 1), "its svcdown could not be started"
    assert watch.seconds < 5.5
    assert first.instance.states()[-1] == "STOPPED"
