"""The forms in which the http sink sends events, and the signature over them. Pure."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ww.sinks.http.template as templates
from ww.clib import json_dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.sinks.base import Item, Origin
    from ww.types import Json

BATCH, STRUCTURED, BINARY, TEMPLATE = "batch", "structured", "binary", "template"
BATCH_TYPE = "application/cloudevents-batch+json"
SINGLE_TYPE = "application/cloudevents+json"
_UNSAFE = re.compile(r"[^!#$&-~]")
"""What a header of CloudEvents' binary mode percent-encodes: all but U+0021 to U+007E, and of these " and %."""


@dataclass(frozen=True, slots=True)
class Form:
    """One request: body and headers that depend on the events, and the URL."""

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """What mode `template` makes of each event."""

    body: Json
    content_type: str
    headers: Mapping[str, str]
    origin: Origin

    def form(self, url: str, item: Item) -> Form:
        """The request for one event."""
        values: dict[str, Json] = {
            "service": self.origin.service,
            "instance": self.origin.instance,
            "labels": dict(self.origin.labels),
            **item.event,
            "kind": item.kind,
            "boot": item.boot,
            "seq": item.seq,
        }
        if isinstance(self.body, str):
            body = templates.as_text(self.body, values)
        else:
            body = json_dumps(templates.as_json(self.body, values))
        headers = {name: templates.as_header(value, values) for name, value in self.headers.items()}
        return Form(templates.as_url(url, values), body.encode(), {**headers, "Content-Type": self.content_type})


def batch(url: str, items: Sequence[Item]) -> Form:
    """All events in one request, in CloudEvents' batched mode."""
    return Form(url, b"[" + b",".join(item.text for item in items) + b"]", {"Content-Type": BATCH_TYPE})


def structured(url: str, item: Item) -> Form:
    """One event, in CloudEvents' structured mode."""
    return Form(url, item.text, {"Content-Type": SINGLE_TYPE})


def binary(url: str, item: Item) -> Form:
    """One event, in CloudEvents' binary mode: its data is the body, its attributes are headers."""
    headers = {
        f"ce-{name}": _UNSAFE.sub(_percent, value if isinstance(value, str) else json_dumps(value))
        for name, value in item.event.items()
        if name not in ("data", "datacontenttype") and value is not None
    }
    kind = str(item.event.get("datacontenttype") or "application/json")
    return Form(url, json_dumps(item.event.get("data")).encode(), {**headers, "Content-Type": kind})


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def packed(form: Form) -> Form:
    """The same with its body gzipped."""
    return Form(form.url, gzip.compress(form.body, 6, mtime=0), {**form.headers, "Content-Encoding": "gzip"})


def idempotency_key(items: Sequence[Item]) -> str:
    """The same for the same events, however often they are sent."""
    first, last = items[0], items[-1]
    key = f"{first.boot}-{first.seq}"
    return key if len(items) == 1 else f"{key}-{last.seq}-{len(items)}"


def signature(key: str, now_s: int, body: bytes) -> str:
    """The header Ww-Signature: HMAC-SHA256 over the time, a dot, and the body as it is sent."""
    digest = hmac.new(key.encode(), b"%d." % now_s + body, hashlib.sha256).hexdigest()
    return f"t={now_s},v1={digest}"
