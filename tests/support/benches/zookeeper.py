"""The bench of the sink `zookeeper`: one real server, and nodes that only the user may change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.support.registries import Servers, within
from ww.clients.zookeeper import ZooKeeper
from ww.sinks import zookeeper
from ww.sinks.base import SinkType
from ww.sinks.conformance.bench import DOWN, SLOW, Bench, Key

if TYPE_CHECKING:
    from ww.types import Json


class OneServer(Bench):
    """Down: killed. Slow: frozen."""

    type: ClassVar[SinkType] = zookeeper.TYPE
    faults: ClassVar[Sequence[str]] = (DOWN, SLOW)

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self._servers = Servers("zookeeper", Path(directory))
        self._client = ZooKeeper(self._servers.addresses, 10, chroot="/farm")
        self._client.make_folders("/x", within(20))
        self._fault = ""

    def settings(self) -> Mapping[str, Json]:
        secret = {"$secret": "key"}
        return {"hosts": self._servers.addresses, "chroot": "/farm", "user": "web", "password": secret, "session_s": 2}

    def secrets(self) -> Mapping[str, str]:
        return {"key": "right horse"}

    def stored(self) -> Sequence[Key]:
        found = []
        for service in self._client.children("/ww/last", within(20)) or ():
            for instance in self._client.children(f"/ww/last/{service}", within(20)) or ():
                node = self._client.get(f"/ww/last/{service}/{instance}", within(20))
                assert node
                document = json.loads(node.data)
                found.append((document["boot"], document["seq"]))
        return found

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        self._fault = fault
        if fault == DOWN:
            self._servers.kill()
        else:
            self._servers.freeze()

    def heal(self) -> None:
        fault, self._fault = self._fault, ""
        if fault == DOWN:
            self._servers.again()
        elif fault == SLOW:
            self._servers.thaw()

    def close(self) -> None:
        self._client.close(within(5))
        self._servers.close()
