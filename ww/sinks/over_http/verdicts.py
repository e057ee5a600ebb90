"""What an answer of HTTP means for the events of its request: one table, and the reply of a collector.

Pure: status, headers and body in, a verdict out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING

from ww.clib import BadJson, json_loads
from ww.sinks.base import Accepted, Advice, Rejected, RetryAfter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.sinks.base import Answer, Item
    from ww.types import Json

SLOW_S = 60.0
"""What only people can put right is asked for again this often."""
WANT_RANGES = 64
"""More ranges of one reply are not looked at; the receiver asks again."""


class Verdict(Enum):
    """What to do with the events of a request."""

    TAKEN = "taken"
    THERE = "there already"
    LATER = "later"
    HALVE = "in halves, as it is not taken whole"
    SMALLER = "in halves, as it is too large"
    ANOTHER_FORM = "in another form"
    GONE = "no more"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, when to come back if it is LATER, and why."""

    verdict: Verdict
    after_s: float | None = None
    words: str = ""


_TABLE = {
    401: Judgement(Verdict.LATER, SLOW_S, "the receiver does not accept our credentials (401)"),
    403: Judgement(Verdict.LATER, SLOW_S, "the receiver does not accept our credentials (403)"),
    404: Judgement(Verdict.LATER, SLOW_S, "the receiver knows nothing at this URL (404)"),
    405: Judgement(Verdict.LATER, SLOW_S, "the receiver does not take this method at this URL (405)"),
    407: Judgement(Verdict.LATER, SLOW_S, "the proxy does not accept our credentials (407)"),
    408: Judgement(Verdict.LATER, None, "the receiver did not get the whole request in time (408)"),
    409: Judgement(Verdict.THERE, None, "the receiver has it already (409)"),
    410: Judgement(Verdict.GONE, SLOW_S, "the receiver wants nothing more from this instance (410)"),
    413: Judgement(Verdict.SMALLER, None, "the receiver finds it too large (413)"),
    415: Judgement(Verdict.ANOTHER_FORM, SLOW_S, "the receiver does not take this media type (415)"),
    425: Judgement(Verdict.LATER, None, "the receiver finds it too early (425)"),
}


def judge(status: int, headers: Mapping[str, str], now: float) -> Judgement:
    """The verdict on a request; `now` is the wall clock in seconds, for a Retry-After that is a date."""
    if 200 <= status < 300:
        return Judgement(Verdict.TAKEN)
    if status in _TABLE:
        return _TABLE[status]
    if 300 <= status < 400:
        return Judgement(Verdict.LATER, SLOW_S, f"the receiver redirects to another place ({status}): correct the URL")
    if status == 429 or status >= 500:
        kind = "is busy" if status in (429, 503) else "has failed"
        return Judgement(
            Verdict.LATER, retry_after(headers.get("retry-after", ""), now), f"the receiver {kind} ({status})"
        )
    return Judgement(Verdict.HALVE, None, f"the receiver refuses it ({status})")


def retry_after(value: str, now: float) -> float | None:
    """Seconds, of a header that gives seconds or a date; None if it gives neither."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now) if text else None
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver said about each event, and what it asks for."""

    answers: tuple[Answer, ...]
    advice: Advice | None = None
    server_time_ms: float | None = None
    echo_time_ms: float | None = None


def read_reply(items: Sequence[Item], body: bytes) -> Reply:
    """The reply to a request with these events of one boot. A body that is no JSON object accepts them all."""
    said = _object(body)
    if said is None:
        return Reply(tuple(Accepted() for _ in items))
    rejected = _rejected(said.get("rejected"))
    there = _duplicates(said.get("duplicates"), items)
    acked = said.get("acked_to")
    if acked is not None and not _whole(acked):
        answer = RetryAfter(None, "the receiver's reply has an acked_to that is no sequence number")
        return Reply(tuple(answer for _ in items))
    answers: list[Answer] = []
    for item in items:
        if item.seq in rejected:
            answers.append(Rejected(rejected[item.seq]))
        elif acked is not None and item.seq > acked:  # type: ignore[operator]
            answers.append(RetryAfter(None, f"the receiver has stored no more than up to {acked}"))
        else:
            answers.append(Accepted(duplicate=item.seq in there))
    return Reply(
        tuple(answers), _advice(said, items[0].boot), _number(said.get("server_time")), _number(said.get("echo_time"))
    )


def _object(body: bytes) -> dict[str, Json] | None:
    if body.lstrip()[:1] != b"{":
        return None
    try:
        said = json_loads(body.decode())
    except (BadJson, UnicodeDecodeError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _rejected(said: Json) -> dict[int, str]:
    found = {}
    for one in said if isinstance(said, list) else []:
        number = _sequence(one.get("id")) if isinstance(one, dict) else None
        if isinstance(one, dict) and number is not None:
            found[number] = str(one.get("reason") or "the receiver gave no reason")[:500]
    return found


def _duplicates(said: Json, items: Sequence[Item]) -> set[int]:
    if isinstance(said, list):
        return {number for one in said if (number := _sequence(one)) is not None}
    return {item.seq for item in items} if _whole(said) and said == len(items) else set()


def _advice(said: dict[str, Json], boot: str) -> Advice | None:
    limits = said.get("limits")
    given = {**limits, **said} if isinstance(limits, dict) else said
    max_events, max_bytes, interval = (_number(given.get(name)) for name in ("max_events", "max_bytes", "interval_s"))
    wanted = said.get("want")
    ranges = wanted[:WANT_RANGES] if isinstance(wanted, list) else []
    advice = Advice(
        max_events=int(max_events) if max_events and max_events >= 1 else None,
        max_bytes=int(max_bytes) if max_bytes and max_bytes >= 1 else None,
        interval_s=interval if interval and interval > 0 else None,
        want=tuple(
            (boot, one[0], one[1])
            for one in ranges
            if isinstance(one, list) and len(one) == 2 and _whole(one[0]) and _whole(one[1]) and 1 <= one[0] <= one[1]
        ),
    )
    return advice if advice != Advice() else None


def _sequence(said: Json) -> int | None:
    if isinstance(said, str) and said.isascii() and said.isdigit():
        return int(said[:18])
    return said if _whole(said) else None  # type: ignore[return-value]


def _whole(said: Json) -> bool:
    return isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 1 << 62


def _number(said: Json) -> float | None:
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        return None
    return float(said) if abs(said) < 1e18 and math.isfinite(said) else None
