"""Which types of sinks there are, and what settings each takes: known without importing any of them.

A built-in type has its schema in `ww/config/sinks/TYPE.json`. Plugins register under the entry points `ww.sinks`; an
image has them in a table made at its build (`etc/sinks.json`, by `ww check --compile`), so that no boot has to look
through all that is installed, nor import a plugin to know its settings. Standard library only.
"""

from __future__ import annotations

import os

from ww.clib import blake2_hex, json_loads
from ww.config.settings import load_schema
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ww.types import Json

API_VERSION = 1
"""Of the sink API; a plugin says which it was written for."""
ENTRY_POINTS = "ww.sinks"
BUILT_IN = ("elasticsearch", "etcd", "exec", "file", "http", "postgres", "sqlite", "stdout", "zookeeper")
SINKS = "sinks"

_HERE = os.path.join(os.path.dirname(__file__), "sinks")


class Unusable(Value):
    """A type that cannot be used; `words` say why, as the end of a sentence about `ww.sinks.NAME.type`."""

    __slots__ = ("words",)

    def __init__(self, words: str) -> None:
        self.words = words


def schema_path(name: str) -> str:
    """The file that declares the settings of a built-in type."""
    return f"{_HERE}/{name}.json"


def own_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of the settings that a built-in type has besides the delivery options."""
    with open(schema_path(name), encoding="utf-8") as file:
        schema: Any = json_loads(file.read())
    return dict(schema)


def accepts(name: str, own: Mapping[str, Json]) -> bool:
    """Whether a built-in type certainly accepts its own settings; False: it does not, or its schema must be asked.

    By generated code; what was made from another schema is not believed.
    """
    from ww.config.checking import check

    try:
        # Not importlib, which alone would cost more than all of this.
        made: Any = __import__(f"ww.config.sinks.{name}_check", fromlist=("validate",))
        with open(schema_path(name), "rb") as file:
            digest = blake2_hex(file.read())
    except (ImportError, OSError):
        return False
    return bool(digest == made.MADE_FROM) and check(made.validate, dict(own))


def delivery_schema() -> dict[str, Any]:
    """The schema of the delivery options, which every sink has."""
    schema: dict[str, Any] = load_schema()["$defs"]["sink"]
    return schema


def parted(given: Mapping[str, Json], common: Mapping[str, object]) -> tuple[dict[str, Json], dict[str, Json]]:
    """The delivery options and the type's own settings of one sink; `common` are the properties of the former."""
    options = {key: item for key, item in given.items() if key in common}
    own = {key: item for key, item in given.items() if key not in common}
    return options, own


def filled(given: Mapping[str, Json], own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Valid settings of one sink with every default: of the delivery options, and of `own`, the schema of its type."""
    result = _filled(dict(given), delivery_schema())
    return _filled(result, own) if own is not None else result


def _filled(given: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(given)
    for name, part in schema.get("properties", {}).items():
        if name in result:
            if isinstance(result[name], dict) and "properties" in part:
                result[name] = _filled(result[name], part)
        elif "default" in part:
            default = part["default"]
            result[name] = _filled(default, part) if isinstance(default, dict) and "properties" in part else default
        elif "properties" in part and not part.get("required"):
            result[name] = _filled({}, part)
    return result
