"""Sink types that other packages bring: found by entry point, and frozen to a table where an image is built.

Looking through everything that is installed costs 40 ms and 7 MB, so an image does it once: `ww check --compile` writes
`etc/sinks.check`, which says what to import and holds each plugin's schema, so that a boot validates its settings without
importing it. The table speaks for the directories that it was made from, as they were; otherwise one looks again.
"""

from __future__ import annotations

import os
import sys

from ww import __version__
from ww.clib import BadJson, json_dumps, json_loads
from ww.config import atomic, libraries
from ww.config.inputs import fingerprint
from ww.config.sinktypes import API_VERSION, BUILT_IN, ENTRY_POINTS, Unusable, delivery_schema
from ww.home.smallfile import read_trusted
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Table = dict[str, "Plugin | Unusable"]

NAME = "sinks.check"
FORMAT = 2
_LARGEST = 16 << 20


class Plugin(Value):
    """A type that an installed package brings.

    `target` is `module:attribute`, `origin` the package and its version, `where` what an installer has left of it
    ("" if it left nothing that is known), `schema` that of its own settings.
    """

    __slots__ = ("name", "target", "origin", "where", "guarantee", "summary", "schema")

    def __init__(
        self, name: str, target: str, origin: str, where: str, guarantee: str, summary: str, schema: dict[str, Any]
    ) -> None:
        self.name = name
        self.target = target
        self.origin = origin
        self.where = where
        self.guarantee = guarantee
        self.summary = summary
        self.schema = schema


def find(name: str, etc: str) -> Plugin | Unusable:
    """The plugin `name`, by the table in `etc` or, where that is missing or out of date, by looking."""
    known = installed(etc)
    return known[name] if name in known else Unusable(unknown(name, known))


def unknown(name: str, known: Table) -> str:
    """That there is no such type, with the one that was probably meant."""
    import difflib

    names = sorted({*BUILT_IN, *known})
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"there is no sink type {name!r} (there are {', '.join(names)}){meant}"


def installed(etc: str) -> Table:
    """Every plugin, usable or not."""
    table = read_table(etc)
    if table is not None:
        return table
    libraries.reach()
    return scan()


def scan() -> Table:
    """Look through all that is installed, and import each plugin."""
    from importlib.metadata import entry_points

    found: Table = {}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"
        if point.name in BUILT_IN:
            words = f"{origin} brings a type {point.name!r}, which is the name of one of ww's own"
            print(f"ww: {words}; it is passed over", file=sys.stderr)
            continue
        if point.name in found:
            found[point.name] = Unusable(f"two packages bring the type {point.name!r}, one of them {origin}")
            continue
        # The directory of its metadata, which goes when the package is uninstalled.
        where = str(getattr(point.dist, "_path", ""))
        found[point.name] = _examined(point.name, point.value, origin, where, point.load)
    return found


def _examined(name: str, target: str, origin: str, where: str, load: Any) -> Plugin | Unusable:
    try:
        made = load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything when it is imported
        return Unusable(f"{origin}: importing {target} failed: {type(error).__name__}: {error}")
    api = getattr(made, "api", None)
    if api != API_VERSION:
        words = f"is written for version {api} of the sink API" if isinstance(api, int) else "is no SinkType"
        return Unusable(f"{origin}: {target} {words}, and this ww has version {API_VERSION}; install one that fits")
    schema = dict(getattr(made, "schema", None) or {})
    wrong = _schema_words(schema)
    if wrong:
        return Unusable(f"{origin}: the schema of {target} cannot be used: {wrong}")
    return Plugin(name, target, origin, where, str(made.guarantee.value), str(made.summary), schema)


def _schema_words(schema: dict[str, Any]) -> str:
    from ww.config.validate import schema_fault

    fault = schema_fault(schema)
    if fault is not None:
        return fault.message
    taken = sorted(set(schema.get("properties", {})) & set(delivery_schema()["properties"]))
    return f"it names {', '.join(taken)}, which belongs to the delivery options" if taken else ""


# The table


def read_table(etc: str) -> Table | None:
    """The table in `etc`; None if there is none, or if it is out of date or not to be trusted."""
    text = read_trusted(f"{etc}/{NAME}", _LARGEST)
    try:
        record = json_loads(text.decode()) if text else None
    except (BadJson, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("format") != FORMAT or record.get("made_by") != _made_by():
        return None
    seen, types = record.get("seen"), record.get("types")
    if not isinstance(seen, dict) or not isinstance(types, dict) or seen != _seen(list(seen)):
        return None
    found = {str(name): _parsed(str(name), item) for name, item in types.items()}
    gone = any(isinstance(item, Plugin) and item.where and not os.path.exists(item.where) for item in found.values())
    return None if gone else found


def rests_on(etc: str) -> dict[str, list[int]]:
    """Every path that says, by its fingerprint, whether `installed` would say the same again."""
    paths = {f"{etc}/{NAME}", *(entry for entry in sys.path if os.path.isdir(entry))}
    paths |= {item.where for item in installed(etc).values() if isinstance(item, Plugin) and item.where}
    return {path: fingerprint(path) for path in sorted(paths)}


def write_table(etc: str) -> str:
    """Look, and write the table to `etc`; its path. Raises OSError."""
    found = scan()
    path = f"{etc}/{NAME}"
    seen = _seen([entry for entry in sys.path if os.path.isdir(entry)])
    types = {name: _recorded(item) for name, item in found.items()}
    record = {"format": FORMAT, "made_by": _made_by(), "seen": seen, "types": types}
    atomic.write(path, (json_dumps(record) + "\n").encode(), 0o644)
    return path


def _recorded(item: Plugin | Unusable) -> dict[str, Any]:
    if isinstance(item, Unusable):
        return {"unusable": item.words}
    return {name: getattr(item, name) for name in ("target", "origin", "where", "guarantee", "summary", "schema")}


def _parsed(name: str, item: Any) -> Plugin | Unusable:
    if "unusable" in item:
        return Unusable(str(item["unusable"]))
    return Plugin(
        name, item["target"], item["origin"], item["where"], item["guarantee"], item["summary"], item["schema"]
    )


def _made_by() -> str:
    return f"{__version__} {API_VERSION} {sys.implementation.cache_tag}"


def _seen(directories: list[str]) -> dict[str, int]:
    """When something was last installed in each directory, in seconds: layers of images keep no more."""
    found = {}
    for directory in directories:
        try:
            found[directory] = int(os.stat(directory).st_mtime)
        except OSError:
            found[directory] = 0
    return found
