"""`ww backup` and `ww restore`: the wiring that runs one hook on demand, beside an instance or without one.

Runs in a process of its own, never in PID 1, so the ordinary library may be used.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager

from ww.clock import Clock, stamp
from ww.config.reading import CannotRead, load
from ww.config.settings import fill
from ww.errors import HookError, TryAgainError, UsageError
from ww.home import datadir
from ww.home.backups import apply_note, read_note, write_note
from ww.home.image import image_version
from ww.home.layout import find_run_directory
from ww.instance.hookenv import Identity, Versions, hook_environment, inherited
from ww.instance.hookset import hook_files
from ww.instance.upgrade import backup_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ww.home.layout import Layout


GRACE_S = 5.0
"""Between TERM and KILL of a hook whose time is up."""


def run_on_demand(layout: Layout, environ: Mapping[str, str], ww_directory: str, name: str, argument: str) -> None:
    """Run hook `name` (`backup` or `restore`) with `argument` in the foreground.

    A backup may run beside a live instance; a restore takes the data lock, so that none is live.
    Raises UsageError (no such hook), TryAgainError (the data is in use), HookError (it failed).
    """
    files = hook_files(layout.usr, name)
    if not files:
        raise UsageError(f"cannot {name}: the image has no {layout.usr}/{name} hook")
    for file in files:
        if file.problem:
            raise UsageError(f"cannot {name}: {file.problem}")
    os.umask(0o022)
    with _data_lock(layout, name, required=name == "restore") as version:
        env = _environment(layout, environ, ww_directory, version)
        limit_s = _settings(layout, environ)[f"hooks.{name}.timeout_s"] or None
        for file in files:
            _run(name, (file.path, argument), env, limit_s)
        _keep_books(layout, name, argument)


def _keep_books(layout: Layout, name: str, argument: str) -> None:
    """A backup is noted with the data's version and steps; a restore brings them back."""
    path = f"{layout.data}/.ww"
    try:
        if name == "backup":
            if os.path.isdir(path):
                write_note(layout.backup, path, argument, stamp(Clock().wall_ms()))
            return
        note = read_note(layout.backup, path, argument)
        if note is not None:
            apply_note(path, note)
            return
    except OSError as error:
        raise HookError(f"{name} ran, but the data's version cannot be kept with it: {error}") from None
    message = f"ww restore: nothing is noted of backup {argument}: the data keeps its version and its upgrade steps"
    os.write(2, f"{message}\n".encode())


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


def _environment(layout: Layout, environ: Mapping[str, str], ww_directory: str, version: str) -> dict[str, str]:
    settings = _settings(layout, environ)
    path = f"{layout.data}/.ww"
    volume = datadir.volume_id(path)
    identity = Identity(str(settings["service"]), str(settings.get("instance") or volume or os.uname().nodename), "")
    versions = Versions(version, image_version(layout.etc))
    run = find_run_directory(layout, environ)
    return hook_environment(inherited(environ, ww_directory), layout, run, identity, versions, "", 1)


@contextmanager
def _data_lock(layout: Layout, name: str, required: bool) -> Iterator[str]:
    """Holds the data lock where it is free; yields the data's version. Raises TryAgainError if it is needed and held."""
    access = datadir.open_data(layout.data, may_create=False)
    if isinstance(access, datadir.Newer):
        raise TryAgainError(access.why)
    if isinstance(access, datadir.Unusable):
        if required:
            raise TryAgainError(f"cannot {name}: {access.why}")
        yield ""
        return
    holder = f"ww {name}, pid {os.getpid()}, since {int(time.time())}"
    lock = datadir.take_lock(access.path, holder)
    if not isinstance(lock, datadir.Lock) and required:
        who = lock.holder if isinstance(lock, datadir.Held) else lock.why
        raise TryAgainError(f"cannot {name}: the data is in use by {who}; stop the instance first")
    try:
        yield datadir.read_version(access.path)
    finally:
        if isinstance(lock, datadir.Lock):
            os.close(lock.fd)
