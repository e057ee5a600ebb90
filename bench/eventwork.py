"""What the rows of events measure, each in a process of its own under ww's interpreter: `eventwork.py WHAT PLACE …` prints JSON.

The journal, the keeper of the spool, the delivery and the sink are the real ones; so are disk and sockets.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from ww.clock import Clock, FakeClock
from ww.events.journal import Journal
from ww.events.model import Event
from ww.events.segment import encode_event
from ww.events.spool import Cursors, Reader
from ww.events.wire import Boot
from ww.sinks.delivery.deadletters import DeadLetters
from ww.sinks.delivery.options import options_of
from ww.sinks.delivery.ports import Ports
from ww.sinks.delivery.thread import Delivery

BOOT = "0197c2d4a6f07c3e9b1f5d2e8c4a6b70"
PRESENT = Boot("shop", "shop-7f3a", BOOT)
NO_LIMIT = 1 << 40
JOURNALLED = 50_000
SYNCED = 100
PATIENCE_S = 60.0
SAMPLE_S, DAY_S = 30, 86_400
JOURNAL_BYTES, AGE_S = 16 << 20, 7 * DAY_S
"""The defaults of `ww.journal`."""
SMALL = {"healthy": True, "monitor": {"clients": 12, "queue": {"waiting": 3, "oldest_s": 0.25}}, "interval_ms": 30000}
FULL = {
    **SMALL,
    "ww": {
        "uptime_s": 86400,
        "restarts": 0,
        "processes": 12,
        "start_time_ms": 1795292921320,
        "cpu_ms": 3_600_000,
        "cpu_percent": 34.24,
        "rss_bytes": 1_625_292_800,
        "pss_bytes": 868_147_200,
        "threads": 48,
        "fds": 311,
        "oom_kills": 0,
        "cgroup": {
            "cpu_ms": 25021535,
            "cpu_percent": 41.17,
            "throttled_ms": 1200,
            "throttled_periods": 12,
            "periods": 864000,
            "memory_bytes": 541151232,
            "memory_peak_bytes": 645136384,
            "memory_limit_bytes": 2147483648,
            "memory_reclaimable_bytes": 382218240,
        },
        "data": {
            "total_bytes": 270553174016,
            "used_bytes": 35735322624,
            "free_bytes": 73208971264,
            "used_percent": 32.8,
            "inodes": 16777216,
            "inodes_free": 15788937,
        },
        "pressure": {
            "of": "cgroup",
            "cpu_some_percent": 34.24,
            "cpu_full_percent": 0.12,
            "memory_some_percent": 0.56,
            "memory_full_percent": 0.11,
            "io_some_percent": 4.82,
            "io_full_percent": 2.26,
        },
        "network": {"received_bytes": 10302126861, "sent_bytes": 2711775891},
    },
}
"""A sample with all that ww measures by itself."""


def journal(place: str) -> dict[str, Any]:
    """Events a second into the journal, as PID 1 writes them."""
    line = Journal(place, 1, BOOT, Clock(), NO_LIMIT, 0)
    return {"per_s": rate(JOURNALLED, lambda: line.append("health", SMALL))}


def journal_told(place: str) -> dict[str, Any]:
    """The same, with the position of each told to a reporter that reads all day long."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        while theirs.recv(1 << 16):
            pass
        os._exit(0)
    theirs.close()
    ours.setblocking(False)

    class Told:
        left_out = 0

        def position(self, seq: int) -> None:
            try:
                ours.send(b'{"t":"position","seq":%d}' % seq)
            except BlockingIOError:
                self.left_out += 1

    line = Journal(place, 1, BOOT, Clock(), NO_LIMIT, 0)
    told = Told()
    line.on_written = told.position
    return {"per_s": rate(JOURNALLED, lambda: line.append("health", SMALL)), "left_out": told.left_out}


def journal_floor(place: str) -> dict[str, Any]:
    """One write per record, of records that are ready."""
    fd = os.open(f"{place}/floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    record = encode_event(Event(1, "health", 1_795_292_921_320, 65_696, SMALL))
    return {"per_s": rate(JOURNALLED, lambda: os.write(fd, record))}


def rate(count: int, work: Callable[[], object]) -> float:
    """Times a second."""
    began = time.perf_counter()
    for _ in range(count):
        work()
    return count / (time.perf_counter() - began)


def disk_floor(place: str) -> dict[str, Any]:
    """Milliseconds of one write, and of one write with its sync, on this disk."""
    fd = os.open(f"{place}/floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    record = encode_event(Event(1, "health", 1_795_292_921_320, 65_696, SMALL))
    written, synced = [], []
    for _ in range(SYNCED):
        began = time.perf_counter_ns()
        os.write(fd, record)
        written.append(since_ms(began))
        os.fdatasync(fd)
        synced.append(since_ms(began))
    return {"written_ms": written, "synced_ms": synced}


def since_ms(began_ns: int) -> float:
    return round((time.perf_counter_ns() - began_ns) / 1e6, 4)


class Sending:
    """A journal with `count` events, and the delivery of them to `url`."""

    def __init__(self, place: str, url: str, count: int, **options: Any) -> None:
        from ww.sinks.base import Context, Origin
        from ww.sinks.http import TYPE

        line = Journal(place, 1, BOOT, Clock(), NO_LIMIT, 0)
        for _ in range(count):
            line.append("health", SMALL)
        self._count = count
        self._cursors = Cursors([place])
        self._done = threading.Event()
        self.said: list[str] = []
        given = {"type": "http", "url": url, **options}
        ports = Ports(
            source=Reader([place], running=BOOT),
            bookmarks=self,
            letters=DeadLetters(place, "hub", 1 << 20, self._say),
            present=PRESENT,
            say=self._say,
        )
        context = Context("hub", Origin("shop", "shop-7f3a", BOOT), str, print, self.said.append)
        self._delivery = Delivery(TYPE.make(given, context), options_of("hub", given), ports)

    def get(self, name: str) -> Any:
        return self._cursors.get(name)

    def set(self, name: str, position: Any) -> None:
        self._cursors.set(name, position)
        if position.seq == self._count:
            self._done.set()

    def run(self) -> float:
        """Seconds from the start of the delivery until everything is known to be delivered."""
        began = time.perf_counter()
        self._delivery.start()
        if not self._done.wait(PATIENCE_S):
            raise TimeoutError(f"not delivered within {PATIENCE_S:g} s; it said: {self.said[-3:]}")
        return time.perf_counter() - began

    def _say(self, _level: str, words: str) -> None:
        self.said.append(words)


def out(place: str, url: str, count: str, core: str) -> dict[str, Any]:
    """Events a second out of the journal to a receiver."""
    pin(core)
    sending = Sending(place, url, int(count))
    return {"per_s": int(count) / sending.run(), **asked(url)}


def out_floor(_place: str, url: str, count: str, core: str) -> dict[str, Any]:
    """Events a second by requests alone, of batches that are ready."""
    pin(core)
    import requests

    event = {"specversion": "1.0", "id": "000000000001", "sequence": "000000000001", "data": SMALL}
    whose = {"source": f"/instances/shop/shop-7f3a/boots/{BOOT}", "type": "dev.whaleware.instance.health.v1"}
    more = {"subject": "shop-7f3a", "time": "2026-11-25T10:01:04.696Z", "datacontenttype": "application/json"}
    body = json.dumps([{**event, **whose, **more}] * 500).encode()
    session = requests.Session()
    began = time.perf_counter()
    for _ in range(int(count) // 500):
        session.post(url, data=body, timeout=10).raise_for_status()
    return {"per_s": int(count) / (time.perf_counter() - began)}


def after(place: str, url: str, count: str, core: str) -> dict[str, Any]:
    """A backlog that waits for its receiver."""
    pin(core)
    sending = Sending(place, url, int(count), retry={"first_s": 0.2, "max_s": 0.5}, breaker={"open_s": 0.5})
    sending.run()
    return asked(url)


def asked(url: str) -> dict[str, Any]:
    """What the receiver says that it has seen."""
    import urllib.request

    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own receiver
        seen: dict[str, Any] = json.load(answer)
    if not seen["ordered"]:
        raise AssertionError(f"out of order: {seen}")
    return seen


def outage(place: str) -> dict[str, Any]:
    """Bytes on disk after a day in which nothing could be delivered, by a fake clock."""
    from ww.events.keeper import Keeper
    from ww.events.keeper import Ports as KeeperPorts
    from ww.events.retention import Limits

    clock = FakeClock()
    line = Journal(place, 1, BOOT, clock, JOURNAL_BYTES, 0)
    line.bounded = False
    gaps: list[object] = []
    cursors = Cursors([place], clock)
    ports = KeeperPorts(gaps.append, lambda _seq: None, gaps.append)
    keeper = Keeper([place], BOOT, cursors, Limits(JOURNAL_BYTES, AGE_S * 1000), ports, clock)
    keeper.configure(["hub"])
    count = DAY_S // SAMPLE_S
    for _ in range(count):
        clock.advance(SAMPLE_S * 1000)
        line.append("health", FULL)
        keeper.step()
    keeper.flush()
    reader = Reader([place], running=BOOT)
    left = len(reader.read(2 * count, NO_LIMIT))
    sizes = [entry.stat().st_size for entry in os.scandir(place) if entry.is_file()]
    if left != count or gaps:
        raise AssertionError(f"{left} of {count} are left: {gaps[:3]}")
    return {"bytes": sum(sizes), "events": left}


def pin(core: str) -> None:
    """Run on one core from now on."""
    os.sched_setaffinity(0, {int(core)})


WORKS: dict[str, Callable[..., dict[str, Any]]] = {
    work.__name__: work for work in (journal, journal_told, journal_floor, disk_floor, out, out_floor, after, outage)
}

if __name__ == "__main__":
    print(json.dumps(WORKS[sys.argv[1]](*sys.argv[2:])), flush=True)
    os._exit(0)  # whatever a delivery still waits for
