"""Real servers and tools for tests, by scripts/services. A test that cannot have one skips and says why."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.paths import REPO

SCRIPT = REPO / "scripts" / "services"
START_TIMEOUT_S = 300


def _ask(verb: str, name: str) -> str:
    command = [str(SCRIPT), verb, name]
    asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_TIMEOUT_S)
    if asked.returncode:
        pytest.skip(f"{name}: {asked.stderr.strip()}")
    return asked.stdout


def server(name: str) -> str:
    """`HOST:PORT` of a running server (redis, etcd, zookeeper, postgres, nginx), started if it is not up."""
    return _ask("up", name).split()[1]


def need(name: str) -> None:
    """A tool (fiu, unshare, faketime, shellcheck), installed if that is possible."""
    _ask("need", name)
