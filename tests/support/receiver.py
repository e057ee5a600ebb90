"""A receiver of events: a real HTTP server with an oracle of what it was sent, and with faults on request.

As a program (`python receiver.py [--port N] [--store FILE] [--slow S]`) it prints its URL, and keeps what it has stored in
FILE, so that it may be killed at any moment: what it confirmed is there again, once, when it comes back.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

BATCH = "application/cloudevents-batch+json"
SINGLE = "application/cloudevents+json"


@dataclass
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    """The body as it was sent."""
    peer: tuple[str, int] = ("", 0)
    certificate: dict[str, Any] | None = None

    @property
    def body(self) -> bytes:
        """The body, unpacked."""
        return gzip.decompress(self.raw) if self.headers.get("content-encoding") == "gzip" else self.raw

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in it, in any of the modes of CloudEvents; none if it is something else."""
        kind = self.headers.get("content-type", "").split(";")[0]
        if kind == BATCH:
            return list(json.loads(self.body))
        if kind == SINGLE:
            return [json.loads(self.body)]
        if "ce-id" in self.headers:
            names = {name: value for name, value in self.headers.items() if name.startswith("ce-")}
            return [{**{name[3:]: value for name, value in names.items()}, "data": json.loads(self.body)}]
        return []


@dataclass
class Reply:
    """What is answered; `body` is sent as it is, or as JSON if it is an object."""

    status: int = 200
    body: bytes | dict[str, Any] | list[Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    store: bool = False
    """Whether the events are stored before this answer."""

    def encoded(self) -> bytes:
        """The bytes of the body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Fault = Callable[["Receiver", "Handler", Request], Reply | None]
"""Answers a request in the receiver's place. None: it has done what it wanted with the connection, which then ends."""


def status(code: int, body: bytes | dict[str, Any] = b"", *, store: bool = False, **headers: str) -> Fault:
    """Just this status; `retry_after="3"` gives the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _receiver, _handler, _request: Reply(code, body, named, store)


def slow(seconds: float) -> Fault:
    """Store and answer properly, but late."""

    def fault(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        receiver.over.wait(seconds)
        return receiver.take(request)

    return fault


def hang(_receiver: Receiver, handler: Handler, _request: Request) -> None:
    """Say nothing for ever."""
    handler.server_over.wait(60)


def reset(_receiver: Receiver, handler: Handler, _request: Request) -> None:
    """End the connection with a reset, unanswered."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(handler.connection.detach())


def stored_then_reset(receiver: Receiver, handler: Handler, request: Request) -> None:
    """Store everything, and let the answer be lost."""
    receiver.take(request)
    reset(receiver, handler, request)


def truncated(receiver: Receiver, handler: Handler, request: Request) -> None:
    """Store, and answer only half of what the header promises."""
    body = receiver.take(request).encoded() + b"    "
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
    handler.wfile.write(body[: len(body) // 2])


def trickle(pause_s: float) -> Fault:
    """Answer one byte at a time, so that no read ever times out."""

    def fault(receiver: Receiver, handler: Handler, _request: Request) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 4000:
            handler.wfile.write(bytes([byte]))
            if receiver.over.wait(pause_s):
                return

    return fault


def trickle_body(pause_s: float) -> Fault:
    """Headers at once, the body one byte at a time."""

    def fault(receiver: Receiver, handler: Handler, _request: Request) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        for _ in range(4000):
            handler.wfile.write(b" ")
            if receiver.over.wait(pause_s):
                return

    return fault


def rejecting(*ids: str, reason: str = "not valid") -> Fault:
    """Store all events but these, which are rejected by id."""

    def fault(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        reply = receiver.take(request, lambda event: event["id"] not in ids)
        rejected = [{"id": event["id"], "reason": reason} for event in request.events if event["id"] in ids]
        return Reply(200, {**json.loads(reply.encoded()), "rejected": rejected})

    return fault


def at_most(events: int) -> Fault:
    """413 for a request with more events than this."""

    def fault(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        return Reply(413) if len(request.events) > events else receiver.take(request)

    return fault


def poisoned(*ids: str, code: int = 400) -> Fault:
    """400 for a request that holds any of these events."""

    def fault(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        return Reply(code) if {event["id"] for event in request.events} & set(ids) else receiver.take(request)

    return fault


def replying(**more: Any) -> Fault:
    """The collector's reply, with other or further members; None leaves one out."""

    def fault(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        body = {**json.loads(receiver.take(request).encoded()), **more}
        return Reply(200, {name: value for name, value in body.items() if value is not None})

    return fault


class Handler(BaseHTTPRequestHandler):
    """Reads one request after another from a kept connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server  # type: ignore[assignment]

    @property
    def server_over(self) -> threading.Event:
        """Set when the receiver ends."""
        return self.server.receiver.over

    def handle(self) -> None:
        """A client may leave in any way it likes."""
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError, TimeoutError, ValueError):
            self.close_connection = True

    def _serve(self) -> None:
        receiver = self.server.receiver
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:
            self.close_connection = True
            return
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, raw, self.client_address[:2], certificate)  # type: ignore[arg-type]
        reply = receiver.answer(self, request)
        if reply is None:
            self.close_connection = True
            return
        body = reply.encoded() if self.command != "HEAD" else b""
        self.send_response(reply.status)
        if isinstance(reply.body, (dict, list)):
            self.send_header("Content-Type", "application/json")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET = do_HEAD = do_OPTIONS = do_PATCH = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    receiver: Receiver
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake belongs to the connection's own thread."""
        if self.context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(10)
        try:
            wrapped = self.context.wrap_socket(request, server_side=True)
        except OSError as error:
            self.receiver.handshakes_failed.append(str(error))
            request.close()
            return
        wrapped.settimeout(None)
        with wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, _request: Any, _address: Any) -> None:
        """A client that leaves is no error."""


class Receiver:
    """Use it as a context. `faults` are used up one per request; `always` answers when there is none left."""

    def __init__(self, port: int = 0, context: ssl.SSLContext | None = None, store: str = "", host: str = "127.0.0.1"):
        self.over = threading.Event()
        self.faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.collector = True
        """Whether it replies as a collector does, or with 204 and no words."""
        self.authorization = ""
        """The header that is asked for; "": none."""
        self.requests: list[Request] = []
        self.events: dict[tuple[str, str], dict[str, Any]] = {}
        """What is stored, by (source, id), in the order of arrival."""
        self.sent: Counter[tuple[str, str]] = Counter()
        """How often each event came."""
        self.handshakes_failed: list[str] = []
        self._lock = threading.Lock()
        self._file = self._open(store) if store else None
        self._server = _Server((host, port), Handler)
        self._server.receiver = self
        self._server.context = context
        scheme = "https" if context else "http"
        self.host, self.port = host, int(self._server.server_address[1])
        self.url = f"{scheme}://{'localhost' if context else host}:{self.port}/v1/events"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def ids(self) -> list[str]:
        """The ids of what is stored, in the order of arrival."""
        return [key[1] for key in self.events]

    def answer(self, handler: Handler, request: Request) -> Reply | None:
        """What a request is answered."""
        with self._lock:
            self.requests.append(request)
            fault = self.faults.popleft() if self.faults else self.always
        if self.authorization and request.headers.get("authorization") != self.authorization:
            return Reply(401)
        if fault is None:
            return self.take(request)
        reply = fault(self, handler, request)
        if reply is not None and reply.store:
            self.take(request)
        return reply

    def take(self, request: Request, wanted: Callable[[dict[str, Any]], bool] = lambda _event: True) -> Reply:
        """Store the events that are new, and reply."""
        duplicates = 0
        events = request.events
        with self._lock:
            for event in events:
                key = (event["source"], event["id"])
                self.sent[key] += 1
                if not wanted(event):
                    continue
                duplicates += key in self.events
                if key not in self.events:
                    self.events[key] = event
                    if self._file:
                        self._file.write(json.dumps(event).encode() + b"\n")
            if self._file:
                self._file.flush()
        if not self.collector or not events:
            return Reply(204)
        return Reply(
            200, {"acked_to": max(int(event["id"]) for event in events), "duplicates": duplicates, "rejected": []}
        )

    def _open(self, path: str) -> Any:
        if os.path.exists(path):
            with open(path, "rb") as file:
                whole = file.read()
            whole = whole[: whole.rfind(b"\n") + 1]
            os.truncate(path, len(whole))
            for line in whole.splitlines():
                event = json.loads(line)
                self.events[event["source"], event["id"]] = event
        return open(path, "ab")


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--store", default="")
    parser.add_argument("--slow", type=float, default=0.0)
    arguments = parser.parse_args()
    receiver = Receiver(arguments.port, store=arguments.store, host=arguments.host)
    if arguments.slow:
        receiver.always = slow(arguments.slow)
    with receiver:
        print(receiver.url, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
