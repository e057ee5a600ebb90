"""etcd v3 through its JSON gateway: reads, writes, transactions, leases, a watch, users and TLS.

One call goes to one member; one that cannot be reached, or has no leader, is left for the next one. A write whose
answer was lost raises `UnknownOutcome` and is not sent again. An object belongs to one thread.
Deadlines are values of `time.monotonic()`. decision 0012 says why this is no library.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ww.clients.errors import Refused, TlsFault, Unavailable, UnknownOutcome
from ww.clients.etcd_wire import (
    STALE_WORDS,
    Answered,
    Change,
    Operation,
    Pair,
    Put,
    Read,
    Unchanged,
    b64,
    changes,
    document,
    fault,
    operation,
    pairs,
    put,
    revision,
    span,
)
from ww.clients.http import HttpClient, Options
from ww.clients.lines import Lines
from ww.clients.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_OPERATIONS = 128
"""What a server takes in one transaction, unless it was started with another limit."""
MAX_BYTES = 1 << 20
"""Requests below this are taken by every server: the limit is 1.5 MiB for the whole of it."""
MAX_ANSWER_BYTES = 64 << 20
_SHORTEST_S = 0.05
_OK = 200


class Etcd:
    """A connection to whichever of `endpoints` (`http://host:2379`) answers; connects when it is first asked something.

    `credentials` gives name and password, and is asked at each log-in.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        credentials: Callable[[], tuple[str, str]] | None = None,
        tls: Tls | None = None,
    ) -> None:
        if not endpoints:
            raise ValueError("an etcd client needs an endpoint")
        self._endpoints = [endpoint.rstrip("/") for endpoint in endpoints]
        self._credentials = credentials
        # Neither a proxy nor anything else of the environment is meant for a registry.
        self._options = Options(tls or Tls(), environment_proxies=False, max_answer_bytes=MAX_ANSWER_BYTES)
        self._token: str | None = None
        self._http = HttpClient(self._options)

    def read(self, key: str, deadline: float, *, prefix: bool = False) -> tuple[Pair, ...]:
        """The key, or all that begin with it, as the majority has them. Raises Unavailable, Refused."""
        answer = self._call("kv/range", span(key, prefix=prefix), deadline, write=False)
        return pairs(answer)

    def put(self, key: str, value: bytes, deadline: float, lease: int = 0) -> int:
        """Write, and the revision of it. Raises Unavailable, Refused (MISSING: the lease), UnknownOutcome."""
        return revision(self._call("kv/put", put(Put(key, value, lease)), deadline, write=True))

    def delete(self, key: str, deadline: float, *, prefix: bool = False) -> int:
        """Remove, and how many were there. Raises Unavailable, Refused, UnknownOutcome."""
        return int(self._call("kv/deleterange", span(key, prefix=prefix), deadline, write=True).get("deleted", 0))

    def transaction(
        self,
        unchanged: Sequence[Unchanged],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
        deadline: float,
    ) -> Answered:
        """`then` if all compare, else `otherwise`, as one. Raises Unavailable, Refused, UnknownOutcome."""
        body = {
            "compare": [
                {"key": b64(one.key), "target": "MOD", "result": "EQUAL", "mod_revision": str(one.mod_revision)}
                for one in unchanged
            ],
            "success": [operation(one) for one in then],
            "failure": [operation(one) for one in otherwise],
        }
        answer = self._call("kv/txn", body, deadline, write=any(not isinstance(one, Read) for one in then))
        reads = tuple(pairs(part["response_range"]) for part in answer.get("responses", ()) if "response_range" in part)
        return Answered(bool(answer.get("succeeded")), revision(answer), reads)

    def grant(self, ttl_s: int, deadline: float) -> int:
        """A new lease. Raises Unavailable, Refused, UnknownOutcome (then it runs out by itself)."""
        return int(self._call("lease/grant", {"TTL": ttl_s}, deadline, write=True)["ID"])

    def keep_alive(self, lease: int, deadline: float) -> int:
        """Begin the lease's time anew; how many seconds it has now, 0 if it is gone. Raises Unavailable, Refused."""
        answer = self._call("lease/keepalive", {"ID": str(lease)}, deadline, write=False)
        return int(answer.get("result", {}).get("TTL", 0))

    def revoke(self, lease: int, deadline: float) -> None:
        """End the lease and every key under it. Raises Unavailable, Refused (MISSING: it is gone), UnknownOutcome."""
        self._call("lease/revoke", {"ID": str(lease)}, deadline, write=True)

    def watch(
        self, key: str, start_revision: int, deadline: float, quiet_s: float, *, prefix: bool = False
    ) -> Iterator[Change]:
        """Every change from `start_revision` on; ends when nothing was heard for `quiet_s`, and is then asked anew.

        Raises Unavailable when the stream breaks (ask anew, from the revision after the last seen), Refused COMPACTED
        when changes are no longer kept (read everything again).
        """
        wanted = {"create_request": {**span(key, prefix=prefix), "start_revision": str(start_revision)}}
        self._log_in(deadline)
        endpoint = self._endpoints[0]
        body = json.dumps(wanted).encode()
        try:
            with Lines(self._options, f"{endpoint}/v3/watch", deadline, body=body, headers=self._headers()) as lines:
                if lines.refused is not None:
                    raise fault(endpoint, lines.refused.status, lines.refused.body, write=False)
                for line in lines.until_quiet(quiet_s):
                    yield from changes(endpoint, line)
        except (Unavailable, UnknownOutcome, ValueError) as error:
            self._rotate()
            raise Unavailable(f"{endpoint}: the watch broke: {error}") from None

    def close(self) -> None:
        """Let go of the connections; a lease goes on until it runs out."""
        self._http.close()

    def _call(self, path: str, body: dict[str, Any], deadline: float, *, write: bool) -> dict[str, Any]:
        fresh = self._log_in(deadline)
        try:
            return self._anywhere(path, body, deadline, write=write)
        except Refused as refused:
            # A token runs out, and is forgotten by a server that starts again. Nothing was done.
            if fresh or self._credentials is None or not any(words in str(refused) for words in STALE_WORDS):
                raise
            self._token = None
            self._log_in(deadline)
            return self._anywhere(path, body, deadline, write=write)

    def _log_in(self, deadline: float) -> bool:
        """Get a token if there is none; whether it was got now."""
        if self._credentials is None or self._token is not None:
            return False
        name, password = self._credentials()
        body = {"name": name, "password": password}
        try:
            self._token = str(self._anywhere("auth/authenticate", body, deadline, write=False)["token"])
        except Refused as refused:
            if "authentication is not enabled" not in str(refused):
                raise
            self._token = ""
        return True

    def _anywhere(self, path: str, body: dict[str, Any], deadline: float, *, write: bool) -> dict[str, Any]:
        """Ask one member after the other, each for its share of the time that is left."""
        reasons: list[str] = []
        for left in range(len(self._endpoints), 0, -1):
            try:
                return self._once(path, body, max(_left(deadline) / left, _SHORTEST_S), write=write)
            except Unavailable as error:
                self._rotate()
                reasons.append(str(error))
            except UnknownOutcome:
                self._rotate()
                raise
            if time.monotonic() >= deadline:
                break
        raise Unavailable("; ".join(reasons))

    def _once(self, path: str, body: dict[str, Any], within_s: float, *, write: bool) -> dict[str, Any]:
        endpoint = self._endpoints[0]
        until = time.monotonic() + within_s
        sent = json.dumps(body).encode()
        try:
            answer = self._http.request("POST", f"{endpoint}/v3/{path}", until, body=sent, headers=self._headers())
        except UnknownOutcome as error:
            if write:
                raise
            raise Unavailable(str(error)) from None
        except TlsFault as error:
            # A server that wants a certificate ends the connection, mostly without a word of it.
            hint = "" if self._options.tls.cert_file else " (does it ask for a certificate of ours?)"
            raise TlsFault(f"{error}{hint}") from None
        if answer.status != _OK:
            raise fault(endpoint, answer.status, answer.body, write=write)
        said = document(answer.body)
        if said is None or answer.cut:
            lost = UnknownOutcome if write else Unavailable
            raise lost(f"{endpoint}: its answer is none of etcd's; is this etcd?")
        return said

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self._token} if self._token else {}

    def _rotate(self) -> None:
        self._endpoints.append(self._endpoints.pop(0))


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), _SHORTEST_S)
