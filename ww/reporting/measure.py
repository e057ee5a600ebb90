"""What an instance uses, measured: processes, cgroup, disk, pressure, network (docs/probes.md, "Measurements").

What cannot be read is left out; nothing is told as zero that is not known to be zero.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ww.reporting.cgroup import Cgroup

if TYPE_CHECKING:
    from psutil import Process

    from ww.types import JsonObject

PROPORTIONAL_PROCESSES = 256
PROPORTIONAL_BYTES = 4 << 30
"""Above either the proportional size is left out: the kernel walks all of the memory for it."""
MOST_PROCESSES = 4096
"""More are counted, and not looked at one by one."""


class Measures:
    """`pid1` is the process of `ww run`, `data` the directory of the volume. One thread may sample."""

    def __init__(self, pid1: int, data: str, cgroup: Cgroup | None = None) -> None:
        self._pid1 = pid1
        self._data = data
        self._cgroup = cgroup or Cgroup()
        self._earlier: dict[str, tuple[float, float]] = {}

    def sample(self) -> JsonObject:
        """One JSON object; its names end in their units."""
        found = self._of_processes()
        cgroup = self._cgroup.figures()
        self._share(cgroup, "cgroup")
        kills = cgroup.pop("oom_kills", None)
        if kills is not None:
            found["oom_kills"] = kills
        parts = {
            "cgroup": cgroup,
            "data": disk(self._data),
            "pressure": self._cgroup.pressure(),
            "network": network(),
        }
        return {**found, **{name: part for name, part in parts.items() if part}}

    def _of_processes(self) -> JsonObject:
        """Of `ww run` and everything below it; the CPU time of those that have ended is kept by whoever waited for them."""
        import psutil

        try:
            first = psutil.Process(self._pid1)
            members = [first, *first.children(recursive=True)]
        except psutil.Error:
            return {}
        found: JsonObject = {"processes": len(members), "start_time_ms": round(first.create_time() * 1000)}
        if len(members) > MOST_PROCESSES:
            return found
        sums = _Sums()
        for member in members:
            sums.add(member)
        found.update(sums.figures())
        size = found.get("rss_bytes")
        if len(members) <= PROPORTIONAL_PROCESSES and isinstance(size, int) and size <= PROPORTIONAL_BYTES:
            shares = _Sums(proportional=True)
            for member in members:
                shares.add(member)
            found.update(shares.figures())
        self._share(found, "processes")
        return found

    def _share(self, found: JsonObject, of: str) -> None:
        """`cpu_percent`: CPU used since the sample before, in percent of one CPU."""
        used_ms = found.get("cpu_ms")
        if not isinstance(used_ms, int):
            return
        now = time.monotonic()
        at, before_ms = self._earlier.get(of, (now, 0.0))
        self._earlier[of] = (now, used_ms)
        # Whoever ignores the end of its children loses their time: a sum that has become smaller tells no share.
        if now > at and used_ms >= before_ms:
            found["cpu_percent"] = round((used_ms - before_ms) / (now - at) / 10, 1)


class _Sums:
    """Sums over processes; a sum that one of them refuses is not told at all. One that has ended counts for nothing."""

    def __init__(self, proportional: bool = False) -> None:
        self._figures = {"pss_bytes": 0} if proportional else {"cpu_ms": 0, "rss_bytes": 0, "threads": 0, "fds": 0}
        self._refused: set[str] = set()

    def add(self, process: Process) -> None:
        """One more process."""
        import psutil

        with process.oneshot():
            for name in self._figures:
                if name in self._refused:
                    continue
                try:
                    self._figures[name] += _figure(process, name)
                except (psutil.NoSuchProcess, ProcessLookupError):
                    return
                except (psutil.Error, OSError, AttributeError):
                    self._refused.add(name)

    def figures(self) -> JsonObject:
        """What is known."""
        return {name: value for name, value in self._figures.items() if name not in self._refused}


def _figure(process: Process, name: str) -> int:
    match name:
        case "cpu_ms":
            times = process.cpu_times()
            return round(1000 * (times.user + times.system + times.children_user + times.children_system))
        case "rss_bytes":
            return int(process.memory_info().rss)
        case "threads":
            return int(process.num_threads())
        case "fds":
            return int(process.num_fds())
    return int(process.memory_full_info().pss)


def disk(path: str) -> JsonObject:
    """Room on the file system of `path`; nothing where there is no such directory."""
    try:
        room = os.statvfs(path)
    except OSError:
        return {}
    size, unit = room.f_blocks, room.f_frsize
    found: JsonObject = {}
    if size:
        used = size - room.f_bfree
        found = {
            "total_bytes": size * unit,
            "used_bytes": used * unit,
            "free_bytes": room.f_bavail * unit,
            "used_percent": round(100 * used / (used + room.f_bavail), 1) if used + room.f_bavail else 100.0,
        }
    if room.f_files:
        found |= {"inodes": room.f_files, "inodes_free": room.f_favail}
    return found


def network() -> JsonObject:
    """What went through the network of our namespace since it is there, the loopback left out."""
    import psutil

    try:
        cards = psutil.net_io_counters(pernic=True, nowrap=False)
    except (OSError, psutil.Error):
        return {}
    outer = [card for name, card in cards.items() if name != "lo"]
    if not outer:
        return {}
    return {
        "received_bytes": sum(card.bytes_recv for card in outer),
        "sent_bytes": sum(card.bytes_sent for card in outer),
    }
