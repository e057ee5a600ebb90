"""A TCP proxy between a client and a real server that does on request what networks do.

Use it as a context; clients connect to `host`, `port`. The faults may be changed at any time and hold for connections that
exist already: `latency_s`, `bytes_per_s`, `blackhole` (takes everything, passes nothing on), `refuse` (new connections are
reset at once), `cut_after` (reset after so many bytes from the server), and the calls `reset` and `half_close`.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from typing import Self

CHUNK = 16384


class FaultProxy:
    """Passes on to (`host`, `port`) what it is sent."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self.latency_s = 0.0
        """Added to each piece, in each direction."""
        self.bytes_per_s = 0
        """0: as fast as it goes."""
        self.blackhole = False
        self.refuse = False
        self.cut_after: int | None = None
        self.accepted = 0
        """Connections so far."""
        self.passed = 0
        """Bytes so far, both ways."""
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._over = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host, self.port = "127.0.0.1", int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def reset(self) -> None:
        """End every connection with a reset, towards both sides."""
        for pair in list(self._pairs):
            for end in pair:
                _reset(end)
            self._pairs.discard(pair)

    def half_close(self) -> None:
        """Tell the clients that the server has nothing more to say, while theirs is still taken."""
        for client, _ in list(self._pairs):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)

    def _accept(self) -> None:
        while not self._over:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.refuse:
                _reset(client)
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, 5)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        pair = (client, server)
        self._pairs.add(pair)
        other = threading.Thread(target=self._pump, args=(client, server, False), daemon=True)
        other.start()
        self._pump(server, client, True)
        other.join()
        self._pairs.discard(pair)
        for end in pair:
            end.close()

    def _pump(self, source: socket.socket, target: socket.socket, from_server: bool) -> None:
        done = 0
        try:
            while chunk := self._read(source):
                time.sleep(self.latency_s)
                if self.bytes_per_s:
                    time.sleep(len(chunk) / self.bytes_per_s)
                while self.blackhole and not self._over:
                    time.sleep(0.01)
                target.sendall(chunk)
                done += len(chunk)
                self.passed += len(chunk)
                if from_server and self.cut_after is not None and done >= self.cut_after:
                    _reset(source)
                    _reset(target)
                    return
            target.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            _reset(source)
            _reset(target)

    def _read(self, source: socket.socket) -> bytes:
        while not select.select([source], [], [], 0.2)[0]:
            if self._over:
                return b""
        size = min(CHUNK, max(1, self.bytes_per_s // 20)) if self.bytes_per_s else CHUNK
        if self.cut_after is not None:
            size = max(1, min(size, self.cut_after))
        return source.recv(size)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        end.close()
