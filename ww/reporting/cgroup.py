"""What the kernel tells of our own cgroup, of version 1 or 2, and of pressure: a key is there only where its file is.

Inside a container the path of our cgroup is `/` (a namespace of its own), or the host's while only our part is mounted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.types import JsonObject

ROOT = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"
PRESSURE = "/proc/pressure"
_LIMIT_BYTES = 1 << 14
_UNLIMITED = 1 << 62
"""What version 1 says for no limit is just below 2^63."""
_RESOURCES = ("cpu", "memory", "io")


class Cgroup:
    """The cgroup in which this process is; `root`, `membership` and `pressure` are where the kernel has its files."""

    def __init__(self, root: str = ROOT, membership: str = MEMBERSHIP, pressure: str = PRESSURE) -> None:
        self._root = root
        self._pressure = pressure
        self._old, self._new = _memberships(_read(membership) or "")

    def figures(self) -> JsonObject:
        """CPU, memory, kills and processes of the cgroup."""
        of_two = self._of_two()
        # A hybrid machine has both trees, and its controllers in the older one.
        return {**of_two, **self._of_one()}

    def pressure(self) -> JsonObject:
        """The share of the last ten seconds in which somebody waited (`some`), or everybody (`full`), in percent.

        `of` says whose: that of our cgroup, or of the whole machine where the cgroup has none.
        """
        for of, pattern in (("cgroup", "{}.pressure"), ("machine", "")):
            found: JsonObject = {}
            for resource in _RESOURCES:
                text = self._two(pattern.format(resource)) if pattern else _read(f"{self._pressure}/{resource}")
                for line in (text or "").splitlines():
                    kind, _, rest = line.partition(" avg10=")
                    share = _number(rest.partition(" ")[0])
                    if share is not None and kind in ("some", "full"):
                        found[f"{resource}_{kind}_percent"] = share
            if found:
                return {"of": of, **found}
        return {}

    def _of_two(self) -> JsonObject:
        found: JsonObject = {}
        cpu = _pairs(self._two("cpu.stat"))
        _put(found, "cpu_ms", cpu.get("usage_usec"), 1000)
        _put(found, "throttled_ms", cpu.get("throttled_usec"), 1000)
        _put(found, "throttled_periods", cpu.get("nr_throttled"))
        _put(found, "periods", cpu.get("nr_periods"))
        quota, _, period = (self._two("cpu.max") or "").strip().partition(" ")
        _put_limit(found, _whole(quota), _whole(period))
        _put(found, "memory_bytes", _whole(self._two("memory.current")))
        _put(found, "memory_limit_bytes", _whole(self._two("memory.max")))
        _put(found, "memory_peak_bytes", _whole(self._two("memory.peak")))
        _put(found, "memory_reclaimable_bytes", _pairs(self._two("memory.stat")).get("inactive_file"))
        _put(found, "oom_kills", _pairs(self._two("memory.events")).get("oom_kill"))
        _put(found, "processes", _whole(self._two("pids.current")))
        _put(found, "processes_limit", _whole(self._two("pids.max")))
        return found

    def _of_one(self) -> JsonObject:
        found: JsonObject = {}
        _put(found, "cpu_ms", _whole(self._one("cpuacct", "cpuacct.usage")), 1_000_000)
        cpu = _pairs(self._one("cpu", "cpu.stat"))
        _put(found, "throttled_ms", cpu.get("throttled_time"), 1_000_000)
        _put(found, "throttled_periods", cpu.get("nr_throttled"))
        _put(found, "periods", cpu.get("nr_periods"))
        quota, period = self._one("cpu", "cpu.cfs_quota_us"), self._one("cpu", "cpu.cfs_period_us")
        _put_limit(found, _whole(quota), _whole(period))
        _put(found, "memory_bytes", _whole(self._one("memory", "memory.usage_in_bytes")))
        limit = _whole(self._one("memory", "memory.limit_in_bytes"))
        _put(found, "memory_limit_bytes", limit if limit is not None and limit < _UNLIMITED else None)
        _put(found, "memory_peak_bytes", _whole(self._one("memory", "memory.max_usage_in_bytes")))
        memory = _pairs(self._one("memory", "memory.stat"))
        _put(found, "memory_reclaimable_bytes", memory.get("total_inactive_file"))
        _put(found, "oom_kills", _pairs(self._one("memory", "memory.oom_control")).get("oom_kill"))
        _put(found, "processes", _whole(self._one("pids", "pids.current")))
        _put(found, "processes_limit", _whole(self._one("pids", "pids.max")))
        return found

    def _two(self, name: str) -> str | None:
        if self._new is None:
            return None
        for mount in (self._root, f"{self._root}/unified"):
            text = _first(_places(mount, self._new, name))
            if text is not None:
                return text
        return None

    def _one(self, controller: str, name: str) -> str | None:
        path = self._old.get(controller)
        return _first(_places(f"{self._root}/{controller}", path, name)) if path is not None else None


def _memberships(text: str) -> tuple[dict[str, str], str | None]:
    """Our path by controller of version 1, and in the tree of version 2."""
    old: dict[str, str] = {}
    new = None
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "/../" in f"{path}/":
            continue  # above the root of our namespace is nothing that we could see
        if number == "0" and not controllers:
            new = path
        else:
            old.update(dict.fromkeys(controllers.split(","), path))
    return old, new


def _places(mount: str, path: str, name: str) -> Iterator[str]:
    for place in dict.fromkeys((path.rstrip("/"), "")):
        yield f"{mount}{place}/{name}"


def _first(paths: Iterator[str]) -> str | None:
    return next((text for text in map(_read, paths) if text is not None), None)


def _read(path: str) -> str | None:
    """A small file; None where it is not there, not ours to read, or has nothing to say now."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError):
        return None
    try:
        return os.read(fd, _LIMIT_BYTES).decode("ascii", "replace")
    except OSError:
        return None
    finally:
        os.close(fd)


def _pairs(text: str | None) -> dict[str, int]:
    """`name number` in each line."""
    found = {}
    for line in (text or "").splitlines():
        name, _, value = line.partition(" ")
        number = _whole(value)
        if number is not None:
            found[name] = number
    return found


def _whole(text: str | None) -> int | None:
    word = (text or "").strip()
    return int(word) if word.isascii() and word.isdecimal() and len(word) <= 20 else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 100 else None


def _put(found: JsonObject, name: str, value: int | None, divisor: int = 1) -> None:
    if value is not None:
        found[name] = value // divisor


def _put_limit(found: JsonObject, quota: int | None, period: int | None) -> None:
    """CPU that may be used, in percent of one; there is none where the quota is `max` or -1."""
    if quota is not None and period:
        found["cpu_limit_percent"] = round(100 * quota / period, 1)
