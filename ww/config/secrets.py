"""References to secrets in a configuration, their values at the moment of reading, and the masking of those values.

`{"$secret": "name"}` is a file in the secrets directory, `{"$file": "/path"}` any file, `{"$env": "NAME"}` a variable.
A reference is what is stored, merged and shown; its value is read at the last moment and written nowhere.
Standard library only: PID 1 masks with it.
"""

from __future__ import annotations

import os

from ww.errors import EXIT_LOOKUP, WwError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ww.home.layout import Layout
    from ww.types import Json

KINDS = ("$secret", "$file", "$env")
MAX_BYTES = 1 << 20
"""The largest secret."""
MASK = "***"
SHORTEST_MASKED = 4
"""Shorter values are not masked: they would make every other word unreadable and hide nothing."""


class SecretError(WwError):
    """A reference cannot be resolved; the message names what was looked for."""

    exit_code = EXIT_LOOKUP


def is_reference(value: object) -> bool:
    """Whether `value` is an object with one of the three names as its only key."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in KINDS


def reference_fault(value: object) -> str:
    """Why an object that uses one of the three names is not a usable reference; "" if nothing is wrong with it."""
    if not isinstance(value, dict):
        return ""
    kind = next((key for key in value if key in KINDS), "")
    if not kind:
        return ""
    if len(value) > 1:
        return f"a {kind} reference has no other keys beside it"
    target = value[kind]
    if not isinstance(target, str) or not target or "\0" in target:
        return f"a {kind} reference names its target by a string that is not empty"
    return _target_fault(kind, target)


def misspelt(value: object) -> str:
    """What a value that is refused was probably meant to be: `{"$secrt": …}` is a reference; "" if nothing like that."""
    name = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else ""
    if not name.startswith("$") or name in KINDS:
        return ""
    import difflib

    near = difflib.get_close_matches(name, KINDS, n=1, cutoff=0.6)
    return f"there is no reference {name}; did you mean {near[0]}?" if near else ""


def _target_fault(kind: str, target: str) -> str:
    if kind == "$secret" and ("/" in target or target in (".", "..")):
        return "a $secret is named by a plain file name; use $file for a path"
    if kind == "$file" and not target.startswith("/"):
        return "a $file reference needs an absolute path"
    if kind == "$env" and "=" in target:
        return "an $env reference names a variable, and = cannot be part of its name"
    return ""


def resolve(reference: Mapping[str, str], layout: Layout, environ: Mapping[str, str]) -> str:
    """The value behind one well-formed reference, without one trailing newline. Raises SecretError."""
    kind, target = next(iter(reference.items()))
    if kind == "$env":
        if target not in environ:
            raise SecretError(f"cannot resolve the $env reference: the variable {target} is not set")
        return environ[target]
    path = f"{layout.secrets}/{target}" if kind == "$secret" else target
    try:
        data = _read(path)
    except OSError as error:
        raise SecretError(f"cannot resolve the {kind} reference {target}: {path}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise SecretError(f"cannot resolve the {kind} reference {target}: {path} is larger than 1 MiB")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise SecretError(f"cannot resolve the {kind} reference {target}: {path} is not UTF-8 text") from None
    return text.removesuffix("\n")


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        data = b""
        while len(data) <= MAX_BYTES and (chunk := os.read(fd, 65536)):
            data += chunk
        return data
    finally:
        os.close(fd)


def references(value: Json) -> Iterator[dict[str, str]]:
    """Every reference in `value`, in document order."""
    if is_reference(value):
        yield value  # type: ignore[misc]
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve_all(value: Json, layout: Layout, environ: Mapping[str, str]) -> Json:
    """`value` with each reference in it replaced by what it stands for. Raises SecretError."""
    if is_reference(value):
        return resolve(value, layout, environ)  # type: ignore[arg-type]
    if isinstance(value, dict):
        return {key: resolve_all(item, layout, environ) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve_all(item, layout, environ) for item in value]
    return value


class Masker:
    """Replaces every secret in a text by `***`; of two that overlap, the longer one first."""

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[str]) -> None:
        known: set[str] = set()
        for value in values:
            known.add(value)
            known.update(value.split("\n"))
        self._values = sorted((value for value in known if len(value) >= SHORTEST_MASKED), key=len, reverse=True)

    def mask(self, text: str) -> str:
        """`text` without any of the secrets."""
        for value in self._values:
            text = text.replace(value, MASK)
        return text


def load_masker(
    refs: Iterable[Mapping[str, str]], layout: Layout, environ: Mapping[str, str], literals: Iterable[str] = ()
) -> Masker:
    """A masker for `literals` and the values behind `refs`.

    What cannot be resolved now cannot be written either, and is left out.
    """
    values = list(literals)
    for reference in refs:
        try:
            values.append(resolve(reference, layout, environ))
        except SecretError:
            continue
    return Masker(values)
