"""The reporter's end of the line to PID 1: one JSON object in each datagram."""

from __future__ import annotations

import json
import select
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.types import JsonObject

FD = 3
"""Where the reporter finds its end."""
DATAGRAM_BYTES = 64 << 10
ROOM_MS = 1_000
"""How long a message waits for room; PID 1 that is stopped by somebody must not stop every thread here."""


class Line:
    """Any thread may send; one reads."""

    def __init__(self, fd: int = FD) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._socket.setblocking(True)
        self._lock = threading.Lock()

    def messages(self) -> Iterator[JsonObject]:
        """What PID 1 says, until it has gone."""
        while True:
            try:
                text = self._socket.recv(DATAGRAM_BYTES)
            except ConnectionError:
                return
            if not text:
                return
            yield json.loads(text)

    def send(self, message: JsonObject) -> bool:
        """Say it; False if PID 1 has gone, takes nothing, or the message is longer than a datagram may be."""
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
            "utf-8", "replace"
        )
        if len(text) > DATAGRAM_BYTES:
            return False
        with self._lock:
            try:
                return self._send(text)
            except OSError:
                return False

    def _send(self, text: bytes) -> bool:
        for _ in range(2):
            try:
                self._socket.send(text, socket.MSG_DONTWAIT)
            except BlockingIOError:
                poller = select.poll()
                poller.register(self._socket, select.POLLOUT)
                poller.poll(ROOM_MS)
            else:
                return True
        return False
