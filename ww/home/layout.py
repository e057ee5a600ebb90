"""Where the files of an instance lie: `/` in a container, DIR under `--root DIR`."""

from __future__ import annotations

import os

from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_KIND = 0o170000
_DIRECTORY = 0o040000
_OTHERS_WRITE = 0o022


class Layout(Value):
    """Absolute paths of one instance (product.md, WW-1). `root` is `""` in a container."""

    __slots__ = ("root", "usr", "etc", "files", "data", "backup", "secrets")

    def __init__(self, root: str) -> None:
        self.root = root
        self.usr = f"{root}/ww/usr"
        self.etc = f"{root}/ww/etc"
        self.files = f"{root}/ww/files"
        self.data = f"{root}/data"
        self.backup = f"{root}/backup"
        self.secrets = f"{root}/run/secrets"


def layout_for(root: str | None, environ: Mapping[str, str]) -> Layout:
    """The layout for `--root ROOT`, else `WW_ROOT`, else the container's."""
    chosen = root if root is not None else environ.get("WW_ROOT", "")
    chosen = os.path.abspath(chosen) if chosen else ""
    return Layout("" if chosen == "/" else chosen)


def _named(layout: Layout, environ: Mapping[str, str]) -> str:
    """The run directory that `WW_RUN` names; "" if it names none, or that of the instance whose hook started us."""
    named = environ.get("WW_RUN", "")
    of_another = bool(environ.get("WW_HOOK_API")) and environ.get("WW_ROOT", "") != layout.root
    return os.path.abspath(named) if named and not of_another else ""


def run_directories(layout: Layout, environ: Mapping[str, str]) -> list[str]:
    """Candidates for the run directory, best first (runtime.md 15)."""
    named = _named(layout, environ)
    if named:
        return [named]
    if layout.root:
        return [f"{layout.root}/run"]
    uid = os.getuid()
    return ["/run/ww", f"/tmp/ww-{uid}", f"/dev/shm/ww-{uid}"]


def find_run_directory(layout: Layout, environ: Mapping[str, str]) -> str | None:
    """The run directory that an instance of this user has already made, or None."""
    for path in run_directories(layout, environ):
        if not _fault(path, bool(_named(layout, environ))):
            return path
    return None


def make_run_directory(layout: Layout, environ: Mapping[str, str]) -> str | None:
    """The first candidate that is, or can be made, a writable directory of ours; None if there is none.

    It gets mode 0700, except for a directory named by `WW_RUN` that already holds files: whose they are is not known.
    """
    for path in run_directories(layout, environ):
        if _made(path, bool(_named(layout, environ))):
            return path
    return None


def refused_run_directory(layout: Layout, environ: Mapping[str, str]) -> str:
    """Why the directory that `WW_RUN` names cannot be used, for a person; "" if nothing is wrong or none is named."""
    if not _named(layout, environ):
        return ""
    path = run_directories(layout, environ)[0]
    fault = _fault(path, named=True)
    return f"WW_RUN={path} cannot be used: {fault}" if fault else ""


def _made(path: str, named: bool) -> bool:
    try:
        os.makedirs(path, 0o700, exist_ok=True)
        if _fault(path, named):
            return False
        if not named or not os.listdir(path):
            os.chmod(path, 0o700)
    except OSError:
        return False
    return True


def _fault(path: str, named: bool) -> str:
    """Why `path` is no run directory of ours; "" if it is one. What `WW_RUN` names may be anybody's, as /tmp is."""
    try:
        info = os.lstat(path)
    except OSError as error:
        return str(error.strerror)
    mode = info.st_mode & 0o7777
    faults = (
        ((info.st_mode & _KIND) != _DIRECTORY, "it is not a directory"),
        (info.st_uid != os.getuid(), f"it belongs to user {info.st_uid}, and this is user {os.getuid()}"),
        (not os.access(path, os.W_OK | os.X_OK), "it cannot be written"),
        (bool(named and mode & _OTHERS_WRITE), f"others can write it (mode {mode:04o}); name another"),
    )
    return next((words for wrong, words in faults if wrong), "")
