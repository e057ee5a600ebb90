"""From raw inputs to layers: strict JSON, and for every fault a problem that says where it is (WW-11, WW-15)."""

from __future__ import annotations

from ww.clib import BadJson, json_each_object, json_guess, json_loads
from ww.config.inputs import FILE, JSON, MAX_BYTES, SETTING, VARIABLE
from ww.config.model import ESCAPE, MAX_DEPTH, Layer, problem
from ww.config.query import BadPath, format_path, parse_path
from ww.config.secrets import is_reference, reference_fault
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.config.inputs import Input, Inputs
    from ww.config.model import Path, Problem
    from ww.types import Json

_KINDS = {list: "an array", str: "a string", bool: "true or false", int: "a number", float: "a number"}


class Sources(Value):
    """The layers that could be parsed, lowest first, the image's schema (None: there is none), and what is wrong."""

    __slots__ = ("layers", "schema", "problems", "warnings")

    def __init__(
        self, layers: list[Layer], schema: Layer | None, problems: list[Problem], warnings: list[Problem]
    ) -> None:
        self.layers = layers
        self.schema = schema
        self.problems = problems
        self.warnings = warnings


def parse(inputs: Inputs) -> Sources:
    """Parse every input; a fault in one does not hide the faults of the others."""
    result = Sources([], None, [_clean(found) for found in inputs.problems], [])
    for item in inputs.layers:
        layer = _parse_one(item, result)
        if layer is not None:
            result.problems += _reference_faults(layer)
            result.layers.append(layer)
    if inputs.schema is not None:
        result.schema = _parse_one(inputs.schema, result)
    return result


def _parse_one(item: Input, result: Sources) -> Layer | None:
    parser = {FILE: _document, JSON: _document, VARIABLE: _variable, SETTING: _setting}[item.kind]
    layer = Layer(_plain(item.name), _plain(item.file), "", {})
    try:
        text, value = parser(item)
        _check_values(text, value)
    except _BadInput as bad:
        line, column = bad.spot or (0, 0)
        result.problems.append(problem(bad.message, layer, path=bad.path, line=line, column=column))
        return None
    layer = Layer(layer.name, layer.file, text, value)
    result.warnings += _duplicate_warnings(layer)
    return layer


class _BadInput(Exception):
    """One input cannot be used; `spot` is the line and column where they are known."""

    def __init__(self, message: str, spot: tuple[int, int] | None = None, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.spot = spot
        self.path = path


def _document(item: Input) -> tuple[str, dict[str, Json]]:
    if len(item.data) > MAX_BYTES:
        raise _BadInput("it is larger than 1 MiB")
    text = _decode(item.data)
    if not text.strip():
        raise _BadInput("it is empty; write {} for a layer that sets nothing")
    value = _loads(text)
    if not isinstance(value, dict):
        kind = "null" if value is None else _KINDS[type(value)]
        raise _BadInput(
            f"it is {kind}; a configuration is one JSON object", _line_column(text, len(text) - len(text.lstrip()))
        )
    return text, value


def _decode(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise _BadInput("it is not UTF-8 text", _line_column(before, len(before))) from None
    if text.startswith("\ufeff"):
        raise _BadInput("it begins with a byte order mark; save it without one", (1, 1))
    return text


def _loads(text: str) -> Json:
    """Strict JSON. Raises _BadInput."""
    try:
        return json_loads(text)
    except (BadJson, RecursionError):
        from ww.config.badjson import fault

        message, offset = fault(text)
        raise _BadInput(message, None if offset is None else _line_column(text, offset)) from None


def _line_column(text: str, offset: int) -> tuple[int, int]:
    from ww.config.lines import line_column

    return line_column(text, offset)


def _locate(text: str, path: Path) -> tuple[int, int] | None:
    from ww.config.lines import locate

    return locate(text, path)


def _variable(item: Input) -> tuple[str, dict[str, Json]]:
    name, _, value = _decode(item.data).partition("=")
    forced = name.endswith(":")
    keys = name.removesuffix(":").removeprefix("CFG__").split("__")
    if not all(keys):
        raise _BadInput("a part of the name is empty; between two keys stand exactly two underscores")
    return "", _nest(list(keys), value if forced else _json_or_text(value))


def _setting(item: Input) -> tuple[str, dict[str, Json]]:
    text = _decode(item.data)
    name, equals, value = _split_setting(text)
    if not equals:
        raise _BadInput("it has no =; write --set a.b=VALUE")
    forced = name.endswith(":")
    try:
        keys = parse_path(name.removesuffix(":"))
    except BadPath as error:
        raise _BadInput(str(error)) from None
    if not all(isinstance(key, str) for key in keys):
        raise _BadInput("one element of an array cannot be set; set the whole array")
    return "", _nest(keys, value if forced else _json_or_text(value))


def _split_setting(text: str) -> tuple[str, str, str]:
    """At the first = outside a quoted name."""
    quoted = escaped = False
    for at, char in enumerate(text):
        if char == "=" and not quoted:
            return text[:at], "=", text[at + 1 :]
        if char == '"' and not escaped:
            quoted = not quoted
        escaped = char == "\\" and quoted and not escaped
    return text, "", ""


def _json_or_text(text: str) -> Json:
    known = json_guess(text)
    return text if known is None else known[0]


def _nest(keys: list[str | int], value: Json) -> dict[str, Json]:
    if len(keys) > MAX_DEPTH:
        raise _BadInput(f"it nests deeper than {MAX_DEPTH} levels")
    for key in reversed(keys):
        value = {str(key): value}
    return value  # type: ignore[return-value]


def _check_values(text: str, value: Json) -> None:
    """Nesting and strings that no file can hold. Raises _BadInput."""
    if text and ESCAPE not in text and not _nests(value, MAX_DEPTH):
        return
    for path, item in walk(value):
        if len(path) >= MAX_DEPTH and isinstance(item, dict | list):
            raise _BadInput(f"it nests deeper than {MAX_DEPTH} levels", _locate(text, path))
        if not (_is_text(item) and _is_text(path[-1] if path else "")):
            shown = format_path([_plain(part) if isinstance(part, str) else part for part in path])
            raise _BadInput("half of a surrogate pair is no character", _locate(text, path), shown)


def _nests(value: Json, levels: int) -> bool:
    """Whether objects and arrays nest deeper than `levels`; much faster than a walk with paths."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_nests(item, levels - 1) for item in inner if isinstance(item, dict | list))


def _is_text(item: object) -> bool:
    if not isinstance(item, str) or item.isascii():
        return True
    return not any("\ud800" <= char <= "\udfff" for char in item)


def walk(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """`value` and everything in it, parents first, with paths; goes one level deeper than a layer may."""
    yield path, value
    if len(path) > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))


def _reference_faults(layer: Layer) -> list[Problem]:
    if not layer.may_refer():
        return []
    if is_reference(layer.value):
        return [at_path("the whole configuration cannot be a reference to a secret", layer, ())]
    return [at_path(fault, layer, path) for path, item in walk(layer.value) if (fault := reference_fault(item))]


def at_path(message: str, layer: Layer, path: Path) -> Problem:
    """A problem with `path` as `layer` sets it."""
    line, column = _locate(layer.text, path) or (0, 0)
    return problem(message, layer, path=format_path(path), line=line, column=column)


def _duplicate_warnings(layer: Layer) -> list[Problem]:
    if not layer.text or not _may_hold_duplicates(layer.text):
        return []
    from ww.config.lines import duplicates

    found = []
    for path, offset in duplicates(layer.text):
        line, column = _line_column(layer.text, offset)
        message = "the key is there twice; the later one counts"
        found.append(problem(message, layer, path=format_path(path), line=line, column=column))
    return found


def _may_hold_duplicates(text: str) -> bool:
    """A quick look with the C parser before the slow walk."""
    twice = False

    def see(pairs: list[tuple[str, Json]]) -> None:
        nonlocal twice
        twice = twice or len(dict(pairs)) < len(pairs)

    json_each_object(text, see)
    return twice


def _clean(found: Problem) -> Problem:
    return {key: _plain(item) if isinstance(item, str) else item for key, item in found.items()}


def _plain(text: str) -> str:
    """A name that may come from the operating system as text that can be written."""
    return text.encode("utf-8", "replace").decode()
