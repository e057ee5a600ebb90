"""scripts/services: real servers come up, answer, and go down; nothing else is touched."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.services import SCRIPT
from tests.support.waiting import until

pytestmark = [pytest.mark.rule("D-services"), pytest.mark.timeout(300)]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "WW_SERVICES_DIR": str(tmp_path / "services")}


def services(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], env=environ, capture_output=True, text=True, check=False)


def ping(address: str) -> bytes:
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(100)


def test_redis_comes_up_answers_and_goes_down_beside_a_bystander(environ: dict[str, str], tmp_path: Path) -> None:
    first = services(environ, "up", "redis")
    if first.returncode == 69:
        pytest.skip(f"redis: {first.stderr.strip()}")
    own = ["--port", "0", "--unixsocket", str(tmp_path / "sock"), "--save", ""]
    bystander = subprocess.Popen(["redis-server", *own], stdout=subprocess.DEVNULL, cwd=tmp_path)
    try:
        address = first.stdout.split()[1]
        assert ping(address) == b"+PONG\r\n"
        assert services(environ, "up", "redis").stdout == first.stdout, "a second `up` finds the first"
        assert address in services(environ, "status").stdout

        assert services(environ, "down").stdout == "redis is down\n"
        with pytest.raises(ConnectionRefusedError):
            ping(address)
        assert bystander.poll() is None
    finally:
        services(environ, "down")
        bystander.kill()
        bystander.wait()


def test_a_member_of_a_cluster_is_killed_and_comes_back_as_it_was(environ: dict[str, str]) -> None:
    first = services(environ, "up", "etcd3")
    if first.returncode == 69:
        pytest.skip(f"etcd3: {first.stderr.strip()}")
    try:
        addresses = first.stdout.split()[1].split(",")
        assert len(set(addresses)) == 3
        pid = int(Path(environ["WW_SERVICES_DIR"], "etcd3", "2", "pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        until(lambda: "etcd3/2      down" in services(environ, "status", "etcd3").stdout, "the member is down")
        assert services(environ, "again", "etcd3/2").stdout == f"etcd3/2 {addresses[1]}\n"
        assert services(environ, "up", "etcd3").stdout == first.stdout
        assert f"etcd3/2      {addresses[1]}  pid" in services(environ, "status", "etcd3").stdout
        assert services(environ, "down", "etcd3").stdout == "etcd3 is down\n"
    finally:
        services(environ, "down")
    gone = services(environ, "again", "etcd3")
    assert gone.returncode == 69
    assert "etcd3 was not started here" in gone.stderr


def test_a_pid_that_was_used_again_is_not_ended(environ: dict[str, str]) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        directory = Path(environ["WW_SERVICES_DIR"], "redis")
        directory.mkdir(parents=True)
        (directory / "pid").write_text(f"{bystander.pid} 1")
        assert services(environ, "down").stdout == ""
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["up", "mysql"], "does not know mysql"), (["restart"], "scripts/services up"), (["need"], "scripts/services up")],
)
def test_wrong_words_are_explained(environ: dict[str, str], arguments: list[str], words: str) -> None:
    answer = services(environ, *arguments)
    assert answer.returncode == 64
    assert words in answer.stderr


def test_what_cannot_be_had_is_named_with_its_reason(environ: dict[str, str], tmp_path: Path) -> None:
    """On a PATH with nothing but Python there is neither the tool nor an apt-get."""
    (tmp_path / "python3").symlink_to(os.path.realpath(sys.executable))
    answer = services({**environ, "PATH": str(tmp_path)}, "need", "shellcheck")
    assert answer.returncode == 69
    why = "there is no apt-get here" if os.getuid() == 0 else "this user is not root; run: apt-get install shellcheck"
    assert f"tests of the shell scripts are skipped: shellcheck is not installed; {why}" in answer.stderr
