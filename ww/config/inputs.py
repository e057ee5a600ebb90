"""The raw inputs of a configuration, lowest layer first, and one digest over all of them (runtime.md 23).

Runs inside PID 1, so it reads bytes and parses nothing: an unchanged digest means that the last result still holds.
"""

from __future__ import annotations

import os
import stat

from ww import __version__
from ww.clib import blake2_hex
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.home.layout import Layout

MAX_BYTES = 1 << 20
"""The largest input; one byte more is read so that the parser can refuse it."""

FILE = "file"
"""An `Input` whose bytes are a JSON object from a file."""
JSON = "json"
"""An `Input` whose bytes are a JSON object from the environment."""
VARIABLE = "variable"
"""An `Input` whose bytes are `NAME=VALUE`, a `CFG__a__b` variable."""
SETTING = "setting"
"""An `Input` whose bytes are the argument of `--set`."""

DEFAULTS = ("defaults.json", "default_cfg.json")
"""The images' defaults, lowest first: the name that the original images use, then the documented one."""

_PREFIX = "CFG__"


class Input(Value):
    """One layer before parsing: its kind, its name in messages, the file it came from ("" if none) and its bytes."""

    __slots__ = ("kind", "name", "file", "data")

    def __init__(self, kind: str, name: str, file: str, data: bytes) -> None:
        self.kind = kind
        self.name = name
        self.file = file
        self.data = data


class Inputs(Value):
    """Everything that a configuration is made from.

    `problems` holds what could not be read (dicts as in `ConfigError`); `schema` is None where the image has no
    `cfg_schema.json`; `key` changes when any input does.
    """

    __slots__ = ("layers", "schema", "problems", "key")

    def __init__(
        self, layers: list[Input], schema: Input | None, problems: list[dict[str, str | int]], key: str
    ) -> None:
        self.layers = layers
        self.schema = schema
        self.problems = problems
        self.key = key

    def nothing(self) -> bool:
        """Whether there is no layer, no schema and no problem, so that the configuration is empty."""
        return not self.layers and self.schema is None and not self.problems


def collect(layout: Layout, environ: Mapping[str, str], sets: Sequence[str]) -> Inputs:
    """Read every input (WW-7, WW-8): image files, `CFG_FILE`, `CFG`, `CFG__…` by name, `--set` in order."""
    problems: list[dict[str, str | int]] = []
    layers: list[Input] = []
    for path in (*_image_files(layout, problems), *_named_files(environ.get("CFG_FILE", ""), problems)):
        found = _read(path, problems)
        if found is not None:
            layers.append(found)
    text = environ.get("CFG", "")
    if text.strip():
        layers.append(Input(JSON, "CFG", "", os.fsencode(text)))
    layers += _variables(environ)
    layers += [Input(SETTING, f"--set {_name_of(item)}", "", os.fsencode(item)) for item in sets]
    schema_path = f"{layout.etc}/cfg_schema.json"
    schema = _read(schema_path, problems) if os.path.lexists(schema_path) else None
    return Inputs(layers, schema, problems, _digest(layout, layers, schema, problems))


def fingerprint(path: str) -> list[int]:
    """Size, time of change (nanoseconds) and number of a file: another hand, or a disk, has changed it if they differ.

    Empty if there is no such file.
    """
    try:
        info = os.stat(path)
    except OSError:
        return []
    return [info.st_size, info.st_mtime_ns, info.st_ino]


def _image_files(layout: Layout, problems: list[dict[str, str | int]]) -> list[str]:
    paths = [path for name in DEFAULTS if os.path.lexists(path := f"{layout.etc}/{name}")]
    directory = f"{layout.etc}/conf.d"
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        names = []
    except OSError as error:
        problems.append(_unreadable(directory, f"cannot be listed: {error.strerror}"))
        names = []
    return paths + [f"{directory}/{name}" for name in names if name.endswith(".json") and not name.startswith(".")]


def _named_files(named: str, problems: list[dict[str, str | int]]) -> list[str]:
    paths = [path for path in named.split(":") if path.strip()]
    relative = [path for path in paths if not path.startswith("/")]
    # PID 1 works in `/` and the compile child in another directory: a relative path would mean two files.
    problems.extend(
        {"layer": "CFG_FILE", "message": f"{path!r} is not an absolute path; write it from /"} for path in relative
    )
    return [path for path in paths if path.startswith("/")]


def _variables(environ: Mapping[str, str]) -> list[Input]:
    pairs = sorted(
        (os.fsencode(name), os.fsencode(value)) for name, value in environ.items() if name.startswith(_PREFIX)
    )
    return [Input(VARIABLE, os.fsdecode(name).removesuffix(":"), "", name + b"=" + value) for name, value in pairs]


def _name_of(item: str) -> str:
    """`a.b` of `a.b=secret`: a layer is named in messages, so its name never holds the value."""
    name = item.partition("=")[0]
    return name.removesuffix(":")


def _read(path: str, problems: list[dict[str, str | int]]) -> Input | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        problems.append(_unreadable(path, f"cannot be read: {error.strerror}"))
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            problems.append(_unreadable(path, "cannot be read: it is not a regular file"))
            return None
        return Input(FILE, path, path, _slurp(fd))
    except OSError as error:
        problems.append(_unreadable(path, f"cannot be read: {error.strerror}"))
        return None
    finally:
        os.close(fd)


def _slurp(fd: int) -> bytes:
    data = b""
    while len(data) <= MAX_BYTES:
        chunk = os.read(fd, MAX_BYTES + 1 - len(data))
        if not chunk:
            break
        data += chunk
    return data


def _unreadable(path: str, message: str) -> dict[str, str | int]:
    return {"layer": path, "file": path, "message": message}


def _digest(layout: Layout, layers: list[Input], schema: Input | None, problems: list[dict[str, str | int]]) -> str:
    parts = [__version__.encode(), os.fsencode(layout.root), b"none" if schema is None else b"schema"]
    for item in layers if schema is None else (*layers, schema):
        parts += [item.kind.encode(), os.fsencode(item.name), item.data]
    parts += [os.fsencode(f"{problem['layer']}: {problem['message']}") for problem in problems]
    return blake2_hex(*parts)
