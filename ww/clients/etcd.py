"""etcd v3 through its JSON gateway: reads, writes, transactions, leases, a watch, users and TLS.

One call goes to one member; one that cannot be reached, or has no leader, is left for the next one. A write whose
answer was lost raises `UnknownOutcome` and is not sent again. An object belongs to one thread.
Deadlines are values of `time.monotonic()`. decision 0012 says why this is no library.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError
from urllib3.util import Timeout

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
    fault,
    operation,
    pairs,
    put,
    revision,
    span,
)
from ww.clients.outcome import Refused, Unavailable, UnknownOutcome
from ww.clients.tlsfiles import TlsFiles, machine_authorities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_OPERATIONS = 128
"""What a server takes in one transaction, unless it was started with another limit."""
MAX_BYTES = 1 << 20
"""Requests below this are taken by every server: the limit is 1.5 MiB for the whole of it."""
_SHORTEST_S = 0.05


class Etcd:
    """A connection to whichever of `endpoints` (`http://host:2379`) answers; connects when it is first asked something.

    `credentials` gives name and password, and is asked at each log-in.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        credentials: Callable[[], tuple[str, str]] | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        if not endpoints:
            raise ValueError("an etcd client needs an endpoint")
        self._endpoints = [endpoint.rstrip("/") for endpoint in endpoints]
        self._credentials = credentials
        self._tls = tls or TlsFiles()
        self._token: str | None = None
        self._session = self._new_session()

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
        session = self._new_session()
        try:
            wait = (_left(deadline), quiet_s)
            with session.post(
                f"{endpoint}/v3/watch", data=json.dumps(wanted), headers=self._headers(), timeout=wait, stream=True
            ) as stream:
                if stream.status_code != requests.codes.ok:
                    raise fault(endpoint, stream.status_code, stream.text, write=False)
                for line in stream.iter_lines(chunk_size=None):
                    yield from changes(endpoint, line)
        except (requests.RequestException, ValueError) as error:
            if isinstance(error, requests.ConnectionError) and "Read timed out" in str(error):
                return
            self._rotate()
            raise Unavailable(f"{endpoint}: the watch broke: {_words(error)}") from None
        finally:
            session.close()

    def close(self) -> None:
        """Let go of the connections; a lease goes on until it runs out."""
        self._session.close()

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # Neither a proxy nor a .netrc of the environment is meant for a registry.
        session.trust_env = False
        session.verify = self._tls.ca_file or machine_authorities() or True
        if self._tls.cert_file:
            session.cert = (self._tls.cert_file, self._tls.key_file) if self._tls.key_file else self._tls.cert_file
        return session

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
        # For connecting and answering together; the stubs of requests do not know it.
        limit: Any = Timeout(total=within_s)
        try:
            response = self._session.post(
                f"{endpoint}/v3/{path}",
                data=json.dumps(body),
                headers=self._headers(),
                timeout=limit,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            if write and not _never_sent(error):
                raise UnknownOutcome(f"{endpoint}: no answer to a write: {_words(error)}{self._hint(error)}") from None
            raise Unavailable(f"{endpoint}: {_words(error)}{self._hint(error)}") from None
        except OSError as error:
            # requests looks for the files of TLS before it connects.
            raise Unavailable(f"{endpoint}: {error}") from None
        if response.status_code != requests.codes.ok:
            raise fault(endpoint, response.status_code, response.text, write=write)
        try:
            answer: dict[str, Any] = response.json()
        except requests.JSONDecodeError:
            lost = UnknownOutcome if write else Unavailable
            raise lost(f"{endpoint}: its answer is not JSON; is this etcd?") from None
        return answer

    def _hint(self, error: Exception) -> str:
        """A server that wants a certificate ends the connection after the handshake, mostly without a word."""
        silent = isinstance(error, requests.exceptions.SSLError) and not self._tls.cert_file
        return " (does it ask for a certificate of ours?)" if silent else ""

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self._token} if self._token else {}

    def _rotate(self) -> None:
        self._endpoints.append(self._endpoints.pop(0))


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), _SHORTEST_S)


def _never_sent(error: requests.RequestException) -> bool:
    """Whether not even a connection came about."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else None
    return isinstance(reason, NewConnectionError) or "CERTIFICATE_VERIFY_FAILED" in str(reason)


def _words(error: Exception) -> str:
    """An exception of requests in a few words: the last of what it is wrapped in."""
    inner = error.args[0] if error.args else error
    reason = getattr(inner, "reason", None) or inner
    text = str(reason)
    return text.rpartition("object at 0x")[2].partition(">: ")[2] or text if "object at 0x" in text else text
