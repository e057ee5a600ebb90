"""The one door to CPython's private C modules, so that PID 1 need not import their slow public wrappers.

`json` pulls in `re` (+3 ms), `hashlib` and `signal` pull in more (runtime.md 4). Each name falls back to the
public module where the private one is absent or behaves otherwise; the contract test runs on every supported Python.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from ww.types import Json

    Pairs = Callable[[list[tuple[str, Json]]], None]
    _Codec = tuple[
        Callable[[str], Json],
        Callable[[object], str],
        Callable[[str, Pairs], None],
        Callable[[str], tuple[Json] | None],
    ]


class BadJson(ValueError):
    """The text is not one JSON value; `args[0]` says why, `args[1]` is the offset in characters where known."""


def _finite(text: str) -> float:
    """A number of JSON; one too large for a float would become an infinity, which no JSON can hold."""
    value = float(text)
    if value - value != 0:
        raise BadJson(f"the number {text[:40]} is too large", 0)
    return value


class _ScannerContext:
    """The attributes that `_json.make_scanner` reads from a `json.JSONDecoder`."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = staticmethod(_finite)
    parse_int = int
    memo: dict[str, str] = {}

    @staticmethod
    def parse_constant(name: str) -> float:
        raise BadJson(f"{name} is not JSON", 0)


_BLANKS = " \t\n\r"


def _public_loads(text: str) -> Json:
    import json

    try:
        value: Json = json.loads(text, parse_constant=_ScannerContext.parse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise BadJson(error.msg, error.pos) from None
    except BadJson:
        raise
    except ValueError:
        # Only `int` is left to complain, which Python limits to 4,300 digits.
        raise BadJson("a number has too many digits", 0) from None
    return value


def _refuse(value: object) -> object:
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def _private_codec() -> _Codec:
    from _json import encode_basestring, make_encoder, make_scanner

    scan = make_scanner(_ScannerContext)  # type: ignore[arg-type]
    encode = make_encoder(None, _refuse, encode_basestring, None, ":", ",", False, False, False)

    def guess(text: str) -> tuple[Json] | None:
        try:
            value, end = scan(text, len(text) - len(text.lstrip(_BLANKS)))
        except (StopIteration, SystemError, ValueError, RecursionError):
            return None
        return None if text[end:].lstrip(_BLANKS) else (value,)

    def loads(text: str) -> Json:
        start = len(text) - len(text.lstrip(_BLANKS))
        try:
            value, end = scan(text, start)
        except (StopIteration, SystemError, ValueError):
            # SystemError: before 3.12 the C scanner cannot raise while `json` is not imported.
            # Only bad input comes here, so the slow public module may word the error.
            return _public_loads(text)
        tail = text[end:].lstrip(_BLANKS)
        if tail:
            raise BadJson("there is text behind the first JSON value", len(text) - len(tail))
        result: Json = value
        return result

    def dumps(value: object) -> str:
        return "".join(encode(value, 0))

    def each_object(text: str, see: Pairs) -> None:
        context = _ScannerContext()
        context.object_pairs_hook = see  # type: ignore[assignment]
        make_scanner(context)(text, len(text) - len(text.lstrip(_BLANKS)))  # type: ignore[arg-type]

    if (
        loads(' {"a":[1,null,"\\u00e9"]} ') != {"a": [1, None, "é"]}
        or dumps({"a": [1, None, "é"]}) != '{"a":[1,null,"é"]}'
    ):
        raise ImportError("the C JSON codec of this Python behaves otherwise")
    return loads, dumps, each_object, guess


def _public_codec() -> _Codec:
    import json

    def each_object(text: str, see: Pairs) -> None:
        json.loads(text, object_pairs_hook=see)

    def guess(text: str) -> tuple[Json] | None:
        try:
            return (_public_loads(text),)
        except (BadJson, RecursionError):
            return None

    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False)
    return _public_loads, encoder.encode, each_object, guess


try:
    json_loads, json_dumps, json_each_object, json_guess = _private_codec()
except (ImportError, TypeError, AttributeError):
    json_loads, json_dumps, json_each_object, json_guess = _public_codec()

json_loads.__doc__ = "Parse one JSON value. Raises BadJson on anything else, RecursionError on absurd nesting."
json_each_object.__doc__ = (
    "Call `see` with the (key, value) pairs of each object in a text that `json_loads` takes, inner ones first."
)
json_guess.__doc__ = (
    "The value in a tuple, or None if the text is not one JSON value; no words are looked for, so both are fast."
)
json_dumps.__doc__ = "Compact JSON text of a value, not ASCII-escaped. Raises TypeError, or ValueError for NaN."


def blake2_hex(*parts: bytes) -> str:
    """A 128-bit hex digest over `parts`, each preceded by its length so that no two lists collide."""
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    text: str = digest.hexdigest()
    return text


try:
    import _signal as signals  # type: ignore[import-not-found]
except ImportError:
    import signal as signals

try:
    import _heapq as heap
except ImportError:
    import heapq as heap  # type: ignore[no-redef]

SIGNALS = signals
"""The C module behind `signal`: plain functions and integers, no enums."""

HEAP = heap
"""The C module behind `heapq`."""


def sockets() -> ModuleType:
    """The C module behind `socket`, without the enums that cost 7 ms; loaded by whoever needs it first."""
    try:
        import _socket
    except ImportError:
        import socket as _socket  # type: ignore[no-redef]
    return _socket


def set_subreaper() -> bool:
    """Make this process adopt the orphans among its descendants (prctl 36); False where the kernel refuses."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(36, 1, 0, 0, 0) == 0)


def passwd_entry(user: str | int) -> tuple[str, int, int, str] | None:
    """Name, uid, gid and home of a user by name or number; None where there is no such entry."""
    import pwd

    try:
        entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    except (KeyError, ValueError, OverflowError):
        # ValueError: a NUL or what no file name can hold; OverflowError: a number that is no uid.
        return None
    return (entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def group_number(name: str) -> int | None:
    """The gid of a group by name; None where there is no such entry."""
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):
        return None


def pattern_state(text: str) -> tuple[object, ...] | None:
    """What `pattern_from` makes the regular expression `text` from, as plain data, where `pattern_kind` is the same.

    None where this Python does not tell. Raises re.error where `text` is none.
    """
    import re

    known = re.compile(text)
    try:
        from re import _compiler, _parser  # type: ignore[attr-defined]

        parsed = _parser.parse(text, 0)
        code = [int(word) for word in _compiler._code(parsed, 0)]
        names = {str(name): int(group) for name, group in parsed.state.groupdict.items()}
        state = (int(parsed.state.flags), code, int(parsed.state.groups) - 1, names)
        return state if pattern_from(text, state) == known else None
    except (ImportError, AttributeError, TypeError, ValueError, RuntimeError):
        return None


def pattern_kind() -> str:
    """Which states of patterns this Python takes back; "" if it does not tell."""
    try:
        from _sre import CODESIZE, MAGIC  # type: ignore[import-not-found]
    except ImportError:
        return ""
    from sys import byteorder

    return f"{MAGIC}-{CODESIZE}-{byteorder}"


def pattern_from(text: str, state: tuple[object, ...]) -> Any:
    """The regular expression `text` from its `pattern_state`, without `re`, which takes 5 ms to import.

    Raises ImportError, TypeError, ValueError or RuntimeError where this Python does not take it.
    """
    from _sre import compile as make

    flags, code, groups, names = state
    index: list[str | None] = [None] * (groups + 1)  # type: ignore[operator]
    for name, group in names.items():  # type: ignore[attr-defined]
        index[group] = name
    return make(text, flags, code, groups, names, tuple(index))
