"""`ww backup` and `ww restore`: the wiring that runs one hook on demand, beside an instance or without one.

Runs in a process of its own, never in PID 1, so the ordinary library may be used.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager

from ww.clock import Clock, stamp
from ww.config.reading import CannotRead, load
from ww.config.settings import fill
from ww.errors import HookError, TryAgainError, UsageError
from ww.home import datadir
from ww.home.backups import look, read_note, write_note
from ww.home.image import image_version
from ww.home.layout import find_run_directory, make_run_directory
from ww.home.lock import Held, Lock, NoLock, take_lock
from ww.home.restore import begin, complete, restoring
from ww.home.steps import read_steps
from ww.instance.hookenv import Identity, Versions, hook_environment, inherited
from ww.instance.hookset import hook_files
from ww.instance.survivors import processes_of_another_boot
from ww.instance.upgrade import backup_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from ww.home.backups import BackupNote
    from ww.home.layout import Layout


NAME_LIMIT_BYTES = 200
"""In the name of a backup: it becomes part of a file name."""

GRACE_S = 5.0
"""Between TERM and KILL of a hook whose time is up."""


def run_on_demand(layout: Layout, environ: Mapping[str, str], ww_directory: str, name: str, argument: str) -> None:
    """Run hook `name` (`backup` or `restore`) for the backup called `argument`, in the foreground.

    A backup may run beside a live instance; a restore takes the data lock, so that none is live.
    Raises UsageError (no such hook, a bad name), TryAgainError (the data is in use), HookError (it failed).
    """
    files = hook_files(layout.usr, name)
    if not files:
        raise UsageError(f"cannot {name}: the image has no {layout.usr}/{name} hook")
    for file in files:
        if file.problem:
            raise UsageError(f"cannot {name}: {file.problem}")
    _check_name(name, argument)
    os.umask(0o022)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with _data_lock(layout, environ, name, required=name == "restore") as holder:
        env = _environment(layout, environ, ww_directory)
        env["WW_HOLDER"] = holder
        if name == "restore":  # so that a restore hook whose `ww restore` was killed is seen as a survivor
            env["WW_BOOT"] = os.urandom(16).hex()
        limit_s = _settings(layout, environ)[f"hooks.{name}.timeout_s"] or None

        def run() -> None:
            for file in files:
                _run(name, (file.path, argument), env, limit_s)

        try:
            (_back_up if name == "backup" else _restore)(layout, argument, run)
        except OSError as error:
            raise HookError(f"cannot {name}: the data's records cannot be kept in order: {error}") from None


def _check_name(name: str, argument: str) -> None:
    bad = not argument.strip() or argument.startswith(".") or "/" in argument or not argument.isprintable()
    if bad or len(os.fsencode(argument)) > NAME_LIMIT_BYTES:
        rule = f"no slash, no leading dot, printable, at most {NAME_LIMIT_BYTES} bytes"
        raise UsageError(f"cannot {name}: {argument!r} is no name of a backup: {rule}")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _back_up(layout: Layout, argument: str, run: Callable[[], None]) -> None:
    """The note says what the data was, so it is taken only if that was the same before and after the copy."""
    path = f"{layout.data}/.ww"
    if not datadir.is_marked(layout.data):
        raise TryAgainError(f"cannot backup: {layout.data} holds no completed first boot")
    if read_note(layout.backup, path, argument) is not None:
        raise UsageError(f"cannot backup: there is already a backup {argument}")
    before = _still(layout.data, layout.backup, argument)
    run()
    after = _still(layout.data, layout.backup, argument)
    if (before.version, before.steps) != (after.version, after.steps):
        raise TryAgainError(f"the data was upgraded while backup {argument} was made: make another")
    write_note(layout.backup, path, before)


def _still(data: str, backup: str, argument: str) -> BackupNote:
    """What the data is, if no upgrade step and no restore is half done on it. Raises TryAgainError, OSError."""
    half = restoring(data, backup)
    if half:
        raise TryAgainError(f"cannot backup {argument}: the restore of backup {half} is not completed")
    path = f"{data}/.ww"
    begun = read_steps(f"{path}/steps.jsonl").begun
    if begun:
        raise TryAgainError(f"cannot backup {argument}: upgrade step {next(iter(begun))} is not completed")
    return look(path, argument, stamp(Clock().wall_ms()))


def _restore(layout: Layout, argument: str, run: Callable[[], None]) -> None:
    path = f"{layout.data}/.ww"
    note = read_note(layout.backup, path, argument)
    kept = begin(layout.data, layout.backup, argument)
    run()
    marked = complete(layout.data, layout.backup, kept, note)
    if not marked:
        _warn(f"nothing says that {layout.data} is initialised: touch {layout.data}/whaleup, or a first boot is next")
    elif note is None:
        _warn(f"nothing is noted of backup {argument}: the data keeps its version and its upgrade steps")


def _warn(message: str) -> None:
    os.write(2, f"ww restore: {message}\n".encode("utf-8", "backslashreplace"))


def new_backup_name(layout: Layout) -> str:
    """The default name of a backup made now."""
    return backup_name(Clock().wall_ms(), datadir.read_version(f"{layout.data}/.ww"))


def _run(name: str, argv: tuple[str, ...], env: dict[str, str], limit_s: float | None) -> None:
    try:
        process = subprocess.Popen(argv, env=env, cwd="/", stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        raise HookError(f"cannot run {argv[0]}: {error.strerror}") from None
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        _end(process)
        words = f"{name} was still running after {limit_s:g} s and was ended (ww.hooks.{name}.timeout_s)"
        raise HookError(words) from None
    except KeyboardInterrupt:
        _end(process)
        raise HookError(f"{name} was interrupted") from None
    if code:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise HookError(f"{name} failed: {how} ({argv[0]})")


def _end(process: subprocess.Popen[bytes]) -> None:
    """TERM to the hook's group, a grace, KILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _settings(layout: Layout, environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the last compiled configuration; the defaults where the instance was never started."""
    try:
        return fill(load(layout, environ))
    except CannotRead:
        return fill({})


def _environment(layout: Layout, environ: Mapping[str, str], ww_directory: str) -> dict[str, str]:
    settings = _settings(layout, environ)
    path = f"{layout.data}/.ww"
    volume = datadir.volume_id(path)
    identity = Identity(str(settings["service"]), str(settings.get("instance") or volume or os.uname().nodename), "")
    versions = Versions(datadir.read_version(path), image_version(layout.etc))
    run = find_run_directory(layout, environ)
    return hook_environment(inherited(environ, ww_directory), layout, run, identity, versions, "", 1)


@contextmanager
def _data_lock(layout: Layout, environ: Mapping[str, str], name: str, required: bool) -> Iterator[str]:
    """Holds the data lock where it is free, else says who holds it. Raises TryAgainError if it is needed and held."""
    access = datadir.open_data(layout.data, may_create=False)
    if isinstance(access, datadir.Newer | datadir.Unreadable):
        raise TryAgainError(f"cannot {name}: {access.why}")
    if isinstance(access, datadir.Unusable):
        if required:
            raise TryAgainError(f"cannot {name}: {access.why}")
        yield ""
        return
    holder = f"ww {name}, pid {os.getpid()}, since {stamp(Clock().wall_ms())}"
    locks = [take_lock(f"{access.path}/lock", layout.data, holder)]
    run = make_run_directory(layout, environ) if required else None
    if run is not None:
        locks.append(take_lock(f"{run}/lock", run, holder))
    try:
        if required:
            _refuse_unless_alone(name, layout.data, locks)
        yield locks[0].holder if isinstance(locks[0], Held) else ""
    finally:
        for lock in locks:
            if isinstance(lock, Lock):
                lock.release()


def _refuse_unless_alone(name: str, data: str, locks: list[Lock | Held | NoLock]) -> None:
    """Raises TryAgainError where a live instance, or what a killed one left, may write the data."""
    for lock in locks:
        if isinstance(lock, Held):
            raise TryAgainError(f"cannot {name}: the data is in use by {lock.holder}; stop the instance first")
        if isinstance(lock, NoLock):
            raise TryAgainError(f"cannot {name}: {lock.why}")
    survivors = processes_of_another_boot(data, "")
    if survivors:
        raise TryAgainError(f"cannot {name}: a killed ww run or ww restore left {survivors} on the data; end it first")
