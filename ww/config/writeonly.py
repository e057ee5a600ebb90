"""Which values a schema marks: `"writeOnly": true` is masked wherever a configuration is shown."""

from __future__ import annotations

from ww.config.pointers import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ww.config.model import Path


WRITE_ONLY = "writeOnly"
REFERENCE = "x-reference"
"""The mark of a sink's setting that may be a reference to a secret, and is none in plain text."""


def write_only(schema: Any, instance: Any) -> set[Path]:
    """The paths in `instance` that `schema` marks `"writeOnly": true`; all that lies below such a path is meant too."""
    return _Marks(schema, (WRITE_ONLY,)).of(instance)


def may_refer(schema: Any, instance: Any) -> set[Path]:
    """The paths in `instance` where `schema`, that of a sink, allows a reference to a secret."""
    return _Marks(schema, (WRITE_ONLY, REFERENCE)).of(instance)


class _Marks:
    """The paths that a schema marks by one of `names`."""

    def __init__(self, schema: Any, names: tuple[str, ...]) -> None:
        self._root = schema
        self._names = names
        self._found: set[Path] = set()

    def of(self, instance: Any) -> set[Path]:
        self._mark(self._root, instance, (), frozenset())
        return self._found

    def _mark(self, schema: Any, instance: Any, path: Path, seen: frozenset[str]) -> None:
        if not isinstance(schema, dict):
            return
        if any(schema.get(name) is True for name in self._names):
            self._found.add(path)
        for part, next_seen in _beside(self._root, schema, seen):
            self._mark(part, instance, path, next_seen)
        if isinstance(instance, dict):
            for key, value in instance.items():
                for part in _members(schema, key):
                    self._mark(part, value, (*path, key), frozenset())
        elif isinstance(instance, list):
            for index, value in enumerate(instance):
                for part in _elements(schema, index):
                    self._mark(part, value, (*path, index), frozenset())


def _beside(root: Any, schema: dict[str, Any], seen: frozenset[str]) -> Iterator[tuple[Any, frozenset[str]]]:
    """Schemas that speak of the same value."""
    for name in ("allOf", "anyOf", "oneOf"):
        if isinstance(schema.get(name), list):
            yield from ((part, seen) for part in schema[name])
    for name in ("if", "then", "else"):
        if name in schema:
            yield schema[name], seen
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref not in seen:
        yield target(root, ref), seen | {ref}


def _members(schema: dict[str, Any], key: str) -> Iterator[Any]:
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    if key in properties:
        yield properties[key]
    matched = _matched(patterns, key) if patterns else []
    yield from matched
    if key not in properties and not matched and "additionalProperties" in schema:
        yield schema["additionalProperties"]


def _matched(patterns: dict[str, Any], key: str) -> list[Any]:
    import re

    return [part for pattern, part in patterns.items() if re.search(pattern, key)]


def _elements(schema: dict[str, Any], index: int) -> Iterator[Any]:
    first = schema.get("prefixItems")
    items = schema.get("items")
    if not isinstance(first, list) and isinstance(items, list):
        first, items = items, schema.get("additionalItems")
    if isinstance(first, list) and index < len(first):
        yield first[index]
    elif items is not None:
        yield items
