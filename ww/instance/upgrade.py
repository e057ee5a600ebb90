"""The parts of UPGRADING that are more than one hook: the backup before a change, and the steps, once each."""

from __future__ import annotations

import os

from ww.clock import stamp
from ww.errors import EXIT_TRY_AGAIN
from ww.instance.hookset import hook_files, step_files
from ww.instance.tasks import at_once
from ww.lifecycle.model import Done, Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ww.instance.data import Data
    from ww.instance.driver import Task
    from ww.instance.hookrun import HookRun
    from ww.instance.hookset import HookFile
    from ww.instance.tasks import Report
    from ww.lifecycle.model import Outcome
    from ww.types import Callback

    class RunFiles(Protocol):
        """Runs files as hook NAME with arguments; `attempt` is the first WW_ATTEMPT."""

        def __call__(
            self, name: str, files: list[HookFile], arguments: tuple[str, ...], attempt: int, done: Report
        ) -> HookRun:
            """Start them."""


class Upgrade:
    """What an upgrade from `from_version` to `to_version` needs on this data."""

    def __init__(self, usr: str, data: Data, from_version: str, to_version: str, run: RunFiles) -> None:
        self._usr = usr
        self._data = data
        self._from = from_version
        self._to = to_version
        self._run = run

    def back_up(self, wall_ms: int, tell: Callable[[str], None], done: Report) -> Task:
        """Run the backup hook if the image has one and this boot is going to change data."""
        backup = hook_files(self._usr, "backup")
        try:
            pending = self._data.pending_steps()
        except OSError as error:
            return at_once(done, Failed(EXIT_TRY_AGAIN, f"cannot read the upgrade steps of the data: {error.strerror}"))
        changes = bool(pending) or (self._from != self._to and bool(hook_files(self._usr, "upgrade")))
        if pending and not self._data.writable:
            words = f"the data needs the upgrade steps {', '.join(pending)} and cannot be written"
            return at_once(done, Failed(EXIT_TRY_AGAIN, words))
        if not changes or not backup:
            return at_once(done)
        kept = self._data.kept_backup(self._from, self._to)
        if kept:
            # A second one would be of data that is half upgraded, under the name of the old version.
            tell(f"backup {kept}, made before an earlier try at this upgrade, is kept; no other is made")
            return at_once(done)
        name = backup_name(wall_ms, self._from)
        tell(f"backing up as {name} before the upgrade from {self._from or '(unknown)'} to {self._to or '(unknown)'}")
        return _Backup(self, backup, name, done)

    def run_backup(self, files: list[HookFile], name: str, then: Report) -> Task:
        """Run the backup hook."""
        return self._run("backup", files, (name,), 1, then)

    def note_backup(self, name: str, then: Report) -> Task:
        """Note beside the backup what it is a backup of."""
        return self._data.note_backup(name, self._from, self._to, then)

    def steps(self, done: Report) -> Task:
        """Run the pending steps in order, each journalled before and after."""
        try:
            pending = self._data.pending_steps()
        except OSError as error:
            return at_once(done, Failed(EXIT_TRY_AGAIN, f"cannot read the upgrade steps of the data: {error.strerror}"))
        files = [file for file in step_files(self._usr) if os.path.basename(file.path) in pending]
        return _Steps(self, files, done)

    def attempt(self, file: HookFile) -> int:
        """Which attempt at this step the next one is: 1, or more after one that was killed or failed."""
        try:
            return self._data.step_attempts(os.path.basename(file.path)) + 1
        except OSError:
            return 1

    def begin(self, file: HookFile, then: Report) -> Task:
        """Journal that the step begins."""
        return self._data.record_step(os.path.basename(file.path), "begun", self._to, then)

    def run(self, file: HookFile, attempt: int, then: Report) -> Task:
        """Run one step."""
        return self._run("upgrade", [file], (self._from, self._to), attempt, then)

    def finish(self, file: HookFile, then: Report) -> Task:
        """Journal that the step is done."""
        return self._data.record_step(os.path.basename(file.path), "done", self._to, then)


class _Backup:
    """The backup hook, then the note of it, as one task."""

    def __init__(self, upgrade: Upgrade, files: list[HookFile], name: str, done: Report) -> None:
        self._current: Task | None = None

        def made(outcome: Outcome) -> None:
            if isinstance(outcome, Failed):
                done(outcome)
            else:
                self._current = upgrade.note_backup(name, done)

        self._current = upgrade.run_backup(files, name, made)

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """End what runs."""
        if self._current is None:
            gone()
        else:
            self._current.cancel(grace_ms, gone)


class _Steps:
    """The steps as one task."""

    def __init__(self, upgrade: Upgrade, files: list[HookFile], done: Report) -> None:
        self._upgrade = upgrade
        self._files = files
        self._done = done
        self._current: Task | None = None
        self._cancelled = False
        self._next()

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """End the step that runs; it stays begun and not done, and is run again."""
        self._cancelled = True
        if self._current is None:
            gone()
        else:
            self._current.cancel(grace_ms, gone)

    def _next(self) -> None:
        self._current = None
        if not self._files:
            self._done(Done())
            return
        file = self._files.pop(0)
        attempt = self._upgrade.attempt(file)

        def begun(outcome: Outcome) -> None:
            if self._goes_on(outcome):
                self._current = self._upgrade.run(file, attempt, ran)

        def ran(outcome: Outcome) -> None:
            if self._goes_on(outcome):
                self._current = self._upgrade.finish(file, finished)

        def finished(outcome: Outcome) -> None:
            if self._goes_on(outcome):
                self._next()

        self._current = self._upgrade.begin(file, begun)

    def _goes_on(self, outcome: Outcome) -> bool:
        if self._cancelled:
            return False
        if isinstance(outcome, Failed):
            self._current = None
            self._done(outcome)
            return False
        return True


def backup_name(wall_ms: int, version: str) -> str:
    """The name that a backup hook is given: sortable, safe in a file name: `20261121T131500Z-1.0`."""
    at = stamp(wall_ms)
    compact = at[:19].replace("-", "").replace(":", "") + "Z"
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in version)[:64].lstrip(".")
    return f"{compact}-{safe}" if safe else compact
