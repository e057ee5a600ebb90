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


def hello(crew: Crew) -> JsonObject:
    """What holds just now; a reporter that was told otherwise is out of date."""
    identity = crew.identity()
    secrets, hidden = crew.concealed()
    return {
        "service": identity.service,
        "instance": identity.instance,
        "boot": identity.boot,
        "boot_no": crew.data.boot_no,
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


def fitting(message: JsonObject) -> JsonObject:
    """The message as one datagram takes it: settings that are too long are read from the compiled configuration."""
    if len(json_dumps(message).encode("utf-8", "backslashreplace")) <= DATAGRAM_BYTES:
        return message
    return {name: value for name, value in message.items() if name != "settings"}


def told_health(health: JsonObject) -> JsonObject:
    """What the reporter is told of a health sample; one that is too long goes without its figures."""
    short = {name: value for name, value in health.items() if name not in ("monitor", "ww")}
    message: JsonObject = {"t": "health", **short, "monitor": health.get("monitor")}
    fits = len(json_dumps(message).encode("utf-8", "backslashreplace")) <= DATAGRAM_BYTES
    return message if fits else {**message, "monitor": {}}
