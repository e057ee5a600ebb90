"""Validation by jsonschema: the only file that imports it. Imported only where there is a schema or a `ww` key.

References to secrets pass every keyword: their values are not known when a configuration is compiled.
No `$ref` is ever fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import validators
from jsonschema.exceptions import SchemaError
from jsonschema.validators import Draft202012Validator
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from referencing.exceptions import Unresolvable

from ww.clib import json_dumps
from ww.config.secrets import is_reference
from ww.types import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jsonschema.exceptions import ValidationError

    from ww.config.model import Path

UNKNOWN = "unknown"
"""The keyword of a fault that is a name which the schema does not know."""
WORDS = "x-words"
"""A schema's own words for a person whose value it refuses: what to write."""
LONGEST = 300
"""Characters of a message: jsonschema quotes the value it refuses, however long it is."""


class Fault(Value):
    """One thing that a schema refuses: where, by which keyword, in words; for a name it does not know, its neighbours."""

    __slots__ = ("path", "keyword", "message", "allowed")

    def __init__(self, path: Path, keyword: str, message: str, allowed: tuple[str, ...] = ()) -> None:
        self.path = path
        self.keyword = keyword
        self.message = message
        self.allowed = allowed


def schema_fault(schema: Any) -> Fault | None:
    """What is wrong with a schema itself, or None."""
    try:
        _class_of(schema).check_schema(schema)
    except SchemaError as error:
        return Fault(tuple(error.absolute_path), "schema", _cut(f"it is not a JSON Schema: {error.message}"))
    return None


def faults(instance: Any, schema: Any) -> list[Fault]:
    """Everything that `schema` (a valid one) refuses in `instance`, in order of path."""
    cls = _patient(_class_of(schema))
    try:
        errors = list(cls(schema, registry=REGISTRY).iter_errors(instance))
    except RecursionError:
        return [Fault((), "$ref", "the schema refers to itself without end")]
    except Unresolvable as error:
        return [Fault((), "$ref", f"the schema refers to {error.ref!r}, which is not in it, and nothing is fetched")]
    found = [fault for error in errors for fault in _faults_of(error)]
    return sorted(found, key=lambda fault: [str(part) for part in fault.path])


def _class_of(schema: Any) -> Any:
    return validators.validator_for(schema, default=Draft202012Validator)


def _patient(cls: Any) -> Any:
    """The validator class with every keyword silent about references to secrets."""

    def silent(check: Callable[..., Any]) -> Callable[..., Iterator[ValidationError]]:
        def keyword(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
            if not is_reference(instance):
                yield from check(validator, value, instance, schema) or ()

        return keyword

    return validators.extend(cls, {name: silent(check) for name, check in cls.VALIDATORS.items()})  # type: ignore[no-untyped-call]


def _faults_of(error: ValidationError) -> Iterator[Fault]:
    path = tuple(error.absolute_path)
    if (
        error.validator == "additionalProperties"
        and error.validator_value is False
        and isinstance(error.instance, dict)
    ):
        schema: Any = error.schema
        allowed = tuple(schema.get("properties", {}))
        if not schema.get("patternProperties"):
            for name in error.instance:
                if name not in allowed:
                    yield Fault((*path, name), UNKNOWN, "", allowed)
            return
    if list(error.relative_schema_path)[-2:-1] == ["propertyNames"]:
        path = (*path, str(error.instance))
    yield Fault(path, str(error.validator), _cut(_words(error)))


def _words(error: ValidationError) -> str:
    """What a schema itself says of it (WORDS), else words for an enum, else the message of jsonschema.

    With what the value must be rather than what it is where that is long.
    """
    shown = _shown(error.instance)
    told = error.schema.get(WORDS) if isinstance(error.schema, dict) else None
    if isinstance(told, str):
        return f"{shown} cannot be used: {told}"
    if error.validator == "enum" and isinstance(error.validator_value, list):
        return f"{shown} is not one of {_listed(error.validator_value, error.instance)}"
    if error.validator == "type":
        wanted = error.validator_value
        return f"{shown} is not of type {', '.join(map(repr, wanted if isinstance(wanted, list) else [wanted]))}"
    if len(error.message) <= LONGEST:
        return error.message
    return f"the value does not satisfy {error.validator}: {str(error.validator_value)[:LONGEST]}"


def _shown(value: Any) -> str:
    """As Python shows it, which is what a masker looks for, but null, true and false are those of JSON."""
    text = json_dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= LONGEST else "the value"


def _listed(allowed: list[Any], given: Any) -> str:
    """The values of an enum, and the one that was probably meant."""
    import difflib

    names = [item for item in allowed if isinstance(item, str)]
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5) if isinstance(given, str) else []
    listed = ", ".join(item if isinstance(item, str) else json_dumps(item) for item in allowed)
    return listed[:LONGEST] + (f"; did you mean {near[0]}?" if near else "")


def _cut(message: str) -> str:
    return message if len(message) <= 2 * LONGEST else f"{message[: 2 * LONGEST]} …"
