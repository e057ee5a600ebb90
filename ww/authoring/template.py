"""`ww init`: a home to start from, copied from the hooks template of this very installation."""

from __future__ import annotations

import json
import os
import re

from ww.errors import UsageError
from ww.types import Value

DEFAULTS = "etc/default_cfg.json"
_LONGEST_SERVICE = 200
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Made(Value):
    """What `make_home` did: the files it made and those it found and kept, as paths from the directory, sorted."""

    __slots__ = ("made", "kept")

    def __init__(self, made: list[str], kept: list[str]) -> None:
        self.made = made
        self.kept = kept


def template_directory() -> str:
    """The hooks template: inside the installed package, or beside the package in a checkout. Raises UsageError."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for path in (f"{package}/hooks-template", f"{os.path.dirname(package)}/hooks-template"):
        if os.path.isdir(path):
            return path
    raise UsageError(f"cannot find the hooks template in {package}: install whaleware again")


def make_home(directory: str, service: str = "", force: bool = False) -> Made:
    """Copy the template to DIRECTORY/ww. Raises UsageError, OSError.

    Without `service` it is called as the directory is, where that makes a plain name, else as the template is.
    A directory that holds something is refused unless `force`; a file that is there is never overwritten.
    """
    if len(service) > _LONGEST_SERVICE or (service and not service.isprintable()):
        raise UsageError(
            f"cannot name the service so: a name is printable and has at most {_LONGEST_SERVICE} characters"
        )
    if os.path.lexists(directory) and not os.path.isdir(directory):
        raise UsageError(f"cannot make {directory}: there is a file of that name")
    if os.path.isdir(directory) and os.listdir(directory) and not force:
        raise UsageError(
            f"cannot make {directory}: it is not empty; --force adds what is missing and overwrites nothing"
        )
    source = template_directory()
    named = service or _plain_name(directory)
    result = Made([], [])
    for name in _files(source):
        target = f"{directory}/ww/{name}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        data = _read(f"{source}/{name}")
        if name == DEFAULTS and named:
            data = _named(data, named)
        mode = 0o777 if os.stat(f"{source}/{name}").st_mode & 0o100 else 0o666
        (result.made if _write_new(target, data, mode) else result.kept).append(f"ww/{name}")
    return result


def _plain_name(directory: str) -> str:
    """The base name of the directory if nobody could stumble over it as the name of a service, else ""."""
    name = os.path.basename(os.path.abspath(directory))
    return name if _PLAIN.fullmatch(name) else ""


def _files(source: str) -> list[str]:
    found = []
    for parent, directories, names in os.walk(source):
        directories[:] = [name for name in directories if name != "__pycache__"]
        found += [os.path.relpath(f"{parent}/{name}", source) for name in names]
    return sorted(found)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write_new(path: str, data: bytes, mode: int) -> bool:
    """Write a file that is not there yet, with `mode` less the umask; False if there is one."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return False
    with os.fdopen(fd, "wb") as file:
        file.write(data)
    return True


def _named(data: bytes, service: str) -> bytes:
    """The default configuration with `ww.service` set."""
    defaults = json.loads(data)
    defaults["ww"] = {**defaults.get("ww", {}), "service": service}
    return json.dumps(defaults, indent=2, ensure_ascii=False).encode() + b"\n"
