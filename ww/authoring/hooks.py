"""What is wrong with the hooks of an image: those that cannot be run, and those that never would be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ww.authoring.finding import PROBLEM, WARNING, Finding, nearest, plain_name
from ww.instance.hookset import HOOKS, hook_files, passed_over, step_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.authoring.place import Place
    from ww.instance.hookset import HookFile

KNOWN = tuple(dict.fromkeys((*HOOKS, "reload", "signal")))
"""Every hook of the contract."""
STEPS = "upgrade.d"
SERVICES = "services"

_MEANT = {
    "start": "svcup",
    "up": "svcup",
    "stop": "svcdown",
    "down": "svcdown",
    "health": "monitor",
    "healthcheck": "monitor",
    "check": "monitor",
    "init": "firstboot",
    "setup": "firstboot",
    "install": "firstboot",
    "entrypoint": "boot",
    "migrate": STEPS,
    "migrations": STEPS,
    "service": SERVICES,
}
"""What other tools call it."""


def check_hooks(place: Place) -> Iterator[Finding]:
    """Hooks that cannot be run, in the words of the start that refuses them."""
    usr = place.layout.usr
    for file in all_files(usr):
        if file.problem:
            what, do = _sentence(file)
            level = WARNING if _may_be_in_the_image(place, file.path) else PROBLEM
            yield Finding(level, place.name(file.path), what, do)
    for name in KNOWN:
        directory = f"{usr}/{name}.d"
        if os.path.lexists(directory) and not os.path.isdir(directory):
            do = f"make it a directory and put the parts of {name} into it"
            yield Finding(PROBLEM, place.name(directory), "this is a file, and nothing in it is ever run", do)
        for leftover in passed_over(directory):
            what = "it is passed over: its name is that of an editor's or package manager's leftover"
            yield Finding(WARNING, place.name(f"{directory}/{leftover}"), what, "remove it, or give it another name")


def all_files(usr: str) -> list[HookFile]:
    """Every file that is run: of each hook, and each step."""
    return [file for name in KNOWN for file in hook_files(usr, name)] + step_files(usr)


def check_names(place: Place) -> Iterator[Finding]:
    """Names in usr/ that ww never calls."""
    usr = place.layout.usr
    for name in _listed(usr):
        if name.startswith((".", "README")) or name in (*KNOWN, SERVICES, *(f"{hook}.d" for hook in KNOWN)):
            continue
        yield _unknown(place, f"{usr}/{name}", name)


def _unknown(place: Place, path: str, name: str) -> Finding:
    shown = place.name(path)
    if name in passed_over(os.path.dirname(path)):
        what = "it is never run: its name is that of an editor's or package manager's leftover"
        return Finding(WARNING, shown, what, "remove it, so that it is not in the image")
    if name.endswith(".d"):
        near = nearest(name[:-2], KNOWN)
        near = f"{near}.d" if near else ""
    else:
        near = nearest(name, (*KNOWN, SERVICES))
    if near:
        there = os.path.lexists(f"{os.path.dirname(path)}/{near}")
        do = f"remove it, or did you mean {near}, which is there too?" if there else f"did you mean {near}?"
        return Finding(WARNING if there else PROBLEM, shown, "no hook has this name, so it is never run", do)
    meant = _MEANT.get(plain_name(name))
    if meant:
        return Finding(WARNING, shown, "no hook has this name, so it is never run", f"did you mean {meant}?")
    do = "move it to files/ (WW_FILES) if your hooks use it; docs/hooks.md lists the hooks"
    return Finding(WARNING, shown, "no hook has this name, so ww never runs it", do)


def check_pairs(place: Place, has_services: bool) -> Iterator[Finding]:
    """Hooks that make sense only beside another."""
    usr = place.layout.usr
    present = {name for name in KNOWN if hook_files(usr, name)}
    starts = has_services or "svcup" in present
    if not present and not has_services:
        what = "there is no hook and no service: nothing will be started, watched or stopped"
        yield Finding(WARNING, place.name(usr), what, "ww init DIR makes one of each")
    for name in ("svcdown", "warmup"):
        if name in present and not starts:
            what = f"there is {name}, and nothing that starts a service"
            yield Finding(WARNING, place.name(f"{usr}/{name}"), what, "write svcup, or services/NAME/run")
    for name, other in (("backup", "restore"), ("restore", "backup")):
        if name in present and other not in present:
            what = f"there is {name} and no {other}: ww {other} will refuse"
            yield Finding(WARNING, place.name(f"{usr}/{name}"), what, f"write {other}, and try it")
    if "pushstats" in present and "monitor" not in present:
        what = "pushstats is called after each monitor that succeeded, and there is no monitor"
        yield Finding(WARNING, place.name(f"{usr}/pushstats"), what, "write monitor")


def _sentence(file: HookFile) -> tuple[str, str]:
    """The problem of a hook cut in two: what it is, what to do."""
    words = file.problem.replace(file.path, os.path.basename(file.path))
    for cut in (": ", "; "):
        what, found, do = words.partition(cut)
        if found and not words.startswith("cannot look at "):
            return what, do
    return words, "see to it that it is there, and that whoever runs ww may read and run it"


def _may_be_in_the_image(place: Place, path: str) -> bool:
    """A link to an absolute path leads elsewhere in the image than here."""
    dangles = os.path.islink(path) and not os.path.exists(path)
    return not place.complete and dangles and os.readlink(path).startswith("/")


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
