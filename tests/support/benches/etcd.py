"""The bench of the sink `etcd`: one real member that asks for users."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import requests

from tests.support.registries import Servers, within
from ww.clients.etcd import Etcd
from ww.sinks import etcd
from ww.sinks.base import SinkType
from ww.sinks.conformance.bench import DENIED, DOWN, FULL, SLOW, Bench, Key

if TYPE_CHECKING:
    from ww.types import Json

PASSWORD = "right horse"
KEYS = {"key": b64encode(b"/ww/").decode(), "range_end": b64encode(b"/ww0").decode(), "permType": "READWRITE"}
USERS = (
    ("user/add", {"name": "root", "password": "root"}),
    ("role/add", {"name": "root"}),
    ("user/grant", {"user": "root", "role": "root"}),
    ("user/add", {"name": "web", "password": PASSWORD}),
    ("role/add", {"name": "web"}),
    ("role/grant", {"name": "web", "perm": KEYS}),
    ("user/grant", {"user": "web", "role": "web"}),
    ("enable", {}),
)


class OneMember(Bench):
    """Down: killed. Slow: frozen. Full: its alarm. Denied: another password."""

    type: ClassVar[SinkType] = etcd.TYPE
    faults: ClassVar[Sequence[str]] = (DOWN, SLOW, FULL, DENIED)

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self._servers = Servers("etcd", Path(directory))
        self._url = f"http://{self._servers.addresses[0]}"
        for path, body in USERS:
            requests.post(f"{self._url}/v3/auth/{path}", json=body, timeout=5).raise_for_status()
        self._fault = ""

    def settings(self) -> Mapping[str, Json]:
        return {"endpoints": [self._url], "user": "web", "password": {"$secret": "key"}, "ttl_s": 2, "ring": 200}

    def secrets(self) -> Mapping[str, str]:
        return {"key": PASSWORD}

    def stored(self) -> Sequence[Key]:
        client = Etcd([self._url], lambda: ("root", "root"))
        last, live = (client.read(f"/ww/{part}/", within(), prefix=True) for part in ("last", "live"))
        client.close()
        assert not live or live[0].value == last[0].value
        documents = [json.loads(pair.value) for pair in last]
        return [(document["boot"], document["seq"]) for document in documents]

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        self._fault = fault
        if fault == DOWN:
            self._servers.kill()
        elif fault == SLOW:
            self._servers.freeze()
        elif fault == FULL:
            self._as_root("maintenance/alarm", {"action": "ACTIVATE", "alarm": "NOSPACE"})
        else:
            self._as_root("auth/user/changepw", {"name": "web", "password": "another"})

    def heal(self) -> None:
        fault, self._fault = self._fault, ""
        if fault == DOWN:
            self._servers.again()
        elif fault == SLOW:
            self._servers.thaw()
        elif fault == FULL:
            self._as_root("maintenance/alarm", {"action": "DEACTIVATE", "alarm": "NOSPACE"})
        elif fault == DENIED:
            self._as_root("auth/user/changepw", {"name": "web", "password": PASSWORD})

    def _as_root(self, path: str, body: Mapping[str, str]) -> None:
        login = {"name": "root", "password": "root"}
        token = requests.post(f"{self._url}/v3/auth/authenticate", json=login, timeout=5).json()["token"]
        answer = requests.post(f"{self._url}/v3/{path}", json=body, timeout=5, headers={"Authorization": token})
        answer.raise_for_status()

    def close(self) -> None:
        self._servers.close()
