"""What a reporter is told first: whose events it is to deliver, where they lie, and how."""

from __future__ import annotations

from ww.clib import json_dumps
from ww.instance.line import DATAGRAM_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.instance.crew import Crew
    from ww.types import JsonObject

PROTOCOL = 1
"""Of the line; a reporter of another one says so and ends."""
_PIECE_CHARACTERS = 8 << 10
"""Of a text that is escaped once more, by which a character may become six bytes."""


def hello(crew: Crew) -> JsonObject:
    """What holds just now; a reporter that was told otherwise is out of date."""
    identity = crew.identity()
    secrets, hidden = crew.concealed()
    return {
        "service": identity.service,
        "instance": identity.instance,
        "boot": identity.boot,
        "boot_no": crew.data.boot_no,
        "shared": crew.data.shared,
        "volume": crew.data.known_volume() or None,
        "labels": dict(crew.settings.labels),
        "directories": list(crew.journal_directories()),
        "cfg": crew.cfg_path,
        "root": crew.layout.root,
        "run": crew.run,
        "data": crew.layout.data,
        "secrets": list(secrets),
        "hidden": list(hidden),
        "pid1": crew.pid,
        "settings": crew.settings.of_reporter(),
    }


def fitting(message: JsonObject) -> list[JsonObject]:
    """The message as datagrams take it.

    Settings that are too long for one are left out, and read from the compiled configuration; what is too long for one
    all the same (many labels, values that are secret) goes ahead in pieces, and the message has but the protocol.
    """
    if _fits(message):
        return [message]
    short = {name: value for name, value in message.items() if name != "settings"}
    if _fits(short):
        return [short]
    text = json_dumps(short)
    pieces: list[JsonObject] = [
        {"t": "piece", "text": text[start : start + _PIECE_CHARACTERS]}
        for start in range(0, len(text), _PIECE_CHARACTERS)
    ]
    return [*pieces, {"t": short["t"], "v": short["v"]}]


def told_health(health: JsonObject) -> JsonObject:
    """What the reporter is told of a health sample; one that is too long goes without its figures."""
    short = {name: value for name, value in health.items() if name not in ("monitor", "ww")}
    message: JsonObject = {"t": "health", **short, "monitor": health.get("monitor")}
    return message if _fits(message) else {**message, "monitor": {}}


def _fits(message: JsonObject) -> bool:
    return len(json_dumps(message).encode("utf-8", "backslashreplace")) <= DATAGRAM_BYTES
