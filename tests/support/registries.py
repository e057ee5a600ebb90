"""Registries of a test's own, whose members can be killed, frozen and started again, and a sink in front of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.support.freeport import free_port
from tests.support.services import SCRIPT, START_TIMEOUT_S
from ww.sinks.base import Accepted, Answer, Context, Item, Origin, Sink

if TYPE_CHECKING:
    from ww.types import Json

WITHIN_S = 10.0
BOOT = "b" * 32


class Servers:
    """A server or cluster of scripts/services in a directory of its own; members are numbered from 0."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        answer = self._run("up", name)
        if answer.returncode:
            pytest.skip(f"{name}: {answer.stderr.strip()}")
        self.addresses = answer.stdout.split()[1].split(",")
        self._pids = [self._pid(number) for number in range(len(self.addresses))]

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "WW_SERVICES_DIR": str(self._directory)}
        return subprocess.run(
            [SCRIPT, *words], env=environ, capture_output=True, text=True, check=False, timeout=START_TIMEOUT_S
        )

    def _pid(self, number: int) -> int:
        member = f"/{number + 1}" if len(self.addresses) > 1 else ""
        return int(Path(f"{self._directory}/{self.name}{member}/pid").read_text().split()[0])

    def _signal(self, number: int, what: int) -> None:
        os.kill(self._pids[number], what)

    def kill(self, *numbers: int) -> None:
        for number in numbers or range(len(self.addresses)):
            self._signal(number, signal.SIGKILL)
            while _alive(self._pids[number]):
                time.sleep(0.005)

    def freeze(self, *numbers: int) -> None:
        for number in numbers or range(len(self.addresses)):
            self._signal(number, signal.SIGSTOP)

    def thaw(self, *numbers: int) -> None:
        for number in numbers or range(len(self.addresses)):
            self._signal(number, signal.SIGCONT)

    def again(self) -> None:
        """Start what was killed."""
        answer = self._run("again", self.name)
        assert answer.returncode == 0, answer.stderr
        self._pids = [self._pid(number) for number in range(len(self.addresses))]

    def close(self) -> None:
        for pid in self._pids:
            if _alive(pid):
                os.kill(pid, signal.SIGKILL)
        self._run("down", self.name)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def nobody() -> str:
    """An address where nothing listens."""
    return f"127.0.0.1:{free_port()}"


def certificates(folder: Path) -> Path:
    """ca.pem, stranger.pem (another authority), server.pem (127.0.0.1 and localhost), client.pem and client.key."""
    authority, stranger = trustme.CA(), trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    client = authority.issue_cert("web@example.org")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    # ZooKeeper reads keys in PKCS 8 only.
    key = load_pem_private_key(server.private_key_pem.bytes(), None)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(text + b"".join(blob.bytes() for blob in server.cert_chain_pems))
    client.private_key_pem.write_to_path(folder / "client.key")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    return folder


class Asked:
    """What a sink said and asked for through its context."""

    def __init__(
        self, name: str = "registry", run: str = "", instance: str = "web-1", boot: str = BOOT, **secrets: str
    ) -> None:
        self.lines: list[str] = []
        self.secrets = secrets
        origin = Origin(service="web", instance=instance, boot=boot, run=run)
        self.context = Context(name, origin, self._secret, lambda _: None, self.lines.append)

    def _secret(self, value: Json) -> str:
        return self.secrets[str(value["$secret"])] if isinstance(value, dict) else str(value)


def state(
    word: str, seq: int, *, boot: str = BOOT, boot_no: int = 1, volume: str | None = "v1", current: bool = True
) -> Item:
    """A state event as the wire makes it, as far as it matters here."""
    data = {"state": word, "boot_no": boot_no, "volume": volume, "service": "web", "instance": "web-1"}
    return _item("state", seq, boot, data, current=current)


def health(seq: int, boot: str = BOOT) -> Item:
    return _item("health", seq, boot, {"load": 0.5}, current=True)


def _item(kind: str, seq: int, boot: str, data: dict[str, Json], *, current: bool) -> Item:
    event: dict[str, Json] = {
        "specversion": "1.0",
        "id": f"{seq:012d}",
        "source": f"/instances/web/web-1/boots/{boot}",
        "time": f"2026-11-21T10:{seq // 60 % 60:02d}:{seq % 60:02d}.000Z",
        "data": data,
    }
    return Item(boot, seq, kind, event, json.dumps(event).encode(), current)


def within(seconds: float = WITHIN_S) -> float:
    return time.monotonic() + seconds


def deliver(sink: Sink, *items: Item, seconds: float = WITHIN_S) -> Sequence[Answer]:
    return sink.deliver(items, within(seconds))


def accepted(sink: Sink, *items: Item, seconds: float = WITHIN_S) -> None:
    """Deliver as the engine does: again, until every item is accepted or the time is up."""
    until = time.monotonic() + seconds
    while True:
        answers = deliver(sink, *items, seconds=min(4.0, max(until - time.monotonic(), 0.1)))
        if all(isinstance(answer, Accepted) for answer in answers):
            return
        assert time.monotonic() < until, answers
        time.sleep(0.05)


class Idling:
    """Calls `idle` of a sink as the engine does while nothing is delivered."""

    def __init__(self, sink: Sink) -> None:
        assert sink.idle_s is not None
        self._sink, self._every_s = sink, sink.idle_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._idle, daemon=True)

    def _idle(self) -> None:
        while not self._end.wait(self._every_s):
            self._sink.idle(within(4.0))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
