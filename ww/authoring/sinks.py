"""What the schema of a sink cannot see: each one is made, which connects to nothing, and its type says what it minds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ww.authoring.configuration import at_setting
from ww.authoring.finding import PROBLEM, WARNING, Finding
from ww.authoring.launches import missing_directory, missing_program
from ww.config.settings import KEY, pick
from ww.config.sinktypes import SINKS, Unusable
from ww.sinks.base import Context, Origin
from ww.sinks.setup import make_sink, places, secret_reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ww.authoring.place import Place
    from ww.config.compiled import Compiled


def check_sinks(place: Place, compiled: Compiled) -> list[Finding]:
    """Sinks with valid settings that cannot be made all the same, as the image says them and as this machine is."""
    found = []
    files: dict[str, tuple[str, dict[str, Any]]] = {}
    given = pick(compiled.cfg, [KEY, SINKS], {})
    wrong = {str(item.get("path", "")) for item in compiled.problems}
    for name, settings in given.items() if isinstance(given, dict) else ():
        key = f"{KEY}.{SINKS}.{name}"
        if not isinstance(settings, dict) or any(path == key or path.startswith(f"{key}.") for path in wrong):
            continue
        if settings.get("enabled") is False:
            continue
        context = Context(
            name=name,
            origin=Origin("service", "instance", "boot"),
            secret=secret_reader(place.layout, {}),
            advise=lambda _: None,
            log=lambda _: None,
            place=places(place.layout),
        )
        made = make_sink(name, settings, context, place.layout.etc)
        if isinstance(made, Unusable):
            finding = Finding(
                PROBLEM, "", made.words, "correct it: ww run would go on, and nothing would reach this sink"
            )
            found.append(at_setting(place, compiled, finding, (KEY, SINKS, name)))
            continue
        more = (*_of_program(place, name, settings), *_of_file(place, name, settings, files))
        found += [at_setting(place, compiled, finding, (KEY, SINKS, name)) for finding in more]
    return found


def _of_program(place: Place, name: str, settings: dict[str, Any]) -> Iterator[Finding]:
    """What a sink `exec` needs of the machine; a boot hook may make it, so that what is not here is a warning."""
    if settings["type"] != "exec":
        return
    cwd, env = str(settings.get("cwd", "/")), settings.get("env", {})
    search = env.get("PATH", "")
    words = missing_program(place, str(settings["command"][0]), cwd, search if isinstance(search, str) else "")
    for text in filter(None, (words, missing_directory(place, cwd))):
        yield Finding(WARNING, "", f"ww.sinks.{name}: {text}", "correct it, or make sure that the image has it")


def _of_file(
    place: Place, name: str, settings: dict[str, Any], files: dict[str, tuple[str, dict[str, Any]]]
) -> Iterator[Finding]:
    """A file that cannot be one, or that another sink writes into; `files` are those of the sinks before."""
    if settings["type"] not in ("file", "sqlite"):
        return
    path = os.path.normpath(places(place.layout)(str(settings["path"])))
    if os.path.isdir(path):
        words = f"ww.sinks.{name}.path: {settings['path']} is a directory; write the name of a file"
        yield Finding(PROBLEM, "", words, "correct it: nothing would reach this sink")
    other, theirs = files.setdefault(path, (name, settings))
    tables = {str(one.get("table", "ww_events")) for one in (settings, theirs)}
    if other != name and not (settings["type"] == theirs["type"] == "sqlite" and len(tables) > 1):
        words = f"ww.sinks.{name}.path: the sink {other} writes into the same file"
        yield Finding(PROBLEM, "", words, "give each a file of its own")
