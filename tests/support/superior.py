"""Whoever starts `ww run` and wants to hear how it stands: a receiver of sd_notify, and a reader of the probes."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.support.freeports import free_port
from tests.support.home import Home
from tests.support.waiting import until

NOBODY = 0
"""The status where nobody listens yet."""
SO_TIMESTAMPNS = 35
"""Asks for the time at which the kernel was given a message; `socket` does not have it in every version."""
TIMESPEC = struct.Struct("@ll")


class Superior:
    """Listens at a socket of its own, as systemd does; use it as a context."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._heard: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._socket.close()

    def _read(self) -> None:
        while True:
            try:
                text, stamps, _, _ = self._socket.recvmsg(1 << 16, socket.CMSG_SPACE(TIMESPEC.size))
            except OSError:
                return
            if not text:
                return
            ((_, _, stamp),) = stamps
            seconds, nanoseconds = TIMESPEC.unpack(stamp)
            self._heard.append((seconds + nanoseconds / 1e9, text.decode()))

    def heard(self) -> list[str]:
        """Every message so far."""
        return [message for _, message in list(self._heard)]

    def sent_s(self, text: str) -> list[float]:
        """When each message that is `text` was sent, as seconds of the day's clock, however late it was read."""
        return [moment for moment, message in list(self._heard) if message == text]

    def last(self, *names: str) -> str:
        """The last line that begins with one of `names`, "" if there is none."""
        lines = [line for message in self.heard() for line in message.split("\n") if line.startswith(names)]
        return lines[-1] if lines else ""

    def ready(self) -> bool:
        """What systemd would believe."""
        return self.last("READY=", "RELOADING=", "STOPPING=") == "READY=1"


class Answer:
    """What came back; `status` is NOBODY where nobody listens."""

    def __init__(self, status: int, body: str, headers: Any = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}


class Client:
    """Asks the probes at `port`."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return Answer(answer.status, answer.read().decode(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), error.headers)
        except (OSError, http.client.IncompleteRead) as error:  # the latter: it went away in the middle of its answer
            return Answer(NOBODY, str(error))

    def listening(self) -> Client:
        """Wait until somebody answers."""
        until(lambda: self.get("/livez").status == 200, "a server of the probes", 20)
        return self


def probed(home: Home, **probes: Any) -> Client:
    """`home` with probes by HTTP, and the client of them."""
    served = {"host": "127.0.0.1", "port": free_port(), **probes.pop("http", {})}
    home.settings(probes={"http": served, **probes}, monitor={"interval_s": 1})
    return Client(served["port"])


def status_file(home: Home) -> Path:
    """Where `ww.probes.file: ready` is."""
    return home.root / "run/ready"
