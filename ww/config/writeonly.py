"""Which values a schema marks `"writeOnly": true`: those are masked wherever a configuration is shown."""

from __future__ import annotations

from ww.config.pointers import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ww.config.model import Path


def write_only(schema: Any, instance: Any) -> set[Path]:
    """The paths in `instance` that `schema` marks `"writeOnly": true`; all that lies below such a path is meant too."""
    marked: set[Path] = set()
    _mark(schema, schema, instance, (), marked, frozenset())
    return marked


def _mark(root: Any, schema: Any, instance: Any, path: Path, marked: set[Path], seen: frozenset[str]) -> None:
    if not isinstance(schema, dict):
        return
    if schema.get("writeOnly") is True:
        marked.add(path)
    for part, next_seen in _beside(root, schema, seen):
        _mark(root, part, instance, path, marked, next_seen)
    if isinstance(instance, dict):
        for key, value in instance.items():
            for part in _members(schema, key):
                _mark(root, part, value, (*path, key), marked, frozenset())
    elif isinstance(instance, list):
        for index, value in enumerate(instance):
            for part in _elements(schema, index):
                _mark(root, part, value, (*path, index), marked, frozenset())


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
