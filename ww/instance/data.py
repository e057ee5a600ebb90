"""The instance's hold on its data: lock, identity of the volume, inspection, and every record written there."""

from __future__ import annotations

import os

from ww.clock import stamp
from ww.errors import EXIT_CONFIG, EXIT_TRY_AGAIN
from ww.events.segment import parse_name
from ww.home import datadir, steps
from ww.home.lock import Held, Lock, NoLock, take_lock
from ww.home.restore import restoring
from ww.home.smallfile import write_text
from ww.instance.hookset import step_files, step_names
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

    def __init__(self, system: System, layout: Layout, boot: str) -> None:
        self._system = system
        self._layout = layout
        self._boot = boot
        self._access: datadir.Usable | datadir.Unusable | None = None
        self._lock: Lock | None = None
        self.volume = ""
        self.boot_no = 0
        self.shared = False
        self.in_use = False
        """Whether somebody else holds the data: then this start speaks to nobody, it could be taken for the holder."""
        self._left = False

    @property
    def journal_directory(self) -> str | None:
        """Where the journal may lie: only on data that is locked for us alone."""
        return f"{self._path}/journal" if self._lock and not self.shared and self._path else None

    @property
    def _path(self) -> str:
        return self._access.path if isinstance(self._access, datadir.Usable) else ""

    @property
    def _readable(self) -> str:
        """Where records are read: also data that cannot be written has a version and steps."""
        return f"{self._layout.data}/.ww"

    def leave(self) -> None:
        """The data is a wrapped command's own affair: nothing is locked, read or written there."""
        self._left = True
        self._access = datadir.Unusable("it is left to the command", marked=True)

    def lock(self, shared: bool, wait_ms: int, holder: str, done: Report) -> Task:
        """Take the data lock, waiting at most `wait_ms`; then count the boot. Exit 75 if it is not to be had."""
        self.shared = shared
        if self._left:
            return at_once(done)
        access = datadir.open_data(self._layout.data, may_create=bool(self._layout.root))
        if isinstance(access, datadir.Newer):
            return at_once(done, Failed(EXIT_CONFIG, access.why))
        if isinstance(access, datadir.Unreadable):
            return at_once(done, Failed(EXIT_TRY_AGAIN, access.why))
        self._access = access
        if isinstance(access, datadir.Unusable):
            lost = "nothing is remembered" if access.marked else "nothing is remembered, every boot is a first boot"
            self._system.voice.warn(f"{access.why}: {lost}")
            return at_once(done, self._half_restored())
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
            self._lock.release()
            self._lock = None

    def known_volume(self) -> str:
        """The volume's id, also before the lock; "" if there is none, or if somebody else is the instance of it."""
        if self.volume or self.in_use or self.shared or self._left:
            return self.volume
        try:
            return datadir.volume_id(self._readable)
        except OSError:
            return ""

    def version(self) -> str:
        """The version whose upgrade completed on this data; "" if unknown."""
        try:
            return "" if self._left else datadir.read_version(self._readable)
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
        if self._left:
            return Found(Trigger.MARKED)
        try:
            marked = datadir.is_marked(self._layout.data)
            record = steps.read_steps(f"{self._readable}/steps.jsonl")
        except OSError as error:
            words = f"cannot tell what was done to {self._layout.data}: {error.filename}: {error.strerror}"
            return Failed(EXIT_TRY_AGAIN, words)
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
            _remove(f"{path}/firstboot")

        return self._write("write the marker of the first boot", job, done)

    def store_version(self, version: str, done: Report) -> Task:
        """The upgrade to `version` is complete."""
        known = os.path.exists(f"{self._path}/version") and not os.path.exists(f"{self._path}/backed-up")
        if self.version() == version and known:
            return at_once(done)

        def job(path: str) -> None:
            write_text(f"{path}/version", f"{version}\n", durable=True)
            _remove(f"{path}/backed-up")

        return self._write("store the version", job, done)

    def pending_steps(self) -> tuple[str, ...]:
        """Upgrade steps that this data has not had. Raises OSError."""
        if not datadir.is_marked(self._layout.data):
            return ()  # data that cannot be marked was made by this very image
        runnable = tuple(os.path.basename(file.path) for file in step_files(self._layout.usr))
        return steps.pending_steps(steps.read_steps(f"{self._readable}/steps.jsonl"), runnable)

    @property
    def writable(self) -> bool:
        """Whether records can be kept here."""
        return bool(self._path)

    def kept_backup(self, from_version: str, to_version: str) -> str:
        """The backup made before an earlier try at this very upgrade, "" if there is none."""
        try:
            return datadir.backed_up(self._readable, from_version, to_version)
        except OSError:
            return ""

    def step_attempts(self, step: str) -> int:
        """How often `step` was begun and not finished. Raises OSError."""
        return steps.read_steps(f"{self._readable}/steps.jsonl").begun.get(step, 0)

    def record_step(self, step: str, state: str, version: str, done: Report) -> Task:
        """Journal that `step` has `begun` or is `done`."""
        at = stamp(self._system.clock.wall_ms())
        return self._write(
            f"record upgrade step {step}",
            lambda path: steps.write_step(f"{path}/steps.jsonl", step, state, at, version),
            done,
        )

    def note_backup(self, name: str, from_version: str, to_version: str, done: Report) -> Task:
        """Note the data's version and steps beside backup `name`, and that this upgrade has its backup."""
        from ww.home.backups import look, write_note

        at, backup = stamp(self._system.clock.wall_ms()), self._layout.backup

        def job(path: str) -> None:
            write_note(backup, path, look(path, name, at))
            write_text(f"{path}/backed-up", f"{from_version}\n{to_version}\n{name}\n", durable=True)

        return self._write(f"note backup {name}", job, done)

    def _write(self, words: str, job: Callable[[str], None], done: Report) -> Task:
        path = self._path
        if not path:
            return at_once(done)
        return FileJob(self._system, f"{words} in {path}", lambda: job(path), done)

    def _try_lock(self, holder: str) -> Done | Failed | Held:
        answer = take_lock(f"{self._path}/lock", self._layout.data, holder)
        self.in_use = isinstance(answer, Held)
        if isinstance(answer, Held):
            return answer
        if isinstance(answer, NoLock):
            return Failed(EXIT_TRY_AGAIN, answer.why)
        survivors = "" if self.shared else self._survivors()
        if survivors:
            answer.release()
            self.in_use = True
            return Held(f"what an earlier ww run or ww restore left when it was killed: {survivors}")
        self._lock = answer
        return self._half_restored() or self._claim()

    def _survivors(self) -> str:
        if os.getpid() == 1:
            return ""  # in a namespace of our own nobody outlives its first process
        from ww.instance.survivors import processes_of_another_boot

        return processes_of_another_boot(self._layout.data, self._boot)

    def _claim(self) -> Done:
        try:
            self.volume = datadir.volume_id(self._path)
            self.volume, self.boot_no = datadir.claim_boot(self._path, _highest(f"{self._path}/journal"))
        except OSError as error:
            self._system.voice.warn(f"cannot count this boot in {self._path}: {error.strerror}")
        return Done()

    def _half_restored(self) -> Failed | None:
        data, backup = self._layout.data, self._layout.backup
        try:
            name = restoring(data, backup)
        except OSError as error:
            return Failed(
                EXIT_TRY_AGAIN, f"cannot tell whether a restore is complete: {error.filename}: {error.strerror}"
            )
        if not name:
            return None
        signs = f"{data}/.ww/restoring and {backup}/.ww/restoring"
        words = f"the restore of backup {name} into {data} was begun and not completed"
        return Failed(EXIT_CONFIG, f"{words}: run ww restore again, or remove {signs} if the data is as it should be")


def _highest(journal: str) -> int:
    """The highest number of a boot that has a segment there: events are delivered in the order of these numbers."""
    try:
        return max((parts[0] for name in os.listdir(journal) if (parts := parse_name(name)) is not None), default=0)
    except OSError:
        return 0  # the first boot; or it is said when the journal is opened


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)


class _LockTask:
    """Tries the lock until it is ours or the time is up."""

    def __init__(self, system: System, attempt: Callable[[], Done | Failed | Held], wait_ms: int, done: Report) -> None:
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
        if not isinstance(answer, Held):
            self._done(answer)
            return
        now = self._system.clock.mono_ms()
        if now >= self._until_ms:
            words = (
                f"the data is in use by {answer.holder}; waited {self._wait_ms / 1000:g} s"
                " (ww.data.lock_wait_s). End it first, or give this instance its own volume"
            )
            self._done(Failed(EXIT_TRY_AGAIN, words))
            return
        if not self._said:
            self._said = True
            self._system.voice.warn(f"the data is in use by {answer.holder}; waiting up to {self._wait_ms / 1000:g} s")
        self._timer = self._system.loop.call_at(min(now + _POLL_MS, self._until_ms), self._try)


def _plural(names: tuple[str, ...]) -> str:
    return f"step {names[0]}" if len(names) == 1 else f"steps {', '.join(names)}"
