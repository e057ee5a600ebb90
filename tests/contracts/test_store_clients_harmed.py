"""Clients of stores against servers that are none, trickle, or are vouched for by the wrong authority."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.stopwatch import Stopwatch
from ww.clients.errors import Broken, ClientError, TlsFault, Unavailable, UnknownOutcome
from ww.clients.etcd import Etcd
from ww.clients.http import HttpClient, Options
from ww.clients.tls import Tls

pytestmark = [pytest.mark.timeout(60), pytest.mark.rule("D-clients-outcome")]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
TRUSTING = """
import sys
from ww.clients.errors import ClientError
from ww.clients.tls import Tls
from ww.clients.zookeeper import ZooKeeper
import time
client = ZooKeeper([sys.argv[1]], 5, tls=Tls(ca_file=sys.argv[2]))
try:
    client.connect(time.monotonic() + 2)
except ClientError as error:
    print(error)
"""


@contextmanager
def serving(answer, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server whose every connection is given to `answer`; its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(client: socket.socket) -> None:
            try:
                with client if tls is None else tls.wrap_socket(client, server_side=True) as end:
                    answer(end, over)
            except OSError:
                return

        def accept() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        over.set()


def trickling(end: socket.socket, over: threading.Event) -> None:
    end.recv(65536)
    end.sendall(HEAD)
    while not over.wait(0.1):
        end.sendall(b" ")


def saying(body: bytes):
    def answer(end: socket.socket, _: threading.Event) -> None:
        end.recv(65536)
        end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    return answer


def test_an_etcd_that_trickles_holds_nobody_beyond_the_deadline() -> None:
    with serving(trickling) as port:
        client = Etcd([f"http://127.0.0.1:{port}"])
        for call, wanted in (
            (lambda until: client.put("/a", b"", until), UnknownOutcome),
            (lambda until: client.read("/a", until), Unavailable),
        ):
            with Stopwatch() as watch, pytest.raises(wanted):
                call(time.monotonic() + 1)
            assert watch.seconds < 2
        client.close()


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b'{"header":7}', b'"x"', b"<html>", b'{"header":{"revision":"x"}}']
)
def test_what_is_no_etcd_is_said_so(body: bytes) -> None:
    with serving(saying(body)) as port:
        client = Etcd([f"http://127.0.0.1:{port}"])
        with pytest.raises(Unavailable, match="is this etcd"):
            client.read("/a", time.monotonic() + 2)
        client.close()


def test_a_zookeeper_is_trusted_by_the_authority_that_is_named_and_no_other(tmp_path: Path) -> None:
    machine, ours = Authority(tmp_path, "machine"), Authority(tmp_path, "ours")
    context = machine.server()
    came = []

    def note(end: socket.socket, _: threading.Event) -> None:
        came.append(end.recv(100))

    with serving(note, context) as port:
        said = subprocess.run(
            [sys.executable, "-c", TRUSTING, f"localhost:{port}", ours.ca_file],
            env={**os.environ, "SSL_CERT_FILE": machine.ca_file},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    assert came == []
    assert "certificate" in said.stdout


def test_a_connection_that_breaks_after_the_request_is_not_said_to_have_carried_nothing(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.server()

    def spoil(end: ssl.SSLSocket, _: threading.Event) -> None:
        end.recv(65536)
        # No record of TLS at all, behind the request that was taken.
        raw = socket.socket(fileno=os.dup(end.fileno()))
        with raw:
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)

    with serving(spoil, context) as port:
        client = HttpClient(Options(tls=Tls(ca_file=authority.ca_file), environment_proxies=False))
        with pytest.raises(ClientError) as caught:
            client.request("POST", f"https://localhost:{port}/", time.monotonic() + 3, body=b"x")
        assert isinstance(caught.value, Broken)
        assert not isinstance(caught.value, TlsFault)
        client.close()
