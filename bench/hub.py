"""A receiver that does as little as HTTP asks for: `hub.py CORE AWAY_S` prints its port, and serves until it is killed.

It counts events by their `specversion` and answers 204. GET tells what it has seen: how many, since when, whether in order.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
import time

ID = re.compile(rb'"id": ?"(\d+)"')
LONGEST_HEAD = 64 << 10


class Seen:
    """What was received so far."""

    def __init__(self) -> None:
        self.opened_s = time.monotonic()
        self.first_s = self.last_s = 0.0
        self.events = self.last_id = 0
        self.ordered = True

    def take(self, body: bytes) -> None:
        now = time.monotonic()
        self.first_s = self.first_s or now
        self.events += body.count(b'"specversion"')
        # The ids of the first and the last event are enough to see a batch that came out of turn.
        found = ID.findall(body)
        if found:
            self.ordered = self.ordered and int(found[0]) == self.last_id + 1 == int(found[-1]) - len(found) + 1
            self.last_id = int(found[-1])
        self.last_s = time.monotonic()

    def told(self) -> bytes:
        return json.dumps(
            {
                "events": self.events,
                "ordered": self.ordered,
                "waited_ms": (self.first_s - self.opened_s) * 1000,
                "took_ms": (self.last_s - self.first_s) * 1000,
            }
        ).encode()


def serve(connection: socket.socket, seen: Seen) -> None:
    """Requests of one connection until the client leaves."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = connection.makefile("rb", buffering=1 << 20)
    while line := stream.readline(LONGEST_HEAD):
        length = 0
        while (field := stream.readline(LONGEST_HEAD)) not in (b"\r\n", b"\n", b""):
            name, _, value = field.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = stream.read(length)
        if line.startswith(b"GET "):
            told = seen.told()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told))
            continue
        if line.startswith(b"POST "):
            seen.take(body)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def main() -> None:
    """Reserve a port, be away for a while, then serve until killed."""
    core, away_s = int(sys.argv[1]), float(sys.argv[2])
    os.sched_setaffinity(0, {core})
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    time.sleep(away_s)  # bound and not listening: connections are refused
    listening.listen(8)
    seen = Seen()
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection, seen), daemon=True).start()


if __name__ == "__main__":
    main()
