"""The strategies that `cfg_schema.json` declares, carried out by jsonmerge: the only file that imports it.

jsonmerge fails on ordinary input (runtime.md 24): an object over a scalar, `allOf`, keys with `%` or an empty key.
So it gets a *merge schema* with nothing but what steers a merge, an object strategy that lets an object replace
anything, and pointers that are looked up as they are.
"""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ww.config.merge import mixes

with warnings.catch_warnings():
    # jsonmerge 1.9 still uses jsonschema's RefResolver, which is deprecated and says so at import.
    warnings.simplefilter("ignore", DeprecationWarning)
    import jsonmerge
    from jsonmerge.exceptions import JSONMergeError
    from jsonmerge.jsonvalue import JSONValue
    from jsonmerge.strategies import ObjectMerge
    from jsonschema.exceptions import _RefResolutionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.config.merge import Merge

KNOWN = ("overwrite", "discard", "append", "arrayMergeById", "arrayMergeByIndex", "objectMerge")
"""jsonmerge's `version` is not among them: it turns each value into a list of its history, which no hook expects."""

_OPTIONS = ("mergeStrategy", "mergeOptions")
_MAPS = ("properties", "patternProperties")
_ONE = ("items", "additionalProperties")


class MergeFailed(Exception):
    """A strategy cannot be carried out on these values; `path` is where, as jsonmerge's pointer parts."""

    def __init__(self, message: str, path: list[str]) -> None:
        super().__init__(message)
        self.path = path


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
        key = json.dumps(schema, sort_keys=True)
        if key not in self._names:
            self._names[key] = name = str(len(self._names))
            self._defs[name] = self._derive(self._flatten(schema))
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _flatten(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema with its chain of references laid flat; what stands beside a `$ref` wins."""
        seen = []
        while isinstance(ref := schema.get("$ref"), str) and ref not in seen:
            seen.append(ref)
            target = _target(self._root, ref)
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**target, **rest}
        return {key: value for key, value in schema.items() if key != "$ref"}


def _target(root: object, ref: str) -> dict[str, Any]:
    """What a local pointer leads to; {} for any other reference, which validation reports if it is wrong."""
    if ref != "#" and not ref.startswith("#/"):
        return {}
    found: Any = root
    for part in unquote(ref).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return {}
    return found if isinstance(found, dict) else {}


def steers(derived: object) -> bool:
    """Whether a merge schema says anything that the plain merge does not do anyway."""
    if isinstance(derived, dict):
        return "mergeStrategy" in derived or any(map(steers, derived.values()))
    return False


def merger(derived: dict[str, Any]) -> Merge:
    """A merge of two objects by `derived` (a merge schema). It raises MergeFailed."""
    machine = jsonmerge.Merger(derived, strategies={"objectMerge": _Object()})

    def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            walk = _Walk(machine, JSONValue(base), JSONValue(over), {})
            try:
                result: dict[str, Any] = walk.descend(JSONValue(derived), JSONValue(base), JSONValue(over)).val
            except JSONMergeError as error:
                raise MergeFailed(_words(error), _parts(error)) from None
            except TypeError as error:
                raise MergeFailed(f"the elements of an array cannot be put in order: {error}", []) from None
        return result

    return merge


def _words(error: JSONMergeError) -> str:
    words = str(error.message).replace("Head", "the value").replace("Base", "the value below it")
    return f"mergeStrategy {error.strategy_name}: {words}"


def _parts(error: JSONMergeError) -> list[str]:
    ref = getattr(error.value, "ref", None) or "#"
    return [part.replace("~1", "/").replace("~0", "~") for part in ref.split("/")[1:]]


class _Object(ObjectMerge):  # type: ignore[misc]
    """Objects merge; whatever cannot be merged key by key is replaced."""

    def merge(self, walk: Any, base: Any, head: Any, schema: Any, **options: Any) -> Any:
        if not base.is_undef() and not mixes(base.val, head.val):
            base = JSONValue(ref=base.ref, undef=True)
        if not isinstance(head.val, dict):
            return head
        return super().merge(walk, base, head, schema, **options)


class _Pointers:
    """Looks pointers up as they are written, where jsonschema's resolver takes `%41` for `A` and "" for the root."""

    def __init__(self, document: object) -> None:
        self._document = document

    @contextmanager
    def resolving(self, ref: str) -> Iterator[object]:
        yield self.resolve_fragment(self._document, ref.removeprefix("#"))

    def resolve_fragment(self, document: Any, fragment: str) -> Any:
        for part in fragment.removeprefix("/").split("/") if fragment else []:
            name = part.replace("~1", "/").replace("~0", "~")
            try:
                document = document[int(name)] if isinstance(document, list) else document[name]
            except (KeyError, IndexError, ValueError, TypeError):
                raise _RefResolutionError(f"there is no {fragment}") from None
        return document


class _Walk(jsonmerge.WalkInstance):  # type: ignore[misc]
    """A merge in progress, without the self-checks that fail on unusual keys."""

    def __init__(self, machine: Any, base: Any, head: Any, options: dict[str, Any]) -> None:
        super().__init__(machine, base, head, options)
        self.resolver = _Pointers(machine.schema)

    def work(self, strategy: Any, schema: Any, base: Any, head: Any, **options: Any) -> Any:
        return strategy.merge(self, base, head, schema, objclass_menu=self.merger.objclass_menu, **options)
