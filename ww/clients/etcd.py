"""etcd v3 through its JSON gateway: reads, writes, transactions, leases, a watch, users and TLS.

One call goes to one member; one that cannot be reached, or has no leader, is left for the next one. A write whose
answer was lost raises `UnknownOutcome` and is not sent again. An object belongs to one thread.
Deadlines are values of `time.monotonic()`. decision 0012 says why this is no library.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from ww.clients.outcome import Refused, Unavailable, UnknownOutcome, Why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_OPERATIONS = 128
"""What a server takes in one transaction, unless it was started with another limit."""
MAX_BYTES = 1 << 20
"""Requests below this are taken by every server: the limit is 1.5 MiB for the whole of it."""
_SHORTEST_S = 0.05
_UNAUTHENTICATED, _NOT_FOUND, _FAILED_PRECONDITION, _PERMISSION_DENIED = 16, 5, 9, 7
_RESOURCE_EXHAUSTED, _OUT_OF_RANGE, _INVALID_ARGUMENT = 8, 11, 3
_AUTH_WORDS = ("user name is empty", "authentication failed", "revision of auth store is old")
_STALE_WORDS = ("invalid auth token", "revision of auth store is old", "user name is empty")
_NOT_BEGUN = ("etcdserver: no leader", "etcdserver: too many requests")
"""What a member says before it has handed a write to anybody."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM; "" is: the usual authorities, and no certificate of our own."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A key as it was read; `lease` is 0 for one that stays."""

    key: str
    value: bytes
    version: int
    create_revision: int
    mod_revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class Put:
    """Write a key; with `lease` it goes when the lease does."""

    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key, or all that begin with it."""

    key: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """Read a key, or all that begin with it."""

    key: str
    prefix: bool = False


Operation = Put | Delete | Read


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The key was last written at `mod_revision`; 0: it is not there."""

    key: str
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A transaction: `reads` are the pairs of each `Read` of the branch that was taken, in order."""

    succeeded: bool
    revision: int
    reads: tuple[tuple[Pair, ...], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What a watch saw; `value` None: the key is gone."""

    key: str
    value: bytes | None
    mod_revision: int


class Etcd:
    """A connection to whichever of `endpoints` (`http://host:2379`) answers; connects when it is first asked something.

    `credentials` gives name and password, and is asked at each log-in.
    """

    def __init__(
        self, endpoints: Sequence[str], credentials: Callable[[], tuple[str, str]] | None = None, tls: Tls | None = None
    ) -> None:
        if not endpoints:
            raise ValueError("an etcd client needs an endpoint")
        self._endpoints = [endpoint.rstrip("/") for endpoint in endpoints]
        self._credentials = credentials
        self._tls = tls or Tls()
        self._token: str | None = None
        self._session = self._new_session()

    def read(self, key: str, deadline: float, *, prefix: bool = False) -> tuple[Pair, ...]:
        """The key, or all that begin with it, as the majority has them. Raises Unavailable, Refused."""
        answer = self._call("kv/range", _span(key, prefix=prefix), deadline, write=False)
        return _pairs(answer)

    def put(self, key: str, value: bytes, deadline: float, lease: int = 0) -> int:
        """Write, and the revision of it. Raises Unavailable, Refused (MISSING: the lease), UnknownOutcome."""
        return _revision(self._call("kv/put", _put(Put(key, value, lease)), deadline, write=True))

    def delete(self, key: str, deadline: float, *, prefix: bool = False) -> int:
        """Remove, and how many were there. Raises Unavailable, Refused, UnknownOutcome."""
        return int(self._call("kv/deleterange", _span(key, prefix=prefix), deadline, write=True).get("deleted", 0))

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
                {"key": _b64(one.key), "target": "MOD", "result": "EQUAL", "mod_revision": str(one.mod_revision)}
                for one in unchanged
            ],
            "success": [_operation(one) for one in then],
            "failure": [_operation(one) for one in otherwise],
        }
        answer = self._call("kv/txn", body, deadline, write=any(not isinstance(one, Read) for one in then))
        reads = tuple(
            _pairs(part["response_range"]) for part in answer.get("responses", ()) if "response_range" in part
        )
        return Answered(bool(answer.get("succeeded")), _revision(answer), reads)

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
        wanted = {"create_request": {**_span(key, prefix=prefix), "start_revision": str(start_revision)}}
        self._log_in(deadline)
        endpoint = self._endpoints[0]
        session = self._new_session()
        try:
            wait = (_left(deadline), quiet_s)
            with session.post(
                f"{endpoint}/v3/watch", data=json.dumps(wanted), headers=self._headers(), timeout=wait, stream=True
            ) as stream:
                if stream.status_code != requests.codes.ok:
                    raise _fault(endpoint, stream, write=False)
                for line in stream.iter_lines(chunk_size=None):
                    yield from _changes(endpoint, line)
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
        session.verify = self._tls.ca_file or True
        if self._tls.cert_file:
            session.cert = (self._tls.cert_file, self._tls.key_file) if self._tls.key_file else self._tls.cert_file
        return session

    def _call(self, path: str, body: dict[str, Any], deadline: float, *, write: bool) -> dict[str, Any]:
        fresh = self._log_in(deadline)
        try:
            return self._anywhere(path, body, deadline, write=write)
        except Refused as refused:
            # A token runs out, and is forgotten by a server that starts again. Nothing was done.
            if fresh or self._credentials is None or not any(words in str(refused) for words in _STALE_WORDS):
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
        try:
            response = self._session.post(
                f"{endpoint}/v3/{path}",
                data=json.dumps(body),
                headers=self._headers(),
                timeout=within_s,
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
            raise _fault(endpoint, response, write=write)
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


def _b64(text: str | bytes) -> str:
    return b64encode(text.encode() if isinstance(text, str) else text).decode()


def _span(key: str, *, prefix: bool) -> dict[str, str]:
    if not prefix:
        return {"key": _b64(key)}
    first = key.encode()
    return {"key": _b64(first), "range_end": _b64(first[:-1] + bytes([first[-1] + 1]))}


def _put(one: Put) -> dict[str, str]:
    return {"key": _b64(one.key), "value": _b64(one.value), "lease": str(one.lease)}


def _operation(one: Operation) -> dict[str, dict[str, str]]:
    if isinstance(one, Put):
        return {"request_put": _put(one)}
    name = "request_delete_range" if isinstance(one, Delete) else "request_range"
    return {name: _span(one.key, prefix=one.prefix)}


def _pair(raw: dict[str, str]) -> Pair:
    numbers = [int(raw.get(name, 0)) for name in ("version", "create_revision", "mod_revision", "lease")]
    return Pair(b64decode(raw["key"]).decode(), b64decode(raw.get("value", "")), *numbers)


def _pairs(answer: dict[str, Any]) -> tuple[Pair, ...]:
    return tuple(_pair(raw) for raw in answer.get("kvs", ()))


def _revision(answer: dict[str, Any]) -> int:
    return int(answer["header"]["revision"])


def _changes(endpoint: str, line: bytes) -> Iterator[Change]:
    said = json.loads(line)
    if "error" in said:
        raise Unavailable(f"{endpoint}: the watch broke: {said['error'].get('message', said['error'])}")
    result = said.get("result", {})
    if result.get("canceled"):
        if result.get("compact_revision"):
            raise Refused(Why.COMPACTED, f"{endpoint}: changes before {result['compact_revision']} are no longer kept")
        raise Refused(Why.AUTH, f"{endpoint}: the watch was refused: {result.get('cancel_reason', 'without a reason')}")
    for event in result.get("events", ()):
        pair = _pair(event["kv"])
        yield Change(pair.key, None if event.get("type") == "DELETE" else pair.value, pair.mod_revision)


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


def _fault(endpoint: str, response: requests.Response, *, write: bool) -> Exception:
    """What an answer other than 200 means for a call."""
    try:
        said = response.json()
        code, words = int(said["code"]), str(said.get("message") or said.get("error"))
    except (requests.JSONDecodeError, KeyError, TypeError, ValueError):
        code, words = 0, f"HTTP {response.status_code} and no word of etcd"
    text = f"{endpoint}: {words}"
    why = _why(code, words)
    if why is not None:
        return Refused(why, text)
    if write and not words.startswith(_NOT_BEGUN):
        return UnknownOutcome(text)
    return Unavailable(text)


def _why(code: int, words: str) -> Why | None:
    """The reason of a refusal; None: it was none, the server failed."""
    if code in (_UNAUTHENTICATED, _PERMISSION_DENIED) or any(part in words for part in _AUTH_WORDS):
        return Why.AUTH
    if code == _NOT_FOUND:
        return Why.MISSING
    if "too large" in words or "larger than max" in words:
        return Why.TOO_LARGE
    if "space exceeded" in words:
        return Why.FULL
    if "compacted" in words:
        return Why.COMPACTED
    return Why.INVALID if code in (_INVALID_ARGUMENT, _OUT_OF_RANGE, _FAILED_PRECONDITION) else None
