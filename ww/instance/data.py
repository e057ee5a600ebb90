"""The instance's hold on its data: lock, identity of the volume, inspection, and every record written there."""

from __future__ import annotations

import os

from ww.clock import stamp
from ww.errors import EXIT_CONFIG, EXIT_TRY_AGAIN
from ww.home import datadir, steps
from ww.home.backups import write_note
from ww.home.smallfile import write_text
from ww.instance.hookset import step_names
from ww.instance.tasks import FileJob, at_once
from ww.lifecycle.model import Done, Failed, Found, Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.home.layout import Layout
    from ww.instance.driver import Task
    from ww.instance.system import System
    from ww.instance.tasks import Report
    from ww.supervise.loop import Timer
    from ww.types import Callback

_POLL_MS = 200


class Data:
    """What is known of `/data`, and the only writer of its records.

    Without a usable data directory nothing is remembered, every boot is a first boot (WW-18), and that is said once.
    """

    def __init__(self, system: System, layout: Layout) -> None:
        self._system = system
        self._layout = layout
        self._access: datadir.Usable | datadir.Unusable | None = None
        self._lock: datadir.Lock | None = None
        self.volume = ""
        self.boot_no = 0
        self.shared = False
        self.in_use = False
        """Whether somebody else holds the data: then this start speaks to nobody, it could be taken for the holder."""

    @property
    def journal_directory(self) -> str | None:
        """Where the journal may lie: only on data that is locked for us alone."""
        return f"{self._path}/journal" if self._lock and not self.shared and self._path else None

    @property
    def _path(self) -> str:
        return self._access.path if isinstance(self._access, datadir.Usable) else ""

    def lock(self, shared: bool, wait_ms: int, holder: str, done: Report) -> Task:
        """Take the data lock, waiting at most `wait_ms`; then count the boot. Exit 75 if it is not to be had."""
        self.shared = shared
        access = datadir.open_data(self._layout.data, may_create=bool(self._layout.root))
        if isinstance(access, datadir.Newer):
            return at_once(done, Failed(EXIT_CONFIG, access.why))
        self._access = access
        if isinstance(access, datadir.Unusable):
            self._system.voice.warn(f"{access.why}: nothing is remembered, every boot is a first boot")
            return at_once(done)
        return _LockTask(self._system, lambda: self._try_lock(holder), wait_ms, done)

    def grab(self, holder: str) -> None:
        """Try once to lock the data, for an instance that fails before its LOCK action and has events to journal."""
        if self._access is None:
            access = datadir.open_data(self._layout.data, may_create=False)
            if isinstance(access, datadir.Usable):
                self._access = access
                self._try_lock(holder)

    def release_shared(self) -> None:
        """Let other instances have shared data (`ww.data.shared`)."""
        if self.shared and self._lock is not None:
            os.close(self._lock.fd)
            self._lock = None

    def version(self) -> str:
        """The version whose upgrade completed on this data; "" if unknown."""
        try:
            return datadir.read_version(self._path) if self._path else ""
        except OSError:
            return ""

    def attempts(self) -> int:
        """How many first boots were begun here without completing."""
        try:
            return datadir.firstboot_attempts(self._path) if self._path else 0
        except OSError:
            return 0

    def inspect(self) -> Found | Failed:
        """Fresh or marked; newer data than the image is refused with nothing touched."""
        marked = datadir.is_marked(self._layout.data)
        try:
            record = steps.read_steps(f"{self._path}/steps.jsonl") if self._path else steps.StepRecord((), {})
        except OSError as error:
            return Failed(EXIT_TRY_AGAIN, f"cannot read {self._path}/steps.jsonl: {error.strerror}")
        newer = steps.newer_steps(record, step_names(self._layout.usr))
        if marked and newer:
            return Failed(
                EXIT_CONFIG,
                f"the data is newer than this image: it has had the upgrade {_plural(newer)}, which this image"
                f" ({self._layout.usr}/upgrade.d) does not have; run a newer image, or restore a backup",
                detail={"newer_steps": list(newer)},
            )
        return Found(Trigger.MARKED if marked else Trigger.FRESH)

    def record_attempt(self, done: Report) -> Task:
        """Remember that a first boot begins, so that the next one knows it is a repetition."""
        attempt = self.attempts() + 1
        return self._write(
            "record the first boot", lambda path: write_text(f"{path}/firstboot", f"{attempt}\n", durable=True), done
        )

    def mark(self, version: str, done: Report) -> Task:
        """The first boot is complete: all steps of the image count as done, then the marker."""
        names, at = step_names(self._layout.usr), stamp(self._system.clock.wall_ms())

        def job(path: str) -> None:
            known = steps.read_steps(f"{path}/steps.jsonl").done
            for name in names:
                if name not in known:
                    steps.write_step(f"{path}/steps.jsonl", name, "done", at, version)
            write_text(f"{path}/version", f"{version}\n", durable=True)
            if os.path.exists(f"{path}/firstboot"):
                os.unlink(f"{path}/firstboot")

        return self._write("write the marker of the first boot", job, done)

    def store_version(self, version: str, done: Report) -> Task:
        """The upgrade to `version` is complete."""
        if self.version() == version and os.path.exists(f"{self._path}/version"):
            return at_once(done)
        return self._write(
            "store the version", lambda path: write_text(f"{path}/version", f"{version}\n", durable=True), done
        )

    def pending_steps(self) -> tuple[str, ...]:
        """Upgrade steps that this data has not had. Raises OSError."""
        if not self._path:
            return ()
        return steps.pending_steps(steps.read_steps(f"{self._path}/steps.jsonl"), step_names(self._layout.usr))

    def step_attempts(self, step: str) -> int:
        """How often `step` was begun and not finished. Raises OSError."""
        return steps.read_steps(f"{self._path}/steps.jsonl").begun.get(step, 0)

    def record_step(self, step: str, state: str, version: str, done: Report) -> Task:
        """Journal that `step` has `begun` or is `done`."""
        at = stamp(self._system.clock.wall_ms())
        return self._write(
            f"record upgrade step {step}",
            lambda path: steps.write_step(f"{path}/steps.jsonl", step, state, at, version),
            done,
        )

    def note_backup(self, name: str, done: Report) -> Task:
        """Note the data's version and steps beside backup `name`."""
        at, backup = stamp(self._system.clock.wall_ms()), self._layout.backup
        return self._write(f"note backup {name}", lambda path: write_note(backup, path, name, at), done)

    def _write(self, words: str, job: Callable[[str], None], done: Report) -> Task:
        path = self._path
        if not path:
            return at_once(done)
        return FileJob(self._system, f"{words} in {path}", lambda: job(path), done)

    def _try_lock(self, holder: str) -> Done | Failed | datadir.Held:
        answer = datadir.take_lock(self._path, holder)
        self.in_use = isinstance(answer, datadir.Held)
        if isinstance(answer, datadir.Held):
            return answer
        if isinstance(answer, datadir.Unusable):
            return Failed(EXIT_TRY_AGAIN, answer.why)
        self._lock = answer
        try:
            self.volume, self.boot_no = datadir.claim_boot(self._path)
        except OSError as error:
            self._system.voice.warn(f"cannot count this boot in {self._path}: {error.strerror}")
        return Done()


class _LockTask:
    """Tries the lock until it is ours or the time is up."""

    def __init__(
        self, system: System, attempt: Callable[[], Done | Failed | datadir.Held], wait_ms: int, done: Report
    ) -> None:
        self._system = system
        self._attempt = attempt
        self._wait_ms = wait_ms
        self._until_ms = system.clock.mono_ms() + wait_ms
        self._done = done
        self._timer: Timer | None = None
        self._said = False
        self._try()

    def cancel(self, grace_ms: int, gone: Callback) -> None:  # noqa: ARG002
        """Stop trying."""
        if self._timer is not None:
            self._timer.cancel()
        gone()

    def _try(self) -> None:
        answer = self._attempt()
        if not isinstance(answer, datadir.Held):
            self._done(answer)
            return
        now = self._system.clock.mono_ms()
        if now >= self._until_ms:
            words = (
                f"the data is in use by {answer.holder}; waited {self._wait_ms / 1000:g} s"
                " (ww.data.lock_wait_s). Stop the other instance, or give this one its own volume"
            )
            self._done(Failed(EXIT_TRY_AGAIN, words))
            return
        if not self._said:
            self._said = True
            self._system.voice.warn(f"the data is in use by {answer.holder}; waiting up to {self._wait_ms / 1000:g} s")
        self._timer = self._system.loop.call_at(min(now + _POLL_MS, self._until_ms), self._try)


def _plural(names: tuple[str, ...]) -> str:
    return f"step {names[0]}" if len(names) == 1 else f"steps {', '.join(names)}"
