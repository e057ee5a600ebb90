"""`ww.sinks` beyond the delivery options: each sink's own settings against the schema of its type.

For built-in types by generated code, which needs no library; whatever that refuses, and plugins, by jsonschema.
"""

from __future__ import annotations

from ww.config import libraries
from ww.config.secrets import SecretError, is_reference
from ww.config.settings import KEY
from ww.config.sinktypes import BUILT_IN, SINKS, Unusable, accepts, delivery_schema, own_schema, parted
from ww.config.sources import walk
from ww.config.writeonly import may_refer, write_only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from ww.config.model import Path
    from ww.config.validate import Fault
    from ww.types import Json


class Sinks:
    """The sinks of one configuration; `etc` is where an image has its table of plugins."""

    def __init__(self, given: Json, etc: str) -> None:
        sinks = given.get(SINKS) if isinstance(given, dict) else None
        self._etc = etc
        self._common: Mapping[str, object] = delivery_schema()["properties"] if sinks else {}
        self._given: dict[str, dict[str, Any]] = {}
        self._schemas: dict[str, dict[str, Any] | Unusable] = {}
        for name, item in sinks.items() if isinstance(sinks, dict) else ():
            if isinstance(item, dict) and isinstance(item.get("type"), str):
                self._given[name] = item
                self._schemas[name] = self._schema_of(item["type"])

    def _schema_of(self, type_name: str) -> dict[str, Any] | Unusable:
        if type_name in BUILT_IN:
            try:
                return own_schema(type_name)
            except FileNotFoundError:
                return Unusable(f"this ww comes without the sink type {type_name!r}")
        from ww.config import plugins

        found = plugins.find(type_name, self._etc)
        return found if isinstance(found, Unusable) else found.schema

    def hidden(self, layer: Json) -> set[Path]:
        """The paths of secrets in `layer`, a whole configuration or one layer of it: each type's schema marks them."""
        settings = layer.get(KEY) if isinstance(layer, dict) else None
        sinks = settings.get(SINKS) if isinstance(settings, dict) else None
        found: set[Path] = set()
        for name, item in sinks.items() if isinstance(sinks, dict) else ():
            schema = self._schemas.get(name)
            if isinstance(schema, dict) and isinstance(item, dict):
                _, own = parted(item, self._common)
                found |= {(KEY, SINKS, name, *path) for path in write_only(schema, own)}
        return found

    def may_refer(self, path: Path) -> bool:
        """Whether a reference may stand at `path` of the configuration: where the schema of the type says so.

        Of a type that is not to be had nobody knows; that is said already.
        """
        if len(path) < 4 or path[1] != SINKS or path[3] in self._common:
            return False
        schema = self._schemas.get(str(path[2]))
        if schema is None or isinstance(schema, Unusable):
            return True
        _, own = parted(self._given[str(path[2])], self._common)
        places = {(*path[:3], *marked) for marked in may_refer(schema, own)}
        return any(path[: len(place)] == place for place in places)

    def faults(self) -> Iterator[tuple[Path, Fault | str]]:
        """What is wrong with types and with their own settings: a fault of a schema, or a sentence."""
        for name, item in self._given.items():
            schema = self._schemas[name]
            if isinstance(schema, Unusable):
                if item.get("enabled") is not False:
                    yield (KEY, SINKS, name, "type"), schema.words
                continue
            _, own = parted(item, self._common)
            if item["type"] in BUILT_IN and accepts(item["type"], own):
                continue
            libraries.reach()
            from ww.config.validate import faults

            found = faults(own, schema)
            for fault in found:
                if fault.allowed:
                    fault.allowed = (*fault.allowed, *self._common)
            for fault in found:
                if not any(_follows(fault, other) for other in found):
                    yield (KEY, SINKS, name, *fault.path), fault


def _follows(fault: Fault, other: Fault) -> bool:
    """Whether `fault` misses a setting only because `other` is its name, misspelt."""
    near = other.meant() if len(other.path) == 1 else ""
    return bool(near) and not fault.path and near in fault.message.replace("'", " ").split()


def unresolved(cfg: Json, read: Callable[[dict[str, str]], str]) -> Iterator[tuple[Path, str]]:
    """References of sinks that `read` cannot resolve now: where each stands, and what its sink makes of it."""
    settings = cfg.get(KEY) if isinstance(cfg, dict) else None
    sinks = settings.get(SINKS) if isinstance(settings, dict) else None
    for path, item in walk(sinks, (KEY, SINKS)) if sinks else ():
        if is_reference(item):
            try:
                read(item)  # type: ignore[arg-type]
            except SecretError as error:
                yield path, f"{error}; the sink waits for it"
