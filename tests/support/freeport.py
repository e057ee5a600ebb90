"""A port for a server that is started later."""

from __future__ import annotations

import random
import socket

LOWEST, HIGHEST = 20_000, 32_000
"""Below those that the kernel gives to whoever connects without naming one.

One of those may go to any connection of this machine before the server has it. And who knocks there until the server
comes may be given the very port as his own: he meets himself, and the server finds it taken.
"""


def free_port() -> int:
    """A port of all addresses that nobody has, and that no client is given by chance."""
    for port in random.sample(range(LOWEST, HIGHEST), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port
    raise AssertionError(f"no port of 100 between {LOWEST} and {HIGHEST} is free")
