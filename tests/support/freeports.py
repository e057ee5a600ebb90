"""Ports of the loopback interface that a test's own server may have, and an address where nobody answers."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
FROM_SYSTEM = 32_000
"""A little above it the system usually begins to give ports to connections (`ip_local_port_range`): one of those may be
somebody's before we listen on it."""
_HELD: list[socket.socket] = []


def free_port() -> int:
    """One that nobody listens on, nor any other test on this machine is given while this process lives."""
    for port in random.sample(range(20_000, FROM_SYSTEM), 1_000):
        with socket.socket() as probe:
            # As a server does: what its last clients have left does not keep it from the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if _is_taken(probe, (HOST, port)):
                continue
        claim = socket.socket(socket.AF_UNIX)
        if not _is_taken(claim, f"\0whaleware-test-port-{port}"):
            _HELD.append(claim)
            return port
        claim.close()
    raise AssertionError("no free port")


def _is_taken(unbound: socket.socket, address: str | tuple[str, int]) -> bool:
    try:
        unbound.bind(address)
    except OSError:
        return True
    return False


def nobody() -> str:
    """HOST:PORT where every connection is refused for as long as this process lives: somebody has it who never listens."""
    silent = socket.socket()
    silent.bind((HOST, 0))
    _HELD.append(silent)
    return f"{HOST}:{silent.getsockname()[1]}"
