"""The settings of a bench, checked and completed by the sink's own schema as those of an instance are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.sinks.conformance.bench import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.sinks.base import SinkType
    from ww.types import Json, JsonObject


def complete(type_: SinkType, own: Mapping[str, Json]) -> JsonObject:
    """All settings that the sink is made with. Raises BenchError where they do not fit its schema."""
    import jsonschema

    filled = _filled(dict(own), type_.schema)
    # A reference stands where a text is meant.
    problem = next(iter(jsonschema.Draft202012Validator(type_.schema).iter_errors(_plain(filled))), None)
    if problem is not None:
        where = ".".join(str(part) for part in problem.absolute_path) or "its settings"
        raise BenchError(f"the bench's settings do not fit the sink's schema: {where}: {problem.message}")
    return {**filled, "type": type_.name, "timeout_s": 2.0, "required": False}


def _filled(value: JsonObject, schema: Mapping[str, Json]) -> JsonObject:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return value
    for name, part in properties.items():
        if not isinstance(part, dict):
            continue
        if name not in value and "default" in part:
            value[name] = part["default"]
        if isinstance(part.get("properties"), dict):
            inner = value.get(name, {})
            if isinstance(inner, dict):
                value[name] = _filled(dict(inner), part)
    return value


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        if set(value) == {"$secret"}:
            return "secret"
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
