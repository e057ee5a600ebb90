"""`ww cfg KEY` without click: the plain question that hooks ask dozens of times at each boot.

`parse` takes what it knows for certain and leaves everything else to click; a test shows that both read alike.
`answer` is what both of them do then.
"""

from __future__ import annotations

import os
import sys

from ww.config.query import BadPath, Found, Missing, explain_missing, lookup, parse_path, to_text
from ww.config.reading import load
from ww.config.secrets import resolve_all
from ww.errors import EXIT_LOOKUP, EXIT_OK, WwError
from ww.home.layout import layout_for
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.home.layout import Layout
    from ww.types import Json

EXIT_MISSING = 1
"""There is no such key, and no `--default`."""


class Request(Value):
    """One plain question: the key, the default (None: none), whether the answer is JSON, the root (None: `WW_ROOT`)."""

    __slots__ = ("key", "default", "as_json", "root")

    def __init__(self, key: str, default: str | None, as_json: bool, root: str | None) -> None:
        self.key = key
        self.default = default
        self.as_json = as_json
        self.root = root


def parse(argv: Sequence[str]) -> Request | None:
    """The request in the words behind `ww cfg`; None for anything that is not certainly plain."""
    values: dict[str, str] = {}
    keys: list[str] = []
    as_json = False
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--json":
            as_json = True
        elif name in ("--default", "--root"):
            if not equals:
                following = next(words, None)
                if following is None:
                    return None
                value = following
            values[name] = value
        elif word.startswith("-"):
            return None
        else:
            keys.append(word)
    return Request(keys[0], values.get("--default"), as_json, values.get("--root")) if len(keys) == 1 else None


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Answer a plain `ww cfg` and return its exit code; None if click must read the words."""
    request = parse(argv)
    return None if request is None else answer(request, environ)


def answer(request: Request, environ: Mapping[str, str]) -> int:
    """Print the value (or the reason why there is none) and return the exit code."""
    try:
        layout = layout_for(request.root, environ)
        found = find(load(layout, environ), request.key, layout, environ)
    except (WwError, BadPath) as error:
        return complain(str(error))
    if isinstance(found, Found):
        return put(to_text(found.value, request.as_json))
    if request.default is None:
        complain(explain_missing(request.key, found))
        return EXIT_MISSING
    return put(default_text(request.default, request.as_json))


def find(cfg: dict[str, Json], key: str, layout: Layout, environ: Mapping[str, str]) -> Found | Missing:
    """The value at `key` with the secrets in it; of a setting of ww that is not set, its default.

    Raises BadPath, SecretError.
    """
    parts = parse_path(key)
    found = lookup(cfg, parts)
    if isinstance(found, Missing) and parts[0] == "ww":
        from ww.config.settings import with_defaults

        return lookup(with_defaults(cfg), parts)
    return Found(resolve_all(found.value, layout, environ)) if isinstance(found, Found) else found


def default_text(default: str, as_json: bool) -> str:
    """The default as it is; as JSON where JSON is wanted: itself if it is JSON, else a JSON string."""
    if not as_json:
        return default
    from ww.clib import json_loads

    try:
        return to_text(json_loads(default), as_json=True)
    except (ValueError, RecursionError):
        return to_text(default, as_json=True)


def put(text: str) -> int:
    """Print one line, UTF-8 whatever the locale says."""
    try:
        _write(1, text)
    except BrokenPipeError:
        return EXIT_LOOKUP
    return EXIT_OK


def complain(message: str) -> int:
    """Print a message for a person and return the exit code of a failed lookup."""
    _write(2, f"ww cfg: {message}")
    return EXIT_LOOKUP


def _write(fd: int, text: str) -> None:
    sys.stdout.flush()
    data = text.encode("utf-8", "surrogateescape") + b"\n"
    while data:
        data = data[os.write(fd, data) :]
