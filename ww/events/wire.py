"""The wire, version 1: the CloudEvent of a journalled event (decisions, "Wire v1"; docs/events.md shows one of each type).

A CloudEvent is a function of the record and of who its boot was, and of nothing else: sent twice it is the same to the
byte, and (source, id) is its key for ever. Whoever wants another form of it starts from this one.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from ww.clib import json_dumps, json_loads
from ww.clock import stamp
from ww.events import model
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ww.events.model import Event
    from ww.types import JsonObject

SPEC_VERSION = "1.0"
TYPES = "dev.whaleware.instance."
VERSION = ".v1"
STATES = ("boot", "firstboot", "upgrading", "warmup", "up", "restarting", "stopping", "stopped", "error")
"""The nine, as they stand in a type."""
KINDS = (model.STATE, model.HEALTH, model.GAP, model.NOTICE)
"""What an event is on the wire; the journal's other kinds are notices there, `data.about` says which (decision 0011)."""
SEQUENCE_DIGITS = 12
EXPIRES_AFTER = 3
"""Health older than so many intervals tells nobody how the instance is."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no attribute of a CloudEvent may hold."""
_UNREADABLE = "\ufffd"
_KNOWN_SECONDS = 256
_CUT = "a state event was too long for the journal, and its data was cut"


class Boot(Value):
    """Whose events these are: one boot of one instance."""

    __slots__ = ("service", "instance", "boot")

    def __init__(self, service: str, instance: str, boot: str) -> None:
        self.service = service
        self.instance = instance
        self.boot = boot


class Wired(Value):
    """One event as it is sent: `kind` is one of KINDS, `text` the JSON of `event` in UTF-8."""

    __slots__ = ("kind", "event", "text")

    def __init__(self, kind: str, event: dict[str, Any], text: bytes) -> None:
        self.kind = kind
        self.event = event
        self.text = text


def told_by(event: Event, boot: str) -> Boot | None:
    """Whose boot it was, as the state event itself says; None where it does not."""
    service, instance = event.data.get("service"), event.data.get("instance")
    if event.kind == model.STATE and isinstance(service, str) and isinstance(instance, str):
        return Boot(service, instance, boot)
    return None


class Wire:
    """Makes the CloudEvents of one boot."""

    def __init__(self, boot: Boot) -> None:
        self.source = f"/instances/{_segment(boot.service)}/{_segment(boot.instance)}/boots/{_segment(boot.boot)}"
        self._subject = _CONTROL.sub(_UNREADABLE, boot.instance)
        self._head = f',"source":{json_dumps(self.source)},"type":"{TYPES}'
        self._middle = f'{VERSION}","subject":{json_dumps(self._subject)},"time":"'
        self._tail = f'","partitionkey":{json_dumps(self._subject)},"datacontenttype":"application/json","data":'
        self._seconds: dict[int, str] = {}

    def wired(self, event: Event) -> Wired:
        """The CloudEvent of `event`."""
        kind, name, data = _typed(event)
        sequence = f"{event.seq:0{SEQUENCE_DIGITS}d}"
        made: dict[str, Any] = {
            "specversion": SPEC_VERSION,
            "id": sequence,
            "source": self.source,
            "type": TYPES + name + VERSION,
            "subject": self._subject,
            "time": self._time(event.wall_ms),
            "sequence": sequence,
            "partitionkey": self._subject,
            "datacontenttype": "application/json",
            "data": data,
        }
        end = "}"
        interval_ms = data.get("interval_ms") if kind == model.HEALTH else None
        if isinstance(interval_ms, int) and interval_ms > 0:
            expires = made["expirytime"] = self._time(event.wall_ms + EXPIRES_AFTER * interval_ms)
            end = f',"expirytime":"{expires}"}}'
        # The same members in the same order, of which only `data` has to be encoded anew: half the time of encoding all.
        text = (
            f'{{"specversion":"{SPEC_VERSION}","id":"{sequence}"{self._head}{name}{self._middle}{made["time"]}'
            f'","sequence":"{sequence}{self._tail}{json_dumps(data)}{end}'
        )
        try:
            return Wired(kind, made, text.encode())
        except UnicodeEncodeError:
            # A lone surrogate stands for a byte of a file name that is no UTF-8, and no receiver takes it.
            clean = _SURROGATE.sub(_UNREADABLE, text)
            return Wired(kind, json_loads(clean), clean.encode())  # type: ignore[arg-type]

    def _time(self, wall_ms: int) -> str:
        """RFC 3339 in UTC with milliseconds; of many events in one second only the first is worked out."""
        second, ms = divmod(wall_ms, 1000)
        known = self._seconds.get(second)
        if known is None:
            if len(self._seconds) >= _KNOWN_SECONDS:
                self._seconds.clear()
            known = self._seconds[second] = stamp(second * 1000)[: -len("000Z")]
        return f"{known}{ms:03d}Z"


def _typed(event: Event) -> tuple[str, str, JsonObject]:
    """Its kind on the wire, the word in its type, and its data with the monotonic time in it.

    That time is in `data` as an integer of a CloudEvent's own attribute ends at 24.8 days of milliseconds.
    """
    kind = event.kind
    data: JsonObject = {**event.data, "mono_ms": event.mono_ms}
    if kind == model.STATE:
        name = str(data.get("state")).lower()
        if name in STATES:
            return model.STATE, name, data
        # A record too long for the journal has lost its data, its state included.
        return model.NOTICE, model.NOTICE, {"about": model.STATE, "words": _CUT, **data}
    if kind in KINDS:
        return kind, kind, data
    return model.NOTICE, model.NOTICE, {"about": kind, "words": data.get("error") or data.get("reason") or kind, **data}


def _segment(text: str) -> str:
    return quote(_SURROGATE.sub(_UNREADABLE, text), safe="")
