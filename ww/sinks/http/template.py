"""Templates of the http sink: `${data.state}` in a JSON value, a text, a header or a URL; no code, no files, no loops.

An own small thing on purpose: jinja2 would add 14 MB to the reporter, and a template that is itself JSON needs no escaping.
A string in a JSON template that is nothing but one placeholder becomes the value itself, be it a number or an object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from ww.clib import json_dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ww.types import Json

ROOTS = frozenset({
    "id", "source", "type", "subject", "time", "sequence", "specversion", "partitionkey", "datacontenttype", "expirytime",
    "data", "kind", "boot", "seq", "service", "instance", "labels",
})  # fmt: skip
"""What a placeholder may begin with: members of the event, and what the sink knows besides."""

_NAME = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
_PLACE = re.compile(rf"\$(?:(?P<dollar>\$)|\{{(?P<name>{_NAME})\}}|(?P<wrong>))")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def fault(text: str) -> str:
    """Why a text cannot be a template; "" if it can."""
    for match in _PLACE.finditer(text):
        name = match["name"]
        if match["wrong"] is not None:
            return "a $ that begins no ${name}; write $$ for a plain one"
        if name and name.split(".")[0] not in ROOTS:
            return f"${{{name}}} names nothing that an event has; it begins with one of {', '.join(sorted(ROOTS))}"
    return ""


def faults(value: Json) -> str:
    """The first fault in any string of a JSON template."""
    if isinstance(value, str):
        return fault(value)
    if isinstance(value, dict):
        return next((words for item in value.values() if (words := faults(item))), "")
    if isinstance(value, list):
        return next((words for item in value if (words := faults(item))), "")
    return ""


def as_text(template: str, values: Mapping[str, Json]) -> str:
    """With every placeholder replaced; what the event does not have is empty."""
    return _replaced(template, values, lambda text: text)


def as_url(template: str, values: Mapping[str, Json]) -> str:
    """The same, quoted so that no value can leave its place in a URL."""
    return _replaced(template, values, lambda text: quote(text, safe=""))


def as_header(template: str, values: Mapping[str, Json]) -> str:
    """The same on one line, as bytes of UTF-8 that a transport sends as they are."""
    return _CONTROL.sub(" ", _replaced(template, values, lambda text: text)).encode().decode("latin-1")


def as_json(template: Json, values: Mapping[str, Json]) -> Json:
    """A JSON value of the template's shape; what the event does not have is null, or empty inside a longer text."""
    if isinstance(template, str):
        whole = _PLACE.fullmatch(template)
        return _value(whole["name"], values) if whole and whole["name"] else as_text(template, values)
    if isinstance(template, dict):
        return {key: as_json(item, values) for key, item in template.items()}
    if isinstance(template, list):
        return [as_json(item, values) for item in template]
    return template


def _replaced(template: str, values: Mapping[str, Json], quoted: Callable[[str], str]) -> str:
    def one(match: re.Match[str]) -> str:
        return "$" if match["dollar"] else quoted(_text(_value(match["name"], values)))

    return _PLACE.sub(one, template)


def _value(name: str, values: Mapping[str, Json]) -> Json:
    found: Json = values
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json_dumps(value)
