"""The service processes of an image: what is wrong with them, and what they are, as the start itself reads them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ww.authoring.configuration import at_setting
from ww.authoring.finding import PROBLEM, WARNING, Finding, nearest
from ww.authoring.launches import check_launch
from ww.authoring.policies import seconds
from ww.authoring.scripts import check_script
from ww.config.settings import KEY
from ww.instance.hookset import hook_files
from ww.instance.services.definition import DIRECTORY, read_definitions
from ww.instance.signaltable import SignalTable
from ww.supervise import signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.authoring.place import Place
    from ww.config.compiled import Compiled
    from ww.instance.services.definition import Definition, Definitions
    from ww.instance.settings import Settings
    from ww.types import JsonObject

FILES = ("run", "check")
"""What ww looks for in the directory of a service."""
_MEND = "correct it: ww run would end with 78"
_USUAL = (signals.TERM, signals.INT, signals.QUIT, signals.HUP, signals.USR1, signals.USR2)


def definitions(usr: str, settings: Settings) -> Definitions:
    """The services of an image with these settings."""
    return read_definitions(usr, settings.services, settings.service_defaults)


def check_services(place: Place, settings: Settings, compiled: Compiled) -> Iterator[Finding]:
    """Definitions that a start refuses, files that nobody reads, scripts with mistakes."""
    usr = place.layout.usr
    known = definitions(usr, settings)
    for words in known.problems:
        yield _of_definition(place, compiled, words)
    for words in SignalTable(settings.signals, wrapping=False).problems:
        name = words.removeprefix(f"{KEY}.signals.").partition(":")[0]
        yield at_setting(place, compiled, Finding(PROBLEM, "", words, _MEND), (KEY, "signals", name))
    yield from _unread(place, settings)
    for service in known.services:
        for name in FILES:
            path = f"{usr}/{DIRECTORY}/{service.name}/{name}"
            if os.path.isfile(path):
                yield from check_script(place, path)
        for finding, field in check_launch(place, service):
            yield at_setting(place, compiled, finding, (KEY, "services", service.name, field))
    if not _signals_unknown(compiled):
        yield from _signal_hook(place, settings)


def _of_definition(place: Place, compiled: Compiled, words: str) -> Finding:
    """At the file that it is about, else where the service is configured, else at its directory."""
    parent = f"{place.layout.usr}/{DIRECTORY}"
    path = next((word for word in words.replace(":", " ").split() if word.startswith(f"{parent}/")), "")
    if path:
        what, found, do = words.replace(f"{parent}/", f"{DIRECTORY}/").rpartition(": chmod")
        return Finding(PROBLEM, place.name(path), what if found else do, f"chmod{do}" if found else _MEND)
    name = words.removeprefix("service ").partition(":")[0]
    own = f"{parent}/{name}"
    configured = at_setting(place, compiled, Finding(PROBLEM, "", words, _MEND), (KEY, "services", name))
    return configured if configured.line or not os.path.isdir(own) else Finding(PROBLEM, place.name(own), words, _MEND)


def _unread(place: Place, settings: Settings) -> Iterator[Finding]:
    """Files that are no service, and misspelt ones within a service."""
    parent = f"{place.layout.usr}/{DIRECTORY}"
    for name in _listed(parent):
        path = f"{parent}/{name}"
        if name.startswith((".", "README")):
            continue
        if not os.path.isdir(path):
            what = "it is passed over: a service is a directory with an executable run in it"
            yield Finding(WARNING, place.name(path), what, "mkdir the directory, and move this to NAME/run")
            continue
        for inner in _listed(path):
            near = nearest(inner, FILES, cutoff=0.7) if inner not in FILES else ""
            if near and not os.path.lexists(f"{path}/{near}"):
                level = PROBLEM if near == "check" or not settings.services.get(name, {}).get("command") else WARNING
                what = "ww does not look for a file of this name"
                yield Finding(level, place.name(f"{path}/{inner}"), what, f"did you mean {near}?")


def _signals_unknown(compiled: Compiled) -> bool:
    """Whether nobody can tell what `ww.signals` says: they, or a whole layer, cannot be read."""
    wrong = [str(item.get("path", "")) for item in compiled.problems]
    return any(path in ("", KEY) or path.startswith(f"{KEY}.signals") for path in wrong)


def _signal_hook(place: Place, settings: Settings) -> Iterator[Finding]:
    has_hook, has_verb = bool(hook_files(place.layout.usr, "signal")), "hook" in settings.signals.values()
    if has_hook and not has_verb:
        what = "it is never called: ww.signals gives it no signal"
        yield Finding(WARNING, place.name(f"{place.layout.usr}/signal"), what, 'set ww.signals, as in {"USR1": "hook"}')
    if has_verb and not has_hook:
        what = "ww.signals gives signals to the hook signal, and there is none"
        yield Finding(WARNING, place.name(f"{place.layout.usr}/signal"), what, "write it")


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def describe(service: Definition) -> JsonObject:
    """One service as `ww explain --json` has it; values of its environment stay out, they may be secrets."""
    rules, launch, readiness = service.rules, service.launch, service.readiness
    ready: JsonObject | None = None
    if readiness is not None:
        limit = seconds(readiness.limit_ms) if readiness.limit_ms else None
        ready = {"how": readiness.words(), "interval_s": seconds(readiness.interval_ms), "limit_s": limit}
    return {
        "name": service.name,
        "type": "oneshot" if rules.oneshot else "service",
        "enabled": service.enabled,
        "command": list(launch.argv),
        "env": sorted(launch.env),
        "user": launch.user,
        "cwd": launch.cwd,
        "umask": f"{launch.umask:03o}",
        "limits": {name: list(pair) for name, pair in launch.limits.items()},
        "after": list(rules.after),
        "readiness": ready,
        "restart": rules.restart,
        "essential": rules.essential,
        "stop": {
            "signal": signals.name(service.stop.signal).removeprefix("SIG"),
            "limit_s": seconds(service.stop.limit_ms),
            "to": "group" if service.stop.to_group else "process",
        },
    }


def signal_table(settings: Settings) -> JsonObject:
    """What the usual signals and all that are configured do."""
    table = SignalTable(settings.signals, wrapping=False)
    told: JsonObject = {}
    for number in dict.fromkeys((*_USUAL, *table.deeds)):
        deed = table.deed(number)
        other = signals.name(deed.number).removeprefix("SIG") if deed.number not in (0, number) else ""
        verb = f"rewrite:{other}" if deed.verb == "forward" and other else deed.verb
        told[signals.name(number).removeprefix("SIG")] = verb
    return told
