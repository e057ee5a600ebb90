"""What Elasticsearch and OpenSearch are sent and what they answer: `_bulk` lines, per-item results, the index template. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ww.clib import BadJson, json_dumps, json_loads
from ww.sinks.base import Accepted, Rejected, RetryAfter
from ww.sinks.over_http.verdicts import SLOW_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ww.sinks.base import Answer, Item

DATA_STREAM = "data_stream"
_DATES = {"none": 0, "year": 4, "month": 7, "day": 10}
"""How much of an event's time is in the name of its index."""
TEMPLATE_VERSION = 1
PRIORITY = 200
"""Above the templates that come with the servers (100)."""
BULK_TYPE = "application/x-ndjson"
FILTER = "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"
_PEOPLE = frozenset({401, 403, 404})
"""Statuses of an item that say something about the cluster, not about the event."""
_CLUSTER = frozenset({
    "cluster_block_exception", "index_closed_exception", "index_not_found_exception", "security_exception", "validation_exception",
})  # fmt: skip
"""The same by the type of the error: a full disk, a closed index, the limit of shards."""


def index_of(item: Item, name: str, rotate: str) -> str:
    """The index of an event, by its own time and not by the present: sent again it goes to the same place."""
    digits = _DATES.get(rotate, 0)
    return f"{name}-{str(item.event['time'])[:digits].replace('-', '.')}" if digits else name


def lines(item: Item) -> bytes:
    """The two lines of one event: create it under its own id; the event, with the timestamp by the name that is known there."""
    time = json_dumps(item.event["time"]).encode()
    return b'{"create":{"_id":"%s-%d"}}\n{"@timestamp":%s,%s\n' % (item.boot.encode(), item.seq, time, item.text[1:])


def cut(items: Sequence[Item], name: str, rotate: str, max_bytes: int) -> Iterator[list[Item]]:
    """Rows of events that go into one request: of one index, and not too large unless it is a single one."""
    row: list[Item] = []
    size = 0
    for item in items:
        more = len(item.text) + 120
        if row and (size + more > max_bytes or index_of(item, name, rotate) != index_of(row[0], name, rotate)):
            yield row
            row, size = [], 0
        row.append(item)
        size += more
    if row:
        yield row


def read_items(body: bytes, count: int) -> Sequence[Answer]:
    """The answers for the events of one request, of the body of a 200."""
    said = _parsed(body)
    if said is None or not isinstance(said.get("errors"), bool):
        return [RetryAfter(None, "the answer is not that of _bulk")] * count
    results = said.get("items")
    if not said["errors"] and results is None:
        return [Accepted()] * count
    if not isinstance(results, list) or len(results) != count:
        return [RetryAfter(None, "the answer does not speak of every event")] * count
    return [_answer(result) for result in results]


def _answer(result: Any) -> Answer:
    inner = next(iter(result.values()), None) if isinstance(result, dict) else None
    status = inner.get("status") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(status, int):
        return RetryAfter(None, "the answer gives no status for the event")
    if 200 <= status < 300:
        return Accepted()
    if status == 409:
        return Accepted(duplicate=True)
    error = inner.get("error")
    kind = str(error.get("type", "")) if isinstance(error, dict) else ""
    words = f"{kind or 'refused'} ({status}): {error.get('reason', '') if isinstance(error, dict) else error}"[:500]
    if status == 429 or status >= 500:
        return RetryAfter(None, words)
    if status in _PEOPLE or kind in _CLUSTER:
        return RetryAfter(SLOW_S, words)
    return Rejected(words)


def reason(body: bytes) -> str:
    """What a whole answer that is no success says about itself, to be appended to other words; "" if nothing."""
    said = _parsed(body) or {}
    error = said.get("error")
    words = error.get("reason") if isinstance(error, dict) else error
    return f": {words[:300]}" if isinstance(words, str) and words else ""


def product(body: bytes) -> str:
    """`opensearch` or `elasticsearch`, of the answer to GET /."""
    version = (_parsed(body) or {}).get("version")
    return (
        "opensearch" if isinstance(version, dict) and version.get("distribution") == "opensearch" else "elasticsearch"
    )


def is_current(body: bytes) -> bool:
    """Whether the template that is there may stay: somebody else's, or ours and not older."""
    said = (_parsed(body) or {}).get("index_templates")
    there = said[0].get("index_template", {}) if isinstance(said, list) and said and isinstance(said[0], dict) else {}
    ours = (there.get("_meta") or {}).get("managed_by") == "whaleware"
    return not ours or int(there.get("version") or 0) >= TEMPLATE_VERSION


def template(name: str, rotate: str, labels: str) -> dict[str, Any]:
    """The index template; `labels` is the type of `data.labels`, by which the two servers differ."""
    keyword = {"type": "keyword", "ignore_above": 1024}
    return {
        "index_patterns": [f"{name}-*" if _DATES.get(rotate) else name],
        **({"data_stream": {}} if rotate == DATA_STREAM else {}),
        "priority": PRIORITY,
        "version": TEMPLATE_VERSION,
        "_meta": {"managed_by": "whaleware"},
        "template": {
            "settings": {"index.mapping.ignore_malformed": True},
            "mappings": {
                "date_detection": False,
                "dynamic_templates": [
                    {"words": {"match_mapping_type": "string", "mapping": keyword}},
                    {"numbers": {"match_mapping_type": "long", "mapping": {"type": "double"}}},
                ],
                "properties": {
                    "@timestamp": {"type": "date"},
                    "time": {"type": "date"},
                    "expirytime": {"type": "date"},
                    "data": {
                        "properties": {
                            "state": {"type": "keyword"},
                            "mono_ms": {"type": "long"},
                            "labels": {"type": labels},
                        }
                    },
                },
            },
        },
    }


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        said = json_loads(body.decode())
    except (BadJson, UnicodeDecodeError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
