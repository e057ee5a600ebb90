"""The settings of a bench, checked and completed by the sink's own schema as those of an instance are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.config.sinktypes import filled
from ww.sinks.conformance.bench import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.sinks.base import SinkType
    from ww.types import Json, JsonObject


def complete(type_: SinkType, own: Mapping[str, Json]) -> JsonObject:
    """All settings that the sink is made with. Raises BenchError where they do not fit its schema."""
    import jsonschema

    # A reference stands where a text is meant.
    problem = next(iter(jsonschema.Draft202012Validator(type_.schema).iter_errors(_plain(dict(own)))), None)
    if problem is not None:
        where = ".".join(str(part) for part in problem.absolute_path) or "its settings"
        raise BenchError(f"the bench's settings do not fit the sink's schema: {where}: {problem.message}")
    return filled({"type": type_.name, **own}, type_.schema)


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        if set(value) == {"$secret"}:
            return "secret"
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
