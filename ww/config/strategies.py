"""The strategies that `cfg_schema.json` declares, carried out by jsonmerge: the only file that imports it.

jsonmerge fails on ordinary input (runtime.md 24): an object over a scalar, `allOf`, keys with `%` or an empty key.
So it gets a *merge schema* with nothing but what steers a merge, an object strategy that lets an object replace
anything, and pointers that are looked up as they are.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ww.config.merge import MergeFailed, mixes

with warnings.catch_warnings():
    # jsonmerge 1.9 still uses jsonschema's RefResolver, which is deprecated and says so at import.
    warnings.simplefilter("ignore", DeprecationWarning)
    import jsonmerge  # type: ignore[import-untyped]
    from jsonmerge.exceptions import JSONMergeError  # type: ignore[import-untyped]
    from jsonmerge.jsonvalue import JSONValue  # type: ignore[import-untyped]
    from jsonmerge.strategies import ObjectMerge  # type: ignore[import-untyped]
    from jsonschema.exceptions import _RefResolutionError  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.config.merge import Merge


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
                raise MergeFailed(f"the elements of an array cannot be put in order: {error}") from None
        return result

    return merge


def _words(error: JSONMergeError) -> str:
    words = str(error.message).replace("Head", "the value").replace("Base", "the value below it")
    return f"mergeStrategy {error.strategy_name}: {words}"


def _parts(error: JSONMergeError) -> tuple[str | int, ...]:
    ref: str = getattr(error.value, "ref", None) or "#"
    parts = [part.replace("~1", "/").replace("~0", "~") for part in ref.split("/")[1:]]
    return tuple(int(part) if part.isdecimal() and at else part for at, part in enumerate(parts))


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
