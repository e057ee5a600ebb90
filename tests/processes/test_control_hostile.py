"""Clients of the control socket that mean harm, or are broken: real connections to a real loop."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import TwinInstance, document
from tests.support.waiting import until
from ww.home.control import Answer, ask
from ww.supervise import lineserver

pytestmark = pytest.mark.rule("D-control-hostile")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[TwinInstance]:
    with TwinInstance(str(tmp_path / "run")) as instance:
        yield instance


def connect(instance: TwinInstance) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    directory = os.open(instance.run, os.O_PATH)
    try:
        client.connect(f"/proc/self/fd/{directory}/ctl")
    finally:
        os.close(directory)
    client.settimeout(10)
    return client


def asking(instance: TwinInstance, line: bytes) -> socket.socket:
    client = connect(instance)
    client.sendall(line)
    return client


def answer(client: socket.socket) -> dict[str, object]:
    with client, client.makefile("rb") as stream:
        said: dict[str, object] = json.loads(stream.readline())
        return said


def send(client: socket.socket, data: bytes) -> None:
    """Send what the server takes; it may hang up in the middle."""
    try:
        client.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def answers_operators(instance: TwinInstance) -> bool:
    said = ask(instance.run, {"op": "ping"}, 5)
    return isinstance(said, Answer) and said.ok


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_client_that_says_nothing_is_told_so_after_two_seconds(instance: TwinInstance) -> None:
    silent = connect(instance)
    assert answers_operators(instance)
    assert answer(silent)["code"] == "late"


def test_one_byte_at_a_time_does_not_lengthen_the_two_seconds(instance: TwinInstance) -> None:
    slow = connect(instance)
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.05):
            send(slow, b" ")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        assert answers_operators(instance)
        assert answer(slow)["code"] == "late"
    finally:
        over.set()
        dripping.join()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\xff\xfe\n", "bad_request"),
        (b"\xff" * 100 + b"\n", "bad_request"),
        (b"\n", "bad_request"),
        (b"null\n", "bad_request"),
        (b"[" * 50_000 + b"\n", "bad_request"),
        (b'{"v":1,"op":"status"', "bad_request"),
        (b'{"v":1,"op":"status"}\n' * 3000, "too_long|"),
        (b"x" * (70 << 10) + b"\n", "too_long"),
        (b"x" * (1 << 20), "too_long"),
        (b'{"op":"status"}\n', "version"),
        (b'{"v":true,"op":"status"}\n', "version"),
        (b'{"v":2,"op":"status"}\n', "version"),
        (b'{"v":1}\n', "unknown_op"),
        (b'{"v":1,"op":["status"]}\n', "unknown_op"),
        (b'{"v":1,"op":"wait","state":"up"}\n', "bad_request"),
        (b'{"v":1,"op":"wait"}\n', "bad_request"),
        (b'{"v":1,"op":"maintenance"}\n', "bad_request"),
        (b'{"v":1,"op":"restart","name":7}\n', "bad_request"),
        (b'{"v":1,"op":"stop","wait":"yes"}\n', "bad_request"),
    ],
)
def test_nonsense_is_refused_in_words(instance: TwinInstance, data: bytes, code: str) -> None:
    client = connect(instance)
    send(client, data)
    client.shutdown(socket.SHUT_WR)
    said = answer(client)
    assert said.get("code", "") in code.split("|")
    assert said.get("message") or said["ok"]
    assert instance.port.asked == []
    assert answers_operators(instance)


def test_a_request_may_end_with_the_connection_instead_of_a_newline(instance: TwinInstance) -> None:
    client = connect(instance)
    client.sendall(b'{"v":1,"op":"status"}')
    client.shutdown(socket.SHUT_WR)
    assert answer(client)["status"] == document()


def test_a_flood_of_connections_locks_nobody_out_and_leaves_nothing(instance: TwinInstance) -> None:
    before = descriptors()
    held: list[socket.socket] = []
    try:
        for number in range(1000):
            held.append(connect(instance))
            if number % 100 == 50:
                assert answers_operators(instance)
            if len(held) > 100:
                held.pop(0).close()
        assert answers_operators(instance)
        assert descriptors() <= before + len(held) + lineserver.MOST_SILENT + lineserver.MOST_LEAVING + 2
    finally:
        for client in held:
            client.close()
    until(lambda: descriptors() <= before, "every descriptor is given back")


def test_clients_that_wait_are_bounded_and_the_oldest_makes_room(instance: TwinInstance) -> None:
    instance.port.status_document = document("WARMUP")
    waiting = [asking(instance, b'{"v":1,"op":"wait","state":"UP"}\n') for _ in range(lineserver.MOST_WAITING + 1)]
    assert answer(waiting.pop(0))["code"] == "displaced"
    assert answers_operators(instance)
    instance.become("UP")
    assert all(answer(client)["ok"] for client in waiting)


def test_more_honest_clients_at_once_than_may_be_silent_are_all_answered(instance: TwinInstance) -> None:
    said: list[bool] = []
    crowd = [threading.Thread(target=lambda: said.append(answers_operators(instance))) for _ in range(80)]
    quiet = [connect(instance) for _ in range(lineserver.MOST_SILENT)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert said == [True] * len(crowd)
    for client in quiet:
        client.close()


def test_a_client_that_never_reads_holds_up_nobody_and_is_dropped(instance: TwinInstance) -> None:
    before = descriptors()
    instance.port.status_document = document(reason="x" * 230_000)
    deaf = [asking(instance, b'{"v":1,"op":"status"}\n') for _ in range(lineserver.MOST_LEAVING + 4)]
    assert answers_operators(instance)
    until(lambda: descriptors() == before + len(deaf), "the server's ends are closed")
    for client in deaf:
        client.close()


def test_an_answer_too_big_for_whoever_does_not_read_closes_the_connection(instance: TwinInstance) -> None:
    before = descriptors()
    instance.port.status_document = document(reason="x" * 2_000_000)
    with connect(instance) as deaf:
        deaf.sendall(b'{"v":1,"op":"status"}\n')
        assert all(answers_operators(instance) for _ in range(3))  # after it, in turns of the loop
        until(lambda: descriptors() == before + 1, "only this end of it is open")
    assert answers_operators(instance)


def test_a_client_that_waits_and_talks_on_is_dropped(instance: TwinInstance) -> None:
    instance.port.status_document = document("WARMUP")
    talker = connect(instance)
    talker.sendall(b'{"v":1,"op":"wait","state":"UP"}\n')
    until(lambda: _hung_up(talker), "it is dropped")
    talker.close()
    assert answers_operators(instance)


def _hung_up(client: socket.socket) -> bool:
    try:
        client.sendall(b"and another thing " * 100)
    except OSError:
        return True
    return False


@pytest.mark.parametrize("how", ["half", "whole"])
def test_clients_that_die_while_they_wait_cost_nothing(instance: TwinInstance, how: str) -> None:
    instance.port.status_document = document("WARMUP")
    before = descriptors()
    for _ in range(200):
        client = connect(instance)
        client.sendall(b'{"v":1,"op":"wait","state":"UP"}\n')
        if how == "half":
            client.shutdown(socket.SHUT_WR)
        client.close()
    assert answers_operators(instance)
    until(lambda: descriptors() <= before + lineserver.MOST_WAITING, "their descriptors are given back")
    until(lambda: instance.waiting() <= (0 if how == "whole" else lineserver.MOST_WAITING), "they are forgotten")
    instance.become("UP")
    until(lambda: descriptors() == before, "nothing of them is left")


def test_a_client_that_sends_no_more_still_gets_its_answer_and_does_not_spin_the_loop(instance: TwinInstance) -> None:
    instance.port.status_document = document("WARMUP")
    client = connect(instance)
    client.sendall(b'{"v":1,"op":"wait","state":"UP"}\n')
    client.shutdown(socket.SHUT_WR)
    assert answers_operators(instance)
    turns = instance.turns
    threading.Event().wait(0.3)
    assert instance.turns - turns < 10
    instance.become("UP")
    assert answer(client)["ok"]


def test_without_free_descriptors_nothing_spins_and_later_all_is_well(instance: TwinInstance) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    directory = os.open(instance.run, os.O_PATH)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    filler = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
    try:
        while len(filler) < 4096:
            try:
                filler.append(os.dup(directory))
            except OSError:
                break
        for client in clients:
            client.connect(f"/proc/self/fd/{directory}/ctl")
        until(instance.control_is_resting, "the server gives up for a while")
        turns = instance.turns
        until(lambda: instance.turns > turns, "it tries again")
        assert instance.turns - turns < 20
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in (*filler, directory):
            os.close(fd)
        for client in clients:
            client.close()
    until(lambda: answers_operators(instance), "it answers again")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can connect as somebody else")
def test_another_user_is_refused_even_where_the_file_would_let_it(instance: TwinInstance) -> None:
    script = (
        "import os, socket, sys; fd = os.open(sys.argv[1], os.O_PATH); os.setgroups([]); os.setgid(65534); "
        "os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(f'/proc/self/fd/{fd}/ctl')\n"
        "try:\n    s.sendall(sys.argv[2].encode())\nexcept BrokenPipeError:\n    pass\n"
        "print(s.makefile().readline())"
    )

    def attempt() -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-I", "-c", script, instance.run, '{"v":1,"op":"stop"}\n']
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)

    assert os.stat(f"{instance.run}/ctl").st_mode & 0o7777 == 0o600
    assert "PermissionError" in attempt().stderr
    os.chmod(f"{instance.run}/ctl", 0o666)  # noqa: S103
    os.chmod(instance.run, 0o711)  # noqa: S103
    said = attempt()
    assert json.loads(said.stdout)["code"] == "forbidden", said
    assert instance.port.asked == []


def test_the_socket_of_a_killed_life_is_replaced(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    os.mkdir(run, 0o700)
    stale = socket.socket(socket.AF_UNIX)
    directory = os.open(run, os.O_PATH)
    stale.bind(f"/proc/self/fd/{directory}/ctl")
    os.close(directory)
    stale.close()
    with TwinInstance(run) as instance:
        assert answers_operators(instance)
        instance.end()
        assert not os.path.exists(f"{run}/ctl")


def test_a_place_where_it_cannot_listen_is_said_and_the_instance_lives(tmp_path: Path) -> None:
    (tmp_path / "run/ctl").mkdir(parents=True)
    with TwinInstance(str(tmp_path / "run")) as instance:
        assert f"cannot listen at {instance.run}/ctl" in instance.said()
        instance.become("STOPPED")
