"""The descriptors of this process as a whole: which are open, which are passed on, which a forked child keeps."""

from __future__ import annotations

import os

FIRST_FREE_FD = 3
_MOST_UNLISTED = 65_536
"""How far descriptors are looked for by number, where `/proc` does not list them: the limit may be a thousand million."""


def close_all_but(keep: tuple[int, ...]) -> None:
    """In a forked child: close every descriptor but 0, 1, 2 and `keep`."""
    for fd in set(_open_descriptors()) - set(keep):
        if fd >= FIRST_FREE_FD:
            try:
                os.close(fd)
            except OSError:
                continue  # It was the listing's own descriptor, closed by now.


def close_inherited() -> int:
    """At the start of PID 1: open /dev/null on 0, 1 and 2 where they are closed, mark all others close-on-exec.

    Returns how many were marked. They stay open in this process: whoever handed one over may mean us to hold it.
    """
    fd = os.open(os.devnull, os.O_RDWR)
    while fd < FIRST_FREE_FD:
        os.set_inheritable(fd, True)
        fd = os.dup(fd)
    os.close(fd)
    marked = 0
    for fd in _open_descriptors():
        if fd >= FIRST_FREE_FD:
            try:
                marked += os.get_inheritable(fd)
                os.set_inheritable(fd, False)
            except OSError:
                continue  # It was the listing's own descriptor, closed by now.
    return marked


def _open_descriptors() -> list[int]:
    try:
        return [int(entry) for entry in os.listdir("/proc/self/fd")]
    except OSError:
        limit = os.sysconf("SC_OPEN_MAX")
        return list(range(FIRST_FREE_FD, min(limit, _MOST_UNLISTED) if limit > 0 else _MOST_UNLISTED))
