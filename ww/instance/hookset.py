"""Which files a hook is: NAME first, then NAME.d/* in order; `upgrade.d` holds steps instead (decisions, Lifecycle)."""

from __future__ import annotations

import os
import stat

from ww.types import Value

HOOKS = (
    "boot",
    "firstboot",
    "upgrade",
    "svcup",
    "warmup",
    "monitor",
    "svcdown",
    "lifecycle",
    "pushstats",
    "backup",
    "restore",
    "reload",
    "signal",
)
"""Every hook that ww runs. `upgrade.d` is not one of their `.d` directories: its entries run once each."""

_LEFTOVERS = (
    "~",
    ".bak",
    ".orig",
    ".rej",
    ".swp",
    ".tmp",
    ".dpkg-old",
    ".dpkg-new",
    ".dpkg-dist",
    ".rpmsave",
    ".rpmnew",
)


class HookFile(Value):
    """One file of a hook. problem: why it cannot be run, or ""."""

    __slots__ = ("path", "problem")

    def __init__(self, path: str, problem: str = "") -> None:
        self.path = path
        self.problem = problem


def hook_files(usr: str, name: str) -> list[HookFile]:
    """The files that make up hook `name`, in order; missing and blank ones are skipped (WWA-12)."""
    paths = [f"{usr}/{name}"]
    if name != "upgrade":
        paths += _entries(f"{usr}/{name}.d")
    return _examine(paths)


def step_files(usr: str) -> list[HookFile]:
    """The upgrade steps of the image, in order."""
    return _examine(_entries(f"{usr}/upgrade.d"))


def step_names(usr: str) -> tuple[str, ...]:
    """The names of the image's upgrade steps, in order; a step that was blanked since is still known."""
    return tuple(os.path.basename(path) for path in _entries(f"{usr}/upgrade.d"))


def hook_problems(usr: str) -> list[str]:
    """Every hook of the image that is there and cannot be run, as sentences; found at start, not when it is too late."""
    files = [file for name in _listed(usr) for file in hook_files(usr, name)] + step_files(usr)
    return [file.problem for file in files if file.problem]


def any_hook(usr: str) -> bool:
    """Whether the image has a hook at all."""
    return any(hook_files(usr, name) for name in _listed(usr))


def _listed(usr: str) -> tuple[str, ...]:
    """The hooks for which there is a name in `usr`; all of them where it cannot be listed."""
    try:
        names = set(os.listdir(usr))
    except OSError:
        return HOOKS
    return tuple(name for name in HOOKS if name in names or f"{name}.d" in names)


def _entries(directory: str) -> list[str]:
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return [directory]  # it is there and cannot be listed: looking at it as a hook says why
    return [f"{directory}/{n}" for n in names if not n.startswith((".", "README")) and not n.endswith(_LEFTOVERS)]


def _examine(paths: list[str]) -> list[HookFile]:
    return [file for file in map(_look_at, paths) if file is not None]


def _look_at(path: str) -> HookFile | None:  # noqa: PLR0911
    try:
        info = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return HookFile(path, f"hook {path} is a link to nothing") if os.path.islink(path) else None
    except OSError as error:
        return HookFile(path, f"cannot look at hook {path}: {error.strerror}")
    if stat.S_ISDIR(info.st_mode) and path.endswith(".d"):
        return HookFile(path, f"cannot list the hooks in {path}: give user {os.getuid()} access to it")
    if stat.S_ISDIR(info.st_mode):
        return HookFile(path, f"hook {path} is a directory; put its parts into {path}.d/")
    if not stat.S_ISREG(info.st_mode):
        return HookFile(path, f"hook {path} is not a file")
    if info.st_mode & 0o111:
        return None if info.st_size == 0 else _executable(path)
    if _is_blank(path, info.st_size):
        return None
    return HookFile(path, f"hook {path} is not executable: chmod +x it, or empty it to do without")


def _executable(path: str) -> HookFile | None:
    if _is_blank(path, os.stat(path).st_size):
        return None
    if not os.access(path, os.X_OK):
        return HookFile(path, f"hook {path} is not executable for user {os.getuid()}: chmod a+x it")
    return HookFile(path)


def executable_problem(path: str) -> str:
    """Why the file of a service cannot be run, "" if it can; unlike a hook it may be neither missing nor blank."""
    file = _look_at(path)
    if file is not None:
        return file.problem.replace(f"hook {path}", path)
    return f"{path} is blank" if os.path.lexists(path) else f"{path} is missing"


def _is_blank(path: str, size: int) -> bool:
    if size > 4096:
        return False
    try:
        with open(path, "rb") as file:
            return not file.read().strip()
    except OSError:
        return False


def passed_over(directory: str) -> list[str]:
    """Names in a `.d` directory that count as leftovers of editors and package managers, and are never run."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    return [name for name in names if name.endswith(_LEFTOVERS)]
