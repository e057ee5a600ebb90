"""The bench of the sink `http`: a receiver that knows each event by its source and id, behind a proxy that can be cut."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

# The kit's child finds this file by its path, and the rest of the tests only so.
sys.path.append(str(Path(__file__).resolve().parents[3]))

from tests.support.faultproxy import FaultProxy
from tests.support.receiver import Handler, Receiver, Reply, Request, hang, rejecting, status
from ww.sinks import http
from ww.sinks.base import SinkType
from ww.sinks.conformance.bench import DENIED, DOWN, FULL, PARTIAL, REFUSE, SLOW, Bench, Key

if TYPE_CHECKING:
    from ww.types import Json

TOKEN = "token-of-the-bench"


class Http(Bench):
    """Down: connections are reset. Slow: stored, and never answered. Refuse: 429. Full: 507. Denied: 401. Partial: rejected by id."""

    type: ClassVar[SinkType] = http.TYPE
    faults: ClassVar[Sequence[str]] = (DOWN, SLOW, REFUSE, FULL, DENIED, PARTIAL)
    mode: ClassVar[str] = "batch"

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self._receiver = Receiver().__enter__()
        self._receiver.authorization = f"Bearer {TOKEN}"
        self._proxy = FaultProxy(self._receiver.port).__enter__()

    def settings(self) -> Mapping[str, Json]:
        url = f"http://127.0.0.1:{self._proxy.port}/v1/events"
        return {"url": url, "bearer": {"$secret": "token"}, "mode": self.mode}

    def secrets(self) -> Mapping[str, str]:
        return {"token": TOKEN}

    def stored(self) -> Sequence[Key]:
        return [(source.rsplit("/", 1)[1], int(number)) for source, number in self._receiver.events]

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        if fault == DOWN:
            self._proxy.refuse = True
            self._proxy.reset()
        elif fault == PARTIAL and self.mode == "batch":
            self._receiver.always = rejecting(*(f"{seq:012d}" for _, seq in keys))
        elif fault == PARTIAL:
            self._receiver.always = refusing({f"{seq:012d}" for _, seq in keys})
        else:
            faults = {SLOW: stored_in_silence, REFUSE: status(429), FULL: status(507), DENIED: status(401)}
            self._receiver.always = faults[fault]

    def heal(self) -> None:
        self._receiver.always = None
        self._proxy.refuse = False

    def close(self) -> None:
        self._proxy.__exit__()
        self._receiver.__exit__()


class HttpOneByOne(Http):
    """The same with one event per request."""

    mode: ClassVar[str] = "structured"


def stored_in_silence(receiver: Receiver, handler: Handler, request: Request) -> None:
    """The worst of the slow ones."""
    receiver.take(request)
    hang(receiver, handler, request)


def refusing(ids: set[str]):  # type: ignore[no-untyped-def]
    """400 for these events."""

    def fault(receiver: Receiver, _handler: Handler, request: Request) -> Reply:
        return Reply(400) if request.events[0]["id"] in ids else receiver.take(request)

    return fault
