"""Clients that ask a web server without pause, and count every answer that did not come whole."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

TIMEOUT_S = 20.0


def get(port: int, path: str = "/") -> tuple[int, str, http.client.HTTPMessage]:
    """Status, body and headers, over a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)) as connection:
        return _ask(connection, path)


def _ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, str, http.client.HTTPMessage]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


class Hammer:
    """Clients on `port` for as long as the context lasts.

    `fresh` of them open a connection for each request, `kept` keep theirs. What a server closes between two requests
    they do as every client of HTTP must (RFC 9110, 9.2.2): they ask again, once, over a new connection.
    """

    def __init__(self, port: int, paths: tuple[str, ...] = ("/",), *, fresh: int = 3, kept: int = 2) -> None:
        self._port = port
        self._over = threading.Event()
        self._count = threading.Lock()
        self.answers = 0
        self.asked_again = 0
        self.failures: list[str] = []
        jobs = [self._ask_afresh] * fresh + [self._ask_on] * kept
        self._threads = [
            threading.Thread(target=job, args=(paths[number % len(paths)],), daemon=True)
            for number, job in enumerate(jobs)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S + 5)
            assert not thread.is_alive(), "a client hangs"

    def _ask_afresh(self, path: str) -> None:
        while not self._over.is_set():
            self._judge(path, self._try(path))

    def _ask_on(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        used = False
        while not self._over.is_set():
            try:
                status = _ask(connection, path)[0]
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
                connection.close()
                if not used:
                    self._judge(path, repr(error))
                else:
                    with self._count:
                        self.asked_again += 1
                used = False
                continue
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                used = False
                self._judge(path, repr(error))
                continue
            used = True
            self._judge(path, "" if status == 200 else f"status {status}")
        connection.close()

    def _try(self, path: str) -> str:
        try:
            status = get(self._port, path)[0]
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        return "" if status == 200 else f"status {status}"

    def _judge(self, path: str, failure: str) -> None:
        with self._count:
            if failure:
                self.failures.append(f"{path}: {failure}")
            else:
                self.answers += 1


class Upstream:
    """A web server behind another; `asked` are the paths it was asked for. Below /slow it takes `SLOW_S` for its answer."""

    SLOW_S = 0.4

    def __init__(self) -> None:
        upstream = self
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                upstream.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "10")
                self.end_headers()
                for _ in range(10):
                    if self.path.startswith("/slow"):
                        time.sleep(upstream.SLOW_S / 10)
                    self.wfile.write(b"x")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
