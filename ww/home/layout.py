"""Where the files of an instance lie: `/` in a container, DIR under `--root DIR`."""

from __future__ import annotations

import os

from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


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


def run_directories(layout: Layout, environ: Mapping[str, str]) -> list[str]:
    """Candidates for the run directory, best first (runtime.md 15)."""
    if environ.get("WW_RUN"):
        return [os.path.abspath(environ["WW_RUN"])]
    if layout.root:
        return [f"{layout.root}/run"]
    uid = os.getuid()
    return ["/run/ww", f"/tmp/ww-{uid}", f"/dev/shm/ww-{uid}"]


def find_run_directory(layout: Layout, environ: Mapping[str, str]) -> str | None:
    """The run directory that an instance of this user has already made, or None."""
    for path in run_directories(layout, environ):
        if _is_ours(path):
            return path
    return None


def make_run_directory(layout: Layout, environ: Mapping[str, str]) -> str | None:
    """The first candidate that is, or can be made, a writable directory of ours with mode 0700; None if there is none."""
    for path in run_directories(layout, environ):
        try:
            os.makedirs(path, 0o700, exist_ok=True)
            if _is_ours(path):
                os.chmod(path, 0o700)
                return path
        except OSError:
            continue
    return None


def _is_ours(path: str) -> bool:
    try:
        info = os.lstat(path)
    except OSError:
        return False
    is_directory = (info.st_mode & 0o170000) == 0o040000
    return is_directory and info.st_uid == os.getuid() and os.access(path, os.W_OK | os.X_OK)
