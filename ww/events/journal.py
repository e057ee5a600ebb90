"""The journal: written by PID 1 and by nobody else, one write per record, never synced here (runtime.md 16 to 19).

A record is **written** when the write has returned: it survives any kill of any process. Before that nothing is acted
on. While the disk refuses, lifecycle events wait in memory (256 of them) and health events are dropped; a gap event
takes the place of the first one that was lost, so the sequence of a boot has no holes.
"""

from __future__ import annotations

import errno
import os

from ww.events.model import GAP, HEALTH, JOURNAL, Event
from ww.events.segment import RESERVE, SEGMENT_BYTES, encode_event, header, segment_name, segment_names
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.clock import Clock
    from ww.types import Callback, JsonObject

HELD_EVENTS = 256
SLOW_MS = 250
UNKEPT = 2
_BLOCK_BYTES = 512
_MODE_FILE = 0o600
_MODE_DIRECTORY = 0o700


class Written(Value):
    """The event is in the file."""

    __slots__ = ("seq",)

    def __init__(self, seq: int) -> None:
        self.seq = seq


class Held(Value):
    """The disk refuses; the event waits in memory for the next attempt."""

    __slots__ = ("seq",)

    def __init__(self, seq: int) -> None:
        self.seq = seq


class Dropped(Value):
    """The event is lost; the gap event `seq` will say so."""

    __slots__ = ("seq",)

    def __init__(self, seq: int) -> None:
        self.seq = seq


class Journal:
    """The events of one boot.

    `where` is `directory`, `fallback` or `memory`, `directory` the path in use (None in memory), `note` why it is not
    the first choice (empty if it is). `bounded`: delete the oldest segments beyond `max_bytes` at each new segment.
    It is off until `bound` is called: where there are sinks, the reporter does so, who knows what was delivered.
    `kept`: it does by now; one that answers and cannot do that (its disk does not sync) lets the journal grow to UNKEPT
    times as much and no further.
    """

    __slots__ = (
        "_boot_id",
        "_boot_no",
        "_clock",
        "_fallback",
        "_fd",
        "_gap",
        "_held",
        "_offset",
        "_path",
        "_reserve_bytes",
        "_seq",
        "_slow_ms",
        "_spent",
        "bounded",
        "directory",
        "dropped",
        "kept",
        "max_bytes",
        "note",
        "on_held",
        "on_written",
        "where",
    )

    def __init__(
        self,
        directory: str | None,
        boot_no: int,
        boot_id: str,
        clock: Clock,
        max_bytes: int,
        reserve_bytes: int,
        fallback_directory: str | None = None,
    ) -> None:
        if not boot_id or "/" in boot_id or not boot_id.isascii():
            raise ValueError(f"{boot_id!r} cannot be a boot id: it becomes part of a file name")
        self._boot_no = boot_no
        self._boot_id = boot_id
        self._clock = clock
        self.max_bytes = max_bytes
        self._reserve_bytes = reserve_bytes
        self._fallback = fallback_directory
        self._fd = -1
        self._path = ""
        self._offset = 0
        self._seq = 0
        self._held: list[Event] = []
        self._gap: Event | None = None
        self._slow_ms = 0
        self._spent = False
        self.bounded = False
        self.kept = False
        self.dropped = 0
        self.directory: str | None = None
        self.where = "memory"
        self.note = ""
        self.on_held: Callback | None = None
        """Called when events begin to wait in memory: time to call `retry` now and then."""
        self.on_written: Callable[[int], None] | None = None
        """Called with the last sequence in the file after each event that was appended."""
        self._choose(directory)

    # What the owner sees

    @property
    def seq(self) -> int:
        """The last sequence given out."""
        return self._seq

    @property
    def held(self) -> int:
        """How many events wait in memory; call `retry` now and then while it is not 0."""
        return len(self._held)

    @property
    def path(self) -> str | None:
        """The segment being written."""
        return self._path or None

    def append(self, kind: str, data: JsonObject) -> Written | Held | Dropped:
        """Write one event. Never raises for anything the disk does; TypeError or ValueError if `data` is no JSON."""
        event = Event(self._seq + 1, kind, self._clock.wall_ms(), self._clock.mono_ms(), data)
        record = encode_event(event)
        outcome = self._write_or_keep(event, record)
        if self._slow_ms:
            self._leave_slow_disk()
        if self.on_written is not None and not self._held:
            self.on_written(self._seq)
        return outcome

    def _write_or_keep(self, event: Event, record: bytes) -> Written | Held | Dropped:
        precious = event.kind != HEALTH
        if self._spent:
            self._make_reserve()
        if self._spent and not precious:
            # What the reserve gave is for lifecycle events alone.
            return self._keep(event)
        if self._held:
            if not self.retry():
                return self._keep(event)
            event.seq = self._seq + 1
            record = encode_event(event)
        if self._put(event.seq, record, precious):
            self._seq = event.seq
            return Written(event.seq)
        return self._keep(event)

    def retry(self) -> bool:
        """Try to write what waits; True if nothing waits any more."""
        while self._held:
            if not self._put(self._held[0].seq, encode_event(self._held[0]), precious=True):
                return False
            if self._held.pop(0) is self._gap:
                self._gap = None
            if not self._held:
                self._make_reserve()
                if self.on_written is not None:
                    self.on_written(self._seq)
        return True

    def bound(self) -> None:
        """Nobody else does: delete the oldest segments beyond `max_bytes`, now and from now on."""
        self.bounded = True
        if self.directory is not None:
            self._delete_oldest(self.directory)

    def close(self) -> None:
        """Close the segment; what is held is lost with the process."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # Events

    def _keep(self, event: Event) -> Held | Dropped:
        if event.kind != HEALTH and len(self._held) < HELD_EVENTS:
            self._hold(event)
            return Held(event.seq)
        self.dropped += 1
        if self._gap is None:
            counts: JsonObject = {"reason": "the disk refused", "health": 0, "lifecycle": 0}
            self._gap = Event(0, GAP, event.wall_ms, event.mono_ms, counts)
            self._hold(self._gap)
        lost = dict(self._gap.data)
        which = "health" if event.kind == HEALTH else "lifecycle"
        lost[which] = _count(lost[which]) + 1
        lost["until_ms"] = event.wall_ms
        self._gap.data = lost
        return Dropped(self._gap.seq)

    def _hold(self, event: Event) -> None:
        self._seq += 1
        event.seq = self._seq
        self._held.append(event)
        if len(self._held) == 1 and self.on_held is not None:
            self.on_held()

    # Writing

    def _put(self, seq: int, record: bytes, precious: bool) -> bool:
        """Write the record of `seq`, a precious one even into the reserve; False if the disk refuses."""
        if self._fd < 0 and not self._reopen(seq):
            return False
        if self._offset + len(record) > SEGMENT_BYTES and not self._rotate(seq, precious):
            return False
        started_ms = self._clock.mono_ms()
        done = self._write(record)
        if not done and precious and self._spend_reserve():
            done = self._write(record)
        took_ms = self._clock.mono_ms() - started_ms
        if took_ms > SLOW_MS:
            self._slow_ms = took_ms
        return done

    def _write(self, record: bytes) -> bool:
        """One write; anything but all of it is taken back, so that the file ends with a good record."""
        try:
            if os.write(self._fd, record) == len(record):
                self._offset += len(record)
                return True
        except OSError:
            pass  # Full, over quota, over a limit, read-only by now: whatever it is, the event is not in the file.
        try:
            os.ftruncate(self._fd, self._offset)
        except OSError:
            # What may be half a record must stay the end of its file.
            self.close()
        return False

    def _rotate(self, first_seq: int, precious: bool) -> bool:
        directory = self.directory
        if directory is None:
            return False
        full = self._fd
        try:
            self._open_segment(directory, first_seq)
        except OSError:
            if not (precious and self._spend_reserve()):
                return False
            try:
                self._open_segment(directory, first_seq)
            except OSError:
                return False
        os.close(full)
        self._make_reserve()
        return True

    def _open_segment(self, directory: str, first_seq: int) -> None:
        """Make a new segment the current one; raises OSError and changes nothing if the disk refuses."""
        path = f"{directory}/{segment_name(self._boot_no, self._boot_id, first_seq)}"
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE_FILE)
        start = header(self._boot_id)
        try:
            _write_whole(fd, start)
        except OSError:
            os.close(fd)
            os.unlink(path)
            raise
        self._fd, self._path, self._offset = fd, path, len(start)
        if self.bounded or self.kept:
            self._delete_oldest(directory)

    # Places

    def _choose(self, directory: str | None) -> None:
        """Take the first place that can be written."""
        reasons = [] if directory is not None else ["there is no volume"]
        for where, place in (("directory", directory), ("fallback", self._fallback)):
            if place is None:
                continue
            problem = self._enter(where, place, 1)
            if problem is None:
                break
            reasons.append(problem)
        else:
            self.where = "memory"
            self.directory = None
        self.note = "; ".join(reasons)

    def _enter(self, where: str, place: str, first_seq: int) -> str | None:
        """Open a segment in `place`; what went wrong, or None."""
        old = self._fd
        try:
            os.makedirs(place, _MODE_DIRECTORY, exist_ok=True)
            self._open_segment(place, first_seq)
        except OSError as error:
            return f"{place}: {os.strerror(error.errno or 0)}"
        if old >= 0:
            os.close(old)
        self.where = where
        self.directory = place
        self._make_reserve()
        return None

    def _reopen(self, first_seq: int) -> bool:
        """After a segment had to be given up, and from memory: a new one, wherever there is room by now."""
        places = [("directory", self.directory)] if self.where == "directory" else []
        places.append(("fallback", self._fallback))
        return any(place is not None and self._enter(where, place, first_seq) is None for where, place in places)

    def _leave_slow_disk(self) -> None:
        """A disk that keeps PID 1 waiting would keep a stop waiting: go on elsewhere and say so."""
        slow, took_ms, self._slow_ms = self.directory, self._slow_ms, 0
        if self.where != "directory" or self._fallback is None:
            return
        self.note = f"{slow}: one write took {took_ms} ms"
        problem = self._enter("fallback", self._fallback, self._held[0].seq if self._held else self._seq + 1)
        if problem is not None:
            self.note += f"; {problem}"
            return
        self.append(JOURNAL, {"where": "fallback", "directory": self.directory, "reason": self.note})

    # Space

    def _make_reserve(self) -> None:
        """Space set aside for lifecycle events on a full disk; best effort, all of it or nothing."""
        if self.directory is None or self._reserve_bytes <= 0:
            return
        path = f"{self.directory}/{RESERVE}"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE_FILE)
        except OSError:
            return
        try:
            if os.fstat(fd).st_blocks * _BLOCK_BYTES < self._reserve_bytes:
                os.posix_fallocate(fd, 0, self._reserve_bytes)
            self._spent = False
        except OSError:
            os.unlink(path)
        finally:
            os.close(fd)

    def _spend_reserve(self) -> bool:
        """Give the reserve back to the disk; False if there was none."""
        try:
            os.unlink(f"{self.directory}/{RESERVE}")
        except OSError:
            return False
        self._spent = True
        return True

    def _delete_oldest(self, directory: str) -> None:
        """Whole segments, oldest first, until it is within its bounds; never the current one."""
        try:
            sizes = [(name, os.stat(f"{directory}/{name}").st_size) for name in segment_names(directory)]
            older = [(name, size) for name, size in sizes if f"{directory}/{name}" != self._path]
            # The current one counts as full, which it will be.
            limit = self.max_bytes if self.bounded else UNKEPT * self.max_bytes
            excess = sum(size for _, size in older) + SEGMENT_BYTES - limit
            for name, size in older:
                if excess <= 0:
                    break
                os.unlink(f"{directory}/{name}")
                excess -= size
        except OSError:
            return  # Bounded again at the next segment.


def _write_whole(fd: int, data: bytes) -> None:
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
