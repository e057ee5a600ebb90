"""What is to be run, with everything that a child can be given, and whether that is possible at all."""

from __future__ import annotations

import errno

from ww.supervise.program import Refused
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict, Unpack

    class Options(TypedDict, total=False):
        """What a child may be given besides its arguments and its environment."""

        user: int | None
        group: int | None
        groups: tuple[int, ...] | None
        cwd: str | None
        umask: int | None
        limits: dict[str, tuple[int, int]] | None
        stdin: int | None
        stdout: int | None
        stderr: int | None
        line: int | None
        new_session: bool
        foreground: bool


_DEFAULTS: dict[str, object] = {"stdin": None, "stdout": 1, "stderr": 2, "new_session": True, "foreground": False}


class Command(Value):
    """What to run.

    `argv[0]` with a slash is a path, else it is looked up in `env["PATH"]`. Options, all by keyword:
    `user`, `group`, `groups`: numeric ids (a user needs a group; without `groups` the supplementary groups are just
    that group); `cwd`; `umask`; `limits`: `{"nofile": (soft, hard)}`, -1 for unlimited;
    `stdin`, `stdout`, `stderr`: descriptors, None for /dev/null (the default of stdin; the others default to ours);
    `line`: what the child gets as descriptor 3, None for nothing (for a `plain` command only);
    `new_session`: default True; `foreground`: no new session but a process group of its own in ours, which is made
    the foreground group of the terminal that `stdin` is (where it is one, and ours to give).
    """

    __slots__ = (
        "argv",
        "cwd",
        "env",
        "foreground",
        "group",
        "groups",
        "limits",
        "line",
        "new_session",
        "stderr",
        "stdin",
        "stdout",
        "umask",
        "user",
    )

    argv: tuple[str, ...]
    env: dict[str, str]
    user: int | None
    group: int | None
    groups: tuple[int, ...] | None
    cwd: str | None
    umask: int | None
    limits: dict[str, tuple[int, int]] | None
    stdin: int | None
    stdout: int | None
    stderr: int | None
    line: int | None
    new_session: bool
    foreground: bool

    def __init__(self, argv: tuple[str, ...], env: dict[str, str], **options: Unpack[Options]) -> None:
        self.argv = tuple(argv)
        self.env = env
        for field in self.__slots__[:]:
            if field not in ("argv", "env"):
                setattr(self, field, options.pop(field, _DEFAULTS.get(field)))  # type: ignore[misc]
        if options:
            raise TypeError(f"Command has no option {', '.join(options)}")

    @property
    def plain(self) -> bool:
        """True where posix_spawn can do it."""
        special = (self.user, self.group, self.groups, self.cwd, self.umask, self.limits)
        return not self.foreground and all(value is None for value in special)


def impossible(command: Command) -> Refused | None:
    """Why `command` could be started nowhere; None where it could."""
    if not command.argv or not command.argv[0]:
        return Refused(errno.EINVAL, "there is no program to run")
    texts = (*command.argv, *command.env, *command.env.values(), command.cwd or "")
    if any("\0" in text for text in texts):
        return Refused(errno.EINVAL, "an argument or a variable contains a NUL character")
    if any(not key or "=" in key for key in command.env):
        return Refused(errno.EINVAL, "the name of a variable is empty or contains '='")
    if command.user is not None and command.group is None:
        return Refused(errno.EINVAL, "a user was given without a group")
    if command.line is not None and not command.plain:
        wrong: str | None = "a line cannot be given to a child with an identity or limits of its own"
    else:
        wrong = _wrong_limits(command)
    return None if wrong is None else Refused(errno.EINVAL, wrong)


def _wrong_limits(command: Command) -> str | None:
    if not command.limits:
        return None
    from ww.supervise.limits import problem  # Few children have limits of their own.

    return problem(command.limits)
