"""What a service needs of the machine to be started: its user, its program, its directory.

They are looked up when it starts and not before: a boot hook may make any of them. So what is not here is a warning.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ww.authoring.finding import WARNING, Finding
from ww.authoring.scripts import STANDARD_PATH
from ww.instance.services.definition import DIRECTORY
from ww.supervise.identity import Unknown, find_identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.authoring.place import Place
    from ww.instance.services.definition import Definition, Launch

_MEND = "correct it, or make sure that the image has it or that boot makes it"
_OURS = ("ww",)
"""Programs that every service finds: their directory is put on its PATH."""


def check_launch(place: Place, service: Definition) -> Iterator[tuple[Finding, str]]:
    """Warnings, each with the field of the service that it is about."""
    if not service.enabled:
        return
    launch = service.launch
    for field, words in (
        ("user", _of_user(place, launch.user)),
        ("cwd", missing_directory(place, launch.cwd)),
        ("command", _of_program(place, launch)),
    ):
        if words:
            yield Finding(WARNING, "", f"service {service.name}: {words}", _MEND), field


def _of_user(place: Place, user: str | None) -> str:
    found = find_identity(user) if user else None
    if not isinstance(found, Unknown) or _is_somebody_below(place, user or ""):
        return ""
    return f"{found.words} {_here(place)}"


def _is_somebody_below(place: Place, user: str) -> bool:
    """Whether the system below the root, if there is one, knows user and group."""
    who, _, group = user.partition(":")
    return _is_listed(f"{place.layout.root}/etc/passwd", who) and (
        not group or _is_listed(f"{place.layout.root}/etc/group", group)
    )


def _is_listed(file: str, name: str) -> bool:
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            return name.isdigit() or any(line.startswith(f"{name}:") for line in lines)
    except OSError:
        return False


def missing_directory(place: Place, cwd: str) -> str:
    """That there is no such working directory, in words; "" if there is."""
    if any(os.path.isdir(path) for path in _meant(place, cwd)):
        return ""
    return f"its directory {cwd} (cwd) does not exist {_here(place)}"


def _of_program(place: Place, launch: Launch) -> str:
    """The run file of its directory is no matter here: a start is refused where it cannot be run."""
    name = launch.argv[0]
    if name in _OURS or name.startswith(f"{place.layout.usr}/{DIRECTORY}/"):
        return ""
    return missing_program(place, name, launch.cwd, launch.env.get("PATH") or "")


def missing_program(place: Place, name: str, cwd: str, search: str = "") -> str:
    """That program `name` is not there or cannot be executed, in words; "" if it can. `search` is a PATH of its own."""
    directories = [""] if "/" in name else (search or os.environ.get("PATH") or STANDARD_PATH).split(":")
    found = [path for one in directories for path in _meant(place, os.path.join(cwd, one, name))]
    if any(os.path.isfile(path) and os.access(path, os.X_OK) for path in found):
        return ""
    if any(os.path.exists(path) for path in found):
        return f"its program {name} is not executable"
    return f"its program {name} is not {'there' if '/' in name else 'on the PATH'} {_here(place)}"


def _meant(place: Place, path: str) -> list[str]:
    """Where `path` of an instance may be: below the root, on this machine, or in the directory that becomes /ww."""
    layout = place.layout
    parts = [("/ww/usr/", layout.usr), ("/ww/etc/", layout.etc), ("/ww/files/", layout.files)]
    inside = [f"{at}/{path.removeprefix(name)}" for name, at in parts if f"{path}/".startswith(name)]
    return [*inside, f"{layout.root}{path}", path]


def _here(place: Place) -> str:
    return "on this machine" if place.complete else "on this machine (it may be in your image)"
