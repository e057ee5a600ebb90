"""What of a schema steers a merge: strategies and the way to them. Imports no library."""

from __future__ import annotations

from ww.clib import json_dumps
from ww.config.pointers import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KNOWN = ("overwrite", "discard", "append", "arrayMergeById", "arrayMergeByIndex", "objectMerge")
"""jsonmerge's `version` is not among them: it turns each value into a list of its history, which no hook expects."""

_OPTIONS = ("mergeStrategy", "mergeOptions")
_MAPS = ("properties", "patternProperties")
_ONE = ("items", "additionalProperties")


def unknown_strategies(schema: object) -> list[tuple[tuple[str | int, ...], str]]:
    """Every `mergeStrategy` that is not one of ours, with its path in the schema."""
    found: list[tuple[tuple[str | int, ...], str]] = []

    def look(value: object, path: tuple[str | int, ...]) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                look(item, (*path, index))
        if isinstance(value, dict):
            name = value.get("mergeStrategy")
            if "mergeStrategy" in value and not (path and path[-1] in _MAPS) and name not in KNOWN:
                found.append(((*path, "mergeStrategy"), str(name)))
            for key, item in value.items():
                if key not in ("default", "const", "enum", "examples"):
                    look(item, (*path, key))

    look(schema, ())
    return found


def merge_schema(schema: object) -> dict[str, Any]:
    """What of `schema` steers a merge: members, items, strategies. Local `$ref`s are followed, combinators are not."""
    return _Derivation(schema).result()


class _Derivation:
    """Copies the steering keywords; each local reference becomes one entry of `$defs`, so that recursion ends."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._names: dict[str, str] = {}
        self._defs: dict[str, Any] = {}

    def result(self) -> dict[str, Any]:
        derived = self._derive(self._root)
        return {**derived, "$defs": self._defs} if self._defs else derived

    def _derive(self, schema: object) -> dict[str, Any]:
        if not isinstance(schema, dict):
            return {}
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema)
        derived: dict[str, Any] = {key: schema[key] for key in _OPTIONS if key in schema}
        for key in _MAPS:
            if isinstance(schema.get(key), dict):
                derived[key] = {name: self._derive(item) for name, item in schema[key].items()}
        for key in _ONE:
            if isinstance(schema.get(key), dict):
                derived[key] = self._derive(schema[key])
        return derived

    def _reference(self, schema: dict[str, Any]) -> dict[str, Any]:
        key = json_dumps(schema)
        if key not in self._names:
            self._names[key] = name = str(len(self._names))
            self._defs[name] = self._derive(self._flatten(schema))
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _flatten(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema with its chain of references laid flat; what stands beside a `$ref` wins."""
        seen = []
        while isinstance(ref := schema.get("$ref"), str) and ref not in seen:
            seen.append(ref)
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**target(self._root, ref), **rest}
        return {key: value for key, value in schema.items() if key != "$ref"}


def steers(derived: object) -> bool:
    """Whether a merge schema says anything that the plain merge does not do anyway."""
    if isinstance(derived, dict):
        return "mergeStrategy" in derived or any(map(steers, derived.values()))
    return False
