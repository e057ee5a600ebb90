"""The bench of the sink `elasticsearch`: the stand-in of the tests, two nodes of it, each behind a proxy that can be cut."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

# The kit's child finds this file by its path, and the rest of the tests only so.
sys.path.append(str(Path(__file__).resolve().parents[3]))

from tests.support.bulkserver import BulkServer, basic
from tests.support.faultproxy import FaultProxy
from tests.support.receiver import Handler, Receiver, Request, hang
from ww.sinks import elasticsearch
from ww.sinks.base import SinkType
from ww.sinks.conformance.bench import DENIED, DOWN, FULL, PARTIAL, REFUSE, SLOW, Bench, Key

if TYPE_CHECKING:
    from ww.types import Json

PASSWORD = "password-of-the-bench"


class Elasticsearch(Bench):
    """Down: both nodes reset connections. Slow: stored, and never answered. Refuse: 429 for each item. Full: the disk's
    block for each item. Denied: another password. Partial: a document that does not parse.
    """

    type: ClassVar[SinkType] = elasticsearch.TYPE
    faults: ClassVar[Sequence[str]] = (DOWN, SLOW, REFUSE, FULL, DENIED, PARTIAL)

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self._server = BulkServer().__enter__()
        self._server.credentials = basic("ww", PASSWORD)
        self._nodes = [FaultProxy(self._server.port).__enter__() for _ in range(2)]

    def settings(self) -> Mapping[str, Json]:
        urls = [f"http://127.0.0.1:{node.port}" for node in self._nodes]
        return {"urls": urls, "basic": {"user": "ww", "password": {"$secret": "password"}}}

    def secrets(self) -> Mapping[str, str]:
        return {"password": PASSWORD}

    def stored(self) -> Sequence[Key]:
        return [(boot, int(seq)) for boot, seq in (key.rsplit("-", 1) for key in self._server.created)]

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        bad = {f"{boot}-{seq}" for boot, seq in keys}
        if fault == DOWN:
            for node in self._nodes:
                node.refuse = True
                node.reset()
        elif fault == SLOW:
            self._server.always = stored_in_silence
        elif fault == REFUSE:
            self._server.on_item = lambda _index, _id: (429, "es_rejected_execution_exception", "queue is full")
        elif fault == FULL:
            self._server.on_item = lambda _index, _id: (
                403,
                "cluster_block_exception",
                "disk usage exceeded flood-stage",
            )
        elif fault == DENIED:
            self._server.credentials = basic("ww", "another")
        elif fault == PARTIAL:
            error = (400, "document_parsing_exception", "failed to parse")
            self._server.on_item = lambda _index, key: error if key in bad else None

    def heal(self) -> None:
        self._server.always = None
        self._server.on_item = lambda _index, _id: None
        self._server.credentials = basic("ww", PASSWORD)
        for node in self._nodes:
            node.refuse = False

    def close(self) -> None:
        for node in self._nodes:
            node.__exit__()
        self._server.__exit__()


def stored_in_silence(receiver: Receiver, handler: Handler, request: Request) -> None:
    """The worst of the slow ones."""
    receiver.take(request)
    hang(receiver, handler, request)
