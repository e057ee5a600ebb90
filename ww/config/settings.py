"""The settings of ww itself: the object under the key `ww`, as its shipped schema declares it.

The defaults stand in the schema and nowhere else; `fill` applies them.
"""

from __future__ import annotations

import os

from ww.clib import json_loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ww.types import Json

KEY = "ww"
SERVICES = "services"

_SCHEMA_FILE = "settings.schema.json"


def schema_path() -> str:
    """The file that the schema of the settings is in."""
    return os.path.join(os.path.dirname(__file__), _SCHEMA_FILE)


def load_schema() -> dict[str, Any]:
    """The JSON Schema of the settings."""
    with open(schema_path(), encoding="utf-8") as file:
        schema: Any = json_loads(file.read())
    return dict(schema)


def declared(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every setting with its dotted name and its own schema: `("log.format", {"enum": …})`."""
    yield from _declared(schema, schema, "")


def _declared(root: dict[str, Any], schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, found in schema["properties"].items():
        part = {**root["$defs"][found["$ref"].removeprefix("#/$defs/")], **found} if "$ref" in found else found
        if "default" in part:
            yield prefix + name, part
        else:
            yield from _declared(root, part, f"{prefix}{name}.")


def fill(cfg: dict[str, Json]) -> dict[str, Any]:
    """The settings of a valid configuration with every default applied, flat: `{"log.format": "plain", …}`.

    Whole numbers are int even where the configuration wrote 5.0.
    """
    given = cfg.get(KEY, {})
    schema = load_schema()
    filled: dict[str, Any] = {}
    for name, part in declared(schema):
        value = pick(given, name.split("."), part["default"])
        if isinstance(value, float) and part.get("type") == "integer":
            value = int(value)
        filled[name] = value
    defaults = service_defaults(schema)
    filled[SERVICES] = {name: {**defaults, **fields} for name, fields in filled[SERVICES].items()}
    return filled


def service_defaults(schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """A service process of which nothing is configured, with every field there is (`ww.services.NAME`)."""
    fields = (schema or load_schema())["$defs"]["service"]["properties"]
    return {name: field["default"] for name, field in fields.items()}


def nested(filled: dict[str, Any]) -> dict[str, Any]:
    """Flat settings as the object they came from, for templates."""
    result: dict[str, Any] = {}
    for name, value in filled.items():
        *parents, last = name.split(".")
        at = result
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = value
    return result


def with_defaults(cfg: dict[str, Json]) -> dict[str, Any]:
    """A valid configuration with every default of ww in it."""
    return {**cfg, KEY: nested(fill(cfg))}


def pick(given: Json, keys: list[str], default: Json) -> Json:
    """The value below `given` at `keys`, or `default` where it is not set."""
    value = given
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return default
        value = value[key]
    return value
