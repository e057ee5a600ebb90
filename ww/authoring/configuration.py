"""What is wrong with the image's configuration, in the words of the compile that `ww run` does."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ww.authoring.finding import PROBLEM, WARNING, Finding, nearest
from ww.config import plugins, precompiled
from ww.config.compiled import build, placed
from ww.config.inputs import DEFAULTS, collect
from ww.config.query import Found, format_path, lookup, parse_path
from ww.config.secrets import is_reference, misspelt, resolve
from ww.config.settings import KEY, fill, service_defaults
from ww.config.sinkcheck import unresolved
from ww.config.sinktypes import SINKS
from ww.config.sources import at_path, parse, walk
from ww.config.validate import faults, schema_fault
from ww.errors import UsageError
from ww.instance.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ww.authoring.place import Place
    from ww.config.compiled import Compiled
    from ww.config.model import Layer, Path, Problem

READ = (*DEFAULTS, "cfg_schema.json", "conf.d", "version")
"""What ww reads in etc/."""
WRITTEN = ("cfg.json", precompiled.NAME, plugins.NAME)
"""What ww writes there."""

_SECRET = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key)$", re.IGNORECASE
)
_REQUIRED = "is a required property"
_EXPOSED = '"writeOnly"'
_AS_REFERENCE = 'write {"$secret": "NAME"} in its place, and mount the secret'


def check_configuration(place: Place) -> tuple[Compiled, list[Finding]]:
    """The defaults compiled as they are, without anything from outside, and everything that is wrong with them."""
    inputs = collect(place.layout, {}, ())
    compiled = build(inputs, place.layout.etc)
    found = [_of_problem(place, item) for item in compiled.problems]
    found += [_finding(place, WARNING, item) for item in compiled.warnings if _EXPOSED not in str(item["message"])]
    found += _in_the_open(place, compiled)
    found += _missing_secrets(place, compiled)
    schema = parse(inputs).schema
    if schema is not None and schema_fault(schema.value) is None:
        found += _schema_defaults(place, schema)
    found += _names(place)
    return compiled, found


def compile_schema(place: Place) -> precompiled.Written:
    """Write what lets a start validate fast beside the schema. Raises UsageError where that cannot be written."""
    try:
        return precompiled.write(place.layout.etc)
    except OSError as error:
        raise UsageError(f"cannot compile the schema in {place.layout.etc}: {error.strerror}") from None


def compile_sinks(place: Place) -> str:
    """Write the table of sink plugins, which no start has to look for then: its path. Raises UsageError."""
    try:
        return plugins.write_table(place.layout.etc)
    except OSError as error:
        raise UsageError(f"cannot write the table of sinks in {place.layout.etc}: {error.strerror}") from None


def _missing_secrets(place: Place, compiled: Compiled) -> list[Finding]:
    """Secrets of sinks that are not among those mounted here; where none are mounted, or are variables, nobody can tell."""

    def read(reference: dict[str, str]) -> str:
        if "$secret" not in reference or not os.path.isdir(place.layout.secrets):
            return ""
        return resolve(reference, place.layout, {})

    found = []
    for path, words in unresolved(compiled.cfg, read):
        item = placed(words, compiled, path)
        found.append(_finding(place, WARNING, item))
    return found


def settings_of(compiled: Compiled) -> Settings:
    """The settings of ww; the defaults in each section of them that cannot be used as it is configured."""
    wrong = {
        tuple(part for part in parse_path(str(item["path"]))[:2]) for item in compiled.problems if item.get("path")
    }
    given = compiled.cfg.get(KEY)
    if not isinstance(given, dict) or (KEY,) in wrong:
        return Settings(fill({}), service_defaults())
    usable = {name: section for name, section in given.items() if (KEY, name) not in wrong}
    return Settings(fill({KEY: usable}), service_defaults())


def _schema_defaults(place: Place, schema: Layer) -> Iterator[Finding]:
    """A `default` that stands in the schema and that its own schema refuses; ww does not use it, people do."""
    shared = {name: schema.value[name] for name in ("$schema", "$defs", "definitions") if name in schema.value}
    for path, part in _subschemas(schema.value, ()):
        for fault in faults(part["default"], {**part, **shared}) if "default" in part else ():
            if fault.keyword != "$ref":
                words = fault.message or f"there is no {fault.path[-1]!r} in it"
                item = at_path(f"its own schema refuses this default: {words}", schema, (*path, "default"))
                yield _finding(place, WARNING, item)


def _subschemas(schema: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return
    yield path, schema
    for name in ("properties", "patternProperties", "$defs", "definitions"):
        if isinstance(schema.get(name), dict):
            for key, part in schema[name].items():
                yield from _subschemas(part, (*path, name, key))
    for name in ("items", "additionalProperties"):
        yield from _subschemas(schema.get(name), (*path, name))


def _of_problem(place: Place, item: Problem) -> Finding:
    """A problem of the compile; what only lacks a value is none yet, the operator may give it. A sink is said whole."""
    of_sink = str(item.get("path", "")).startswith(f"{KEY}.{SINKS}.")
    if of_sink or not str(item["message"]).endswith(_REQUIRED):
        return _finding(place, PROBLEM, item)
    found = _finding(place, WARNING, item)
    found.do = "give it a default, or tell whoever runs the image to set it: without it the start ends with 78"
    return found


def _finding(place: Place, level: str, item: Problem) -> Finding:
    file = str(item.get("file", ""))
    name = place.name(file) if file else str(item.get("layer", "configuration"))
    path = str(item.get("path", ""))
    what = f"{path}: {item['message']}" if path else str(item["message"])
    do = "correct it: ww run would end with 78" if level == PROBLEM else ""
    return Finding(level, name, what, do, int(item.get("line", 0)))


def _in_the_open(place: Place, compiled: Compiled) -> list[Finding]:
    """Secrets that stand in the image's defaults, where everyone who has the image can read them."""
    found = []
    hidden = set(compiled.hidden)
    for layer in compiled.layers:
        for path, value in walk(layer.value):
            if not path or not isinstance(value, str) or not value or _inside_reference(layer, path):
                continue
            if any(path[: len(marked)] == marked for marked in hidden):
                what = "the schema marks it as a secret, and its value stands here, to be read in every image"
                found.append(_at(place, WARNING, what, layer, path))
            elif isinstance(path[-1], str) and _SECRET.search(path[-1]):
                what = "it looks like a secret, and its value stands here, to be read in every image"
                found.append(_at(place, WARNING, what, layer, path))
    return found


def _at(place: Place, level: str, what: str, layer: Layer, path: Path) -> Finding:
    item = at_path(what, layer, path)
    return Finding(
        level, place.name(layer.file), f"{format_path(path)}: {what}", _AS_REFERENCE, int(item.get("line", 0))
    )


def _inside_reference(layer: Layer, path: Path) -> bool:
    above = lookup(layer.value, path[:-1])
    return isinstance(above, Found) and (is_reference(above.value) or bool(misspelt(above.value)))


def _names(place: Place) -> list[Finding]:
    """Files in etc/ that look like configuration and are never read."""
    etc = place.layout.etc
    found = []
    for name in _listed(etc):
        near = nearest(name, READ, cutoff=0.85) if name not in (*READ, *WRITTEN) else ""
        if near and not name.startswith("."):
            there = os.path.lexists(f"{etc}/{near}")
            do = f"remove it, or did you mean {near}, which is there too?" if there else f"did you mean {near}?"
            level = WARNING if there else PROBLEM
            found.append(Finding(level, place.name(f"{etc}/{name}"), "ww does not read a file of this name", do))
    for name in _listed(f"{etc}/conf.d"):
        if not name.endswith(".json") and not name.startswith((".", "README")):
            what = "it is passed over: only names that end with .json are read"
            found.append(Finding(WARNING, place.name(f"{etc}/conf.d/{name}"), what, "rename or remove it"))
    return found


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def at_setting(place: Place, compiled: Compiled, finding: Finding, path: tuple[str, ...]) -> Finding:
    """`finding` at its line in the layer that sets most of `path`, else at the directory of the settings."""
    for length in range(len(path), 1, -1):
        for layer in reversed(compiled.layers):
            if layer.file and isinstance(lookup(layer.value, path[:length]), Found):
                line = int(at_path(finding.what, layer, path[:length]).get("line", 0))
                return Finding(finding.level, place.name(layer.file), finding.what, finding.do, line)
    return Finding(finding.level, place.name(place.layout.etc), finding.what, finding.do)
