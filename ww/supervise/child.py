"""Starting a process: plain ones by posix_spawn, ones with another identity or limits by fork and exec (runtime.md 10).

The outcome is a value: `Started | NotFound | NotExecutable | Refused`. No shell sees the arguments, except that a
program without a `#!` line is given to `/bin/sh` as a file, as every shell does (hooks of old images).
Every child gets: an empty signal mask, default dispositions, descriptors 0, 1 and 2 and (but for the line of the
reporter, 3) no other, its own session
(or, in the foreground of a terminal, its own process group), `LD_PRELOAD` back (runtime.md 11) and an out-of-memory
score 200 above ours, so that the kernel kills it first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select

from ww.home.command import is_own
from ww.supervise import signals
from ww.supervise.command import Command, impossible
from ww.supervise.descriptors import FIRST_FREE_FD, close_all_but, close_inherited
from ww.supervise.program import (
    NotExecutable,
    NotFound,
    Refused,
    Started,
    classify,
    find_program,
    looks_like_script,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Spawned = Started | NotFound | NotExecutable | Refused

__all__ = [
    "Command",
    "NotExecutable",
    "NotFound",
    "Refused",
    "Started",
    "close_inherited",
    "fork_task",
    "spawn",
    "was_stillborn",
]

_SHELL = "/bin/sh"
_OOM_EXTRA = 200
_OOM_MAX = 1000
_EXEC_WAIT_MS = 5_000
_TASK_FAILED = 70

_stillborn: set[int] = set()


def spawn(command: Command) -> Spawned:
    """Start `command`. Waits for nothing but its exec; `Reaper.watch` the pid in the same loop callback."""
    problem = impossible(command)
    if problem is not None:
        return problem
    env = _child_env(command)
    path = find_program(command.argv[0], env.get("PATH"), command.cwd)
    if path is None:
        return NotFound(command.argv[0], None)
    failed = _start(command, path, list(command.argv), env)
    if isinstance(failed, Refused) and failed.errno == errno.ENOEXEC and looks_like_script(path, command.cwd):
        failed = _start(command, _SHELL, [_SHELL, path, *command.argv[1:]], env)
    return classify(failed, path, command.cwd) if isinstance(failed, Refused) else failed


def _child_env(command: Command) -> dict[str, str]:
    """The environment with LD_PRELOAD back, which the launch line moved out of our own loader's way.

    Our own helpers go without: the interpreter of an image has a loader that a library of the image may end.
    """
    env = command.env
    if is_own(command.argv):
        return {key: value for key, value in env.items() if key != "WW_LD_PRELOAD"}
    preload = env.get("WW_LD_PRELOAD") or os.environ.get("WW_LD_PRELOAD")
    if not preload and "WW_LD_PRELOAD" not in env:
        return env
    result = {key: value for key, value in env.items() if key != "WW_LD_PRELOAD"}
    if preload:
        result.setdefault("LD_PRELOAD", preload)
    return result


def _start(command: Command, path: str, argv: list[str], env: dict[str, str]) -> Started | Refused:
    borrowed: list[int] = []
    try:
        wanted = [_above_standard(fd, borrowed) for fd in (command.stdin, command.stdout, command.stderr)]
        if command.line is not None:
            wanted.append(_above(FIRST_FREE_FD, command.line, borrowed))
        if command.plain:
            return _posix_spawn(command, path, argv, env, wanted)
        return _fork_exec(command, path, argv, env, wanted)
    except OSError as error:
        return Refused(error.errno or 0, os.strerror(error.errno or 0))
    except ValueError as error:
        # What cannot be encoded for the kernel: lone surrogates, above all.
        return Refused(errno.EINVAL, f"an argument or a variable cannot be passed on: {error}")
    finally:
        for fd in borrowed:
            os.close(fd)


def _above_standard(fd: int | None, borrowed: list[int]) -> int | None:
    return None if fd is None else _above(FIRST_FREE_FD - 1, fd, borrowed)


def _above(number: int, fd: int, borrowed: list[int]) -> int:
    """A copy of `fd` above `number`, so that installing one descriptor cannot overwrite the source of the next."""
    if fd > number:
        return fd
    copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, number + 1)
    borrowed.append(copy)
    return copy


def _posix_spawn(
    command: Command, path: str, argv: list[str], env: dict[str, str], wanted: list[int | None]
) -> Started:
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
    for target, fd in enumerate(wanted):
        if fd is None:
            actions.append((os.POSIX_SPAWN_OPEN, target, os.devnull, os.O_RDWR, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, fd, target))
    pid = os.posix_spawn(
        path,
        argv,
        env,
        file_actions=actions,
        setsid=command.new_session,
        setsigmask=(),
        setsigdef=signals.settable(),
    )
    _raise_oom_score(pid)
    return Started(pid)


def _fork_exec(
    command: Command, path: str, argv: list[str], env: dict[str, str], wanted: list[int | None]
) -> Started | Refused:
    if command.foreground:
        # Only one child of few runs has a terminal; and a child that has just been forked should find what it imports.
        import ww.supervise.terminal  # noqa: F401
    reader, writer = os.pipe2(os.O_CLOEXEC)
    mask = signals.block_all()
    try:
        pid = os.fork()
        if pid == 0:
            _become(command, path, argv, env, (wanted, writer))
        os.close(writer)
        writer = -1
        message = _await_exec(reader)
    finally:
        signals.restore(mask)
        os.close(reader)
        if writer >= 0:
            os.close(writer)
    if not message:
        return Started(pid)
    _stillborn.add(pid)
    number, _, step = message.decode("utf-8", "replace").partition(":")
    return Refused(int(number), f"{step}: {os.strerror(int(number))}" if step else os.strerror(int(number)))


def _await_exec(reader: int) -> bytes:
    """What the child says went wrong; empty when it has become the program."""
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    # A child that hangs before exec (its cwd is on a dead network disk) must not hang us: it counts as started.
    return os.read(reader, 512) if poller.poll(_EXEC_WAIT_MS) else b""


def _become(
    command: Command, path: str, argv: list[str], env: dict[str, str], fds: tuple[list[int | None], int]
) -> None:
    """In the child: set everything and exec; what fails is told through the pipe. Never returns."""
    wanted, report = fds
    step = ""
    try:
        if command.foreground:
            from ww.supervise.terminal import lead_group

            # Before the signals are unblocked: the terminal stops a background process that touches it.
            lead_group(wanted[0])
        elif command.new_session:
            os.setsid()
        signals.reset_in_child()
        _raise_oom_score(os.getpid())
        for target, fd in enumerate(wanted):
            source = os.open(os.devnull, os.O_RDWR) if fd is None else fd
            os.dup2(source, target)
        if command.limits:
            from ww.supervise import limits  # Few children have limits of their own.

            for name, limit in command.limits.items():
                step = limits.describe(name, limit)
                limits.apply(name, limit)
        if command.umask is not None:
            os.umask(command.umask)
        step = f"user {command.user} and group {command.group}"
        _take_identity(command)
        if command.cwd is not None:
            step = f"directory {command.cwd}"
            os.chdir(command.cwd)
        step = ""
        os.execve(path, argv, env)
    except OSError as error:
        os.write(report, f"{error.errno}:{step}".encode("utf-8", "replace")[:512])
    except (ValueError, OverflowError):
        # setuid and setrlimit say OverflowError for a number too large.
        os.write(report, f"{errno.EINVAL}:{step}".encode())
    finally:
        os._exit(127)


def _take_identity(command: Command) -> None:
    groups = command.groups
    if groups is None and command.group is not None and os.getuid() == 0:
        groups = (command.group,)
    # Who is not root may not set even those that it has.
    ours = {*os.getgroups()} | ({os.getegid()} & {command.group})
    if groups is not None and ours != {*groups, command.group}:
        os.setgroups(groups)
    if command.group is not None:
        os.setresgid(command.group, command.group, command.group)
    if command.user is not None:
        os.setresuid(command.user, command.user, command.user)


def _raise_oom_score(pid: int) -> None:
    """Best effort: some kernels and sandboxes have no such file."""
    try:
        own = _own_oom_score()
        fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"%d" % min(own + _OOM_EXTRA, _OOM_MAX))
        finally:
            os.close(fd)
    except (OSError, ValueError):
        return


def _own_oom_score() -> int:
    fd = os.open("/proc/self/oom_score_adj", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(fd, 16))
    finally:
        os.close(fd)


def fork_task(task: Callable[[], int], keep: tuple[int, ...] = ()) -> Started | Refused:
    """Run `task` in a forked child and let it end with what `task` returns; for a small file job with fsync.

    The child has its own session, default signals and no descriptor of ours but 0, 1, 2 and `keep`; it never returns
    into the caller. An exception ends it with 70 and one line on stderr.
    """
    mask = signals.block_all()
    try:
        pid = os.fork()
        if pid == 0:
            _run_task(task, keep)
    except OSError as error:
        return Refused(error.errno or 0, os.strerror(error.errno or 0))
    finally:
        signals.restore(mask)
    return Started(pid)


def _run_task(task: Callable[[], int], keep: tuple[int, ...]) -> None:
    code = _TASK_FAILED
    try:
        signals.reset_in_child()
        os.setsid()
        close_all_but(keep)
        code = task()
    except BaseException as error:  # noqa: BLE001 - nothing may unwind into the parent's stack
        line = f"ww: a task of its own failed: {type(error).__name__}: {error}\n"
        os.write(2, line.encode("utf-8", "backslashreplace"))
    finally:
        os._exit(code & 0xFF)


def was_stillborn(pid: int) -> bool:
    """True, once, for a child that `spawn` has reported as not started; the reaper collects it in silence."""
    if pid in _stillborn:
        _stillborn.discard(pid)
        return True
    return False
