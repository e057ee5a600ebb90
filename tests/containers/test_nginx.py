"""The nginx image in containers: as root and as anyone, reloaded under load, stopped by the engine."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hammer import Hammer, get
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.containers.conftest import Boxes
    from tests.support.engine import Box, Engine

RELOADS = 20


def port_of(box: Box) -> int:
    """Where the engine publishes port 8080."""
    box.raw.reload()
    return int(box.raw.ports["8080/tcp"][0]["HostPort"])


def reload(box: Box, **values: object) -> None:
    """Change the configuration as `docker cp` of a layer does, and have it taken over."""
    text = json.dumps(values)
    wrote = box.exec(["sh", "-c", 'mkdir -p /ww/etc/conf.d && echo "$0" >/ww/etc/conf.d/90-operator.json', text])
    assert wrote.exit_code == 0, wrote.output
    done = box.exec("ww reload")
    assert done.exit_code == 0, done.output


LARGE_BYTES = 64_000_000


def address_of(box: Box) -> str:
    """Its own address in the engine's network: what the engine publishes goes through a process that ends with it."""
    box.raw.reload()
    return str(next(iter(box.raw.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"])


class Reader:
    """A client that has read the first bytes of the large answer."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, 8080, timeout=20)
        self._connection.request("GET", "/large")
        self._answer = self._connection.getresponse()
        self._read = len(self._answer.read(1000))

    def rest(self) -> int:
        """All bytes that came in the end."""
        with closing(self._connection):
            return self._read + len(self._answer.read())


PUBLISHED = {"8080/tcp": ("127.0.0.1", None)}


@pytest.mark.rule("D-image-nginx")
def test_it_serves_as_root_with_workers_that_are_not(engine: Engine, container: Boxes) -> None:
    box = container(engine.image("nginx"), ports=PUBLISHED)
    box.wait_state("UP")
    assert box.raw.image.labels["org.opencontainers.image.version"] == "1.0"
    assert "It serves." in get(port_of(box))[1]
    assert "GET / HTTP/1.1" in box.logs(), "requests are in the container log"
    users = box.exec(
        ["sh", "-c", "grep -h ^Uid: $(grep -l '^nginx: worker' /proc/[0-9]*/cmdline | sed 's/cmdline/status/')"]
    )
    assert users.exit_code == 0
    assert {line.split()[1] for line in users.output.decode().splitlines()} == {"33"}
    until(lambda: box.health() == "healthy", "the engine's health", 30)
    assert box.health_of_monitor()["dropped"] == 0
    assert box.stop() == 0


@pytest.mark.rule("D-image-nginx", "D-everywhere")
@pytest.mark.parametrize(
    "options",
    [
        {"user": "12345"},
        {"user": "12345", "read_only": True, "cap_drop": ["ALL"]},
        {"read_only": True, "tmpfs": {"/run": ""}},
        {"init": True},
        {"cap_drop": ["ALL"], "cap_add": ["CHOWN", "SETGID", "SETUID", "KILL"]},
    ],
    ids=["anyone", "anyone-read-only-no-capabilities", "root-read-only", "under-an-init", "root-few-capabilities"],
)
def test_it_serves_wherever_it_is_put(engine: Engine, container: Boxes, options: dict[str, Any]) -> None:
    box = container(engine.image("nginx"), ports=PUBLISHED, **options)
    box.wait_state("UP")
    assert "It serves." in get(port_of(box))[1]
    assert box.exec("ww reload").exit_code == 0
    assert "It serves." in get(port_of(box))[1]
    assert box.stop() == 0


@pytest.mark.rule("D-image-nginx-reload")
def test_twenty_reloads_in_a_container_lose_no_request(engine: Engine, container: Boxes, record_property: Any) -> None:
    box = container(engine.image("nginx"), ports=PUBLISHED, environment={"CFG": '{"log": {"access": false}}'})
    box.wait_state("UP")
    port = port_of(box)
    with Hammer(port, fresh=3, kept=2) as hammer:
        for number in range(1, RELOADS + 1):
            before = hammer.answers
            reload(box, locations={"= /n": {"text": str(number)}})
            assert {get(port, "/n")[1] for _ in range(5)} == {str(number)}
            until(lambda before=before: hammer.answers > before + 10, "the load goes on")
    assert hammer.failures == []
    assert box.ask()["restarts"] == 0
    assert box.stop() == 0
    words = f"{hammer.answers} answers, 0 lost, {hammer.asked_again} asked again"
    record_property(f"{RELOADS} reloads of nginx in a container", words)


@pytest.mark.rule("D-image-nginx-stop")
def test_docker_stop_answers_what_is_under_way(engine: Engine, container: Boxes) -> None:
    """Clients that have read the beginning of a large answer get the whole of it, asked at the container's own address."""
    box = container(engine.image("nginx"))
    box.wait_state("UP")
    made = box.exec(["sh", "-c", f"head -c {LARGE_BYTES} /dev/zero >/ww/files/html/large"])
    assert made.exit_code == 0
    clients = [Reader(address_of(box)) for _ in range(3)]
    stopping = threading.Thread(target=box.stop, daemon=True)
    stopping.start()
    until(lambda: "state STOPPING" in box.logs(), "the stop begins")
    assert [client.rest() for client in clients] == [LARGE_BYTES] * 3
    stopping.join(20)
    assert box.exit_code() == 0


@pytest.mark.rule("D-image-nginx-stop")
def test_what_nginx_has_answered_is_sent_before_the_network_goes(engine: Engine, container: Boxes) -> None:
    """A client that reads only when nginx has ended: its answer is in the kernel of the container until then."""
    box = container(engine.image("nginx"))
    box.wait_state("UP")
    assert box.exec(["sh", "-c", "head -c 12000 /dev/zero >/ww/files/html/answer"]).exit_code == 0
    with closing(socket.socket()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.settimeout(5)
        client.connect((address_of(box), 8080))
        client.sendall(b"GET /answer HTTP/1.0\r\n\r\n")
        until(lambda: '"GET /answer HTTP/1.0" 200 12000' in box.logs(), "the answer as nginx sees it")
        stopping = threading.Thread(target=box.stop, daemon=True)
        stopping.start()
        until(lambda: "service nginx stopped" in box.logs(), "the end of nginx")
        slow = time.monotonic() + 0.5
        until(lambda: time.monotonic() > slow or not box.running(), "a client that takes its time")
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert len(received.partition(b"\r\n\r\n")[2]) == 12000
    stopping.join(20)
    assert box.exit_code() == 0
