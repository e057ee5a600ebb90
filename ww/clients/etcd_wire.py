"""What goes to etcd's JSON gateway and comes back: keys, operations, changes and refusals, as values."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ww.clients.errors import Refused, Unavailable, UnknownOutcome, Why

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNAUTHENTICATED, _NOT_FOUND, _FAILED_PRECONDITION, _PERMISSION_DENIED = 16, 5, 9, 7
_OUT_OF_RANGE, _INVALID_ARGUMENT = 11, 3
_AUTH_WORDS = ("user name is empty", "authentication failed", "revision of auth store is old")
STALE_WORDS = ("invalid auth token", "revision of auth store is old", "user name is empty")
_NOT_BEGUN = ("etcdserver: no leader", "etcdserver: too many requests")
"""What a member says before it has handed a write to anybody."""


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


def b64(text: str | bytes) -> str:
    """A key or value as the gateway has it."""
    return b64encode(text.encode() if isinstance(text, str) else text).decode()


def span(key: str, *, prefix: bool) -> dict[str, str]:
    """The range of one key, or of all that begin with it."""
    if not prefix:
        return {"key": b64(key)}
    first = key.encode()
    return {"key": b64(first), "range_end": b64(first[:-1] + bytes([first[-1] + 1]))}


def put(one: Put) -> dict[str, str]:
    """The body of a put."""
    return {"key": b64(one.key), "value": b64(one.value), "lease": str(one.lease)}


def operation(one: Operation) -> dict[str, dict[str, str]]:
    """One part of a transaction."""
    if isinstance(one, Put):
        return {"request_put": put(one)}
    name = "request_delete_range" if isinstance(one, Delete) else "request_range"
    return {name: span(one.key, prefix=one.prefix)}


def _pair(raw: dict[str, str]) -> Pair:
    numbers = [int(raw.get(name, 0)) for name in ("version", "create_revision", "mod_revision", "lease")]
    return Pair(b64decode(raw["key"]).decode(), b64decode(raw.get("value", "")), *numbers)


def pairs(answer: dict[str, Any]) -> tuple[Pair, ...]:
    """What a range answered."""
    return tuple(_pair(raw) for raw in answer.get("kvs", ()))


def revision(answer: dict[str, Any]) -> int:
    """The revision of the store at an answer."""
    return int(answer["header"]["revision"])


def changes(endpoint: str, line: bytes) -> Iterator[Change]:
    """What a line of a watch tells. Raises Unavailable when the member gives it up, Refused when it will not."""
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


def document(body: bytes) -> dict[str, Any] | None:
    """An answer as it was meant; None for what etcd never says: each answer has a header, that of a stream in `result`."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    inner = said.get("result", said) if isinstance(said, dict) else None
    header = inner.get("header") if isinstance(inner, dict) else None
    return said if isinstance(header, dict) and str(header.get("revision", "0")).isdigit() else None


def fault(endpoint: str, status: int, body: bytes, *, write: bool) -> Exception:
    """What an answer other than 200 means for a call."""
    try:
        said = json.loads(body)
        code, words = int(said["code"]), str(said.get("message") or said.get("error"))
    except (KeyError, TypeError, ValueError):
        code, words = 0, f"HTTP {status} and no word of etcd"
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
