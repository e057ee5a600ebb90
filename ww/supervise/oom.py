"""How often the kernel has killed for want of memory in our own cgroup: read before and after, it tells why one died.

Cgroup v2 counts in `memory.events`, v1 in `memory.oom_control` (since Linux 4.13). Inside a container the path of
our cgroup is `/` (a namespace of its own), or the host's path while only our part of the tree is mounted.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMBERSHIP_BYTES = 1 << 14
_COUNTER_BYTES = 1 << 12


class OomCounter:
    """The counter of the cgroup in which this process is when it is read first."""

    __slots__ = ("_membership", "_path", "_root")

    def __init__(self, cgroup_root: str = "/sys/fs/cgroup", membership: str = "/proc/self/cgroup") -> None:
        self._root = cgroup_root
        self._membership = membership
        self._path: str | None = None

    def read(self) -> int | None:
        """How many processes were killed so far; None where neither counter can be read. Never blocks, never raises."""
        if self._path is not None:
            return _oom_kill(self._path)
        for path in self._candidates():
            count = _oom_kill(path)
            if count is not None:
                self._path = path
                return count
        return None

    def _candidates(self) -> Iterator[str]:
        """Where the counter may be, the likeliest first: a hybrid machine has both trees and counts in the older one."""
        old, new = _paths(_read(self._membership, _MEMBERSHIP_BYTES))
        for mount, path, name in (
            ("memory", old, "memory.oom_control"),
            ("", new, "memory.events"),
            ("unified", new, "memory.events"),
        ):
            # Above the root of our namespace is nothing that we could see.
            if path is not None and "/../" not in f"{path}/":
                for place in dict.fromkeys((path.rstrip("/"), "")):
                    yield f"{os.path.join(self._root, mount).rstrip('/')}{place}/{name}"


def _paths(membership: bytes) -> tuple[str | None, str | None]:
    """Our cgroup in the tree of v1's memory controller, and in that of v2."""
    old = new = None
    for line in membership.splitlines():
        number, _, rest = line.partition(b":")
        controllers, _, path = rest.partition(b":")
        if b"memory" in controllers.split(b","):
            old = os.fsdecode(path)
        elif number == b"0" and not controllers:
            new = os.fsdecode(path)
    return old, new


def _oom_kill(path: str) -> int | None:
    for line in _read(path, _COUNTER_BYTES).splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == b"oom_kill" and words[1].isdigit():
            return int(words[1])
    return None


def _read(path: str, limit_bytes: int) -> bytes:
    """At most `limit_bytes` of a file; empty when it is not there, not ours to read, or nothing that can be read now."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError):
        return b""
    try:
        return os.read(fd, limit_bytes)
    except OSError:
        return b""
    finally:
        os.close(fd)
