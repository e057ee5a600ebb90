"""What is known of `cfg_schema.json` since the image was built: `cfg_schema.check` beside it, made by `ww check`.

It holds the generated validator, and what compiling a configuration would else find out with libraries that take a
tenth of a second to import. It speaks for exactly one schema, one ww and one Python; whatever it cannot vouch for is done the slow way.
As it holds code, it is read only if nobody but root and this user can have written it.
"""

from __future__ import annotations

import marshal
import os
import sys

from ww import __version__
from ww.clib import blake2_hex, pattern_state
from ww.config.checking import check, checker
from ww.home.smallfile import read_trusted
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FORMAT = 1
NAME = "cfg_schema.check"
SCHEMA = "cfg_schema.json"
_LARGEST = 64 << 20


class Known(Value):
    """What was found out about a valid schema when it was compiled.

    Whether merge strategies steer by it, whether it marks values `"writeOnly"`, and what tells for certain that it
    accepts a value (None: there is no code for it, because of `reason`).
    """

    __slots__ = ("steers", "hides", "accepts", "reason")

    def __init__(self, steers: bool, hides: bool, accepts: Callable[[object], bool] | None, reason: str) -> None:
        self.steers = steers
        self.hides = hides
        self.accepts = accepts
        self.reason = reason


class Written(Value):
    """What `write` did: the file ("" if none was written), and why the schema is checked the slow way ("" if it is not)."""

    __slots__ = ("path", "reason")

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason


def load(schema_file: str, schema: bytes) -> Known | None:
    """What is known of the schema with the bytes `schema`; None if nothing is, or nothing that can be trusted."""
    data = read_trusted(os.path.join(os.path.dirname(schema_file), NAME), _LARGEST)
    body = data[_SEAL_BYTES:]
    if data[:_SEAL_BYTES] != _seal(schema, body):
        return None
    try:
        found: dict[str, Any] = marshal.loads(body)  # noqa: S302
        code = found["code"]
        return Known(
            found["steers"], found["hides"], checker(code, found["patterns"]) if code else None, found["reason"]
        )
    except (ValueError, EOFError, TypeError, KeyError):
        return None


def accepts_settings(given: object) -> bool:
    """Whether `given` certainly satisfies the schema of ww's own settings; False: it does not, or that schema must be asked.

    By `settings_check.py`, which is generated from the schema; one that was made from another schema is not believed.
    """
    from ww.config import settings_check
    from ww.config.settings import schema_path

    with open(schema_path(), "rb") as file:
        made_from = blake2_hex(file.read())
    return bool(made_from == settings_check.MADE_FROM) and check(settings_check.validate, given)


def write(etc: str) -> Written:
    """Compile `ETC/cfg_schema.json` to `ETC/cfg_schema.check`; needs fastjsonschema. For `ww check`, at image build.

    A schema that is invalid or not there leaves no file. Raises OSError where the file cannot be read or written.
    """
    from ww.config import atomic

    path = f"{etc}/{NAME}"
    try:
        with open(f"{etc}/{SCHEMA}", "rb") as file:
            schema = file.read()
    except FileNotFoundError:
        return _without(path, "there is no cfg_schema.json")
    found = _examine(schema)
    if isinstance(found, str):
        return _without(path, found)
    body = marshal.dumps(found)
    atomic.write(path, _seal(schema, body) + body, 0o644)
    return Written(path, found["reason"])


def _without(path: str, reason: str) -> Written:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    return Written("", reason)


def _examine(data: bytes) -> dict[str, Any] | str:
    """What a boot wants to know of a schema; in words why it is not valid."""
    from ww.clib import BadJson, json_loads
    from ww.config import steering
    from ww.config.sources import walk
    from ww.config.validate import schema_fault

    try:
        schema = json_loads(data.decode())
    except (UnicodeDecodeError, BadJson, RecursionError):
        return "it is not JSON"
    if not isinstance(schema, dict):
        return "it is not a JSON object"
    fault = schema_fault(schema)
    unknown = steering.unknown_strategies(schema)
    if fault is not None or unknown:
        return fault.message if fault is not None else f"there is no merge strategy {unknown[0][1]!r}"
    code, patterns, reason = _code_of(schema)
    hides = any(path and path[-1] == "writeOnly" for path, _ in walk(schema))
    steers = steering.steers(steering.merge_schema(schema))
    return {"code": code, "patterns": patterns, "reason": reason, "hides": hides, "steers": steers}


def _code_of(schema: dict[str, Any]) -> tuple[Any, dict[str, Any], str]:
    try:
        from ww.config.generate import NotCompilable, generate, patterns_of
    except ImportError:
        return None, {}, "fastjsonschema is not installed (pip install 'whaleware[check]')"
    try:
        module = generate(schema)
    except NotCompilable as error:
        return None, {}, str(error)
    states = {text: pattern_state(text) for text in sorted(patterns_of(module))}
    known = {text: state for text, state in states.items() if state is not None}
    return compile(module, SCHEMA, "exec", dont_inherit=True, optimize=2), known, ""


_SEAL_BYTES = 36


def _seal(schema: bytes, body: bytes) -> bytes:
    """What the file begins with if it speaks for this schema, this ww and this Python, and nothing in it is damaged."""
    made_by = f"{FORMAT} {__version__} {sys.implementation.cache_tag} {sys.version}".encode()
    return b"WWC2" + blake2_hex(made_by, schema, body).encode()
