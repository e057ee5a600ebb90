"""The spool's keeper: syncs what PID 1 writes, bounds it, repairs what is damaged, and has every hole declared.

It follows the journal as a sink's reader does. It never touches the file that PID 1 writes, and nothing it does is needed
for the next boot to work: when a disk refuses, it says so once and tries again later. One thread drives it, by `step`.
"""

from __future__ import annotations

import os

from ww.events.audit import Audit
from ww.events.cursors import Cursors
from ww.events.declaring import Declarations
from ww.events.model import HEALTH
from ww.events.reader import Reader
from ww.events.rewriting import forget_unfinished
from ww.events.segment import SEGMENT_BYTES
from ww.events.shelf import Shelf
from ww.events.syncer import Syncer
from ww.events.tidying import Tidier
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.clock import Clock
    from ww.events.retention import Limits
    from ww.types import JsonObject

AUDIT_FILE = "audit.json"
_AUDIT = "audit"
PATIENCE_MS = 10_000
"""How long a segment that cannot be read is tried before it is set aside and its events are declared missing."""
HEALTH_SYNC_MS = 800
"""How long a health event may wait for its sync, which must be done within a second."""
IDLE_MS = 500
"""How often a keeper looks that nobody wakes."""
_SLICE_EVENTS = 1000


class Ports(Value):
    """What the keeper tells: `declare` asks PID 1 to journal a gap event with these data; `synced` says up to which
    sequence the present boot survives a power loss; `say` is one line for the log. And what it asks for: `to_disk` has
    what was written to a descriptor on the disk when it returns.
    """

    __slots__ = ("declare", "say", "synced", "to_disk")

    def __init__(
        self,
        declare: Callable[[JsonObject], None],
        synced: Callable[[int], None],
        say: Callable[[str], None],
        to_disk: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self.declare = declare
        self.synced = synced
        self.say = say
        self.to_disk = to_disk


class Keeper:
    """Keeps the journal in `directories` while the boot `running` is under way ("": none is, all of it is past).

    `counted` is false where other instances count their boots on the same data, and journal elsewhere.
    """

    def __init__(
        self,
        directories: Sequence[str],
        running: str,
        cursors: Cursors,
        limits: Limits,
        ports: Ports,
        clock: Clock,
        counted: bool = True,
    ) -> None:
        self._running = running
        self._cursors = cursors
        self._ports = ports
        self._clock = clock
        self._shelf = Shelf(directories, running)
        self._audited = Cursors(directories, clock, ports.say, AUDIT_FILE)
        self._reader = Reader(directories, self._audited.get(_AUDIT), running, clock, PATIENCE_MS)
        self._audit = Audit(self._reader.position, counted)
        self._declarations = Declarations(ports.declare, clock)
        self._syncer = Syncer(ports.say, ports.to_disk)
        self._tidier = Tidier(self._shelf, cursors, limits, self._declarations, clock, ports.say)
        self._path = ""
        self._caught_up = False
        self._past_synced = False
        self._urgent = True
        self._unsynced_ms: int | None = None
        self._read_seq = self._synced_seq = 0
        for directory in directories:
            forget_unfinished(directory)

    def configure(self, sinks: Sequence[str]) -> None:
        """The sinks that there are; what the cursors remember of others holds nothing back."""
        self._tidier.sinks = list(sinks)

    # What drives it

    def told(self) -> None:
        """PID 1 has written something: `step` should be called now."""
        # What is behind a backlog may be a state, which must be synced at once.
        self._urgent = self._urgent or not self._caught_up

    def step(self) -> int:
        """Do what is due; in how many milliseconds to call it again. It waits for the disk, and for nothing else."""
        self._read()
        self._sync()
        more = self._caught_up and self._tidy()
        self._save(force=False)
        return 0 if more else self._wait_ms()

    def flush(self) -> None:
        """Read, sync and remember everything that is there now."""
        self._read()
        while not self._caught_up:
            self._read()
        self._urgent = True
        self._sync()
        self._save(force=True)

    def close(self) -> None:
        """Let go of the journal; `flush` comes first."""
        self._reader.close()

    def _wait_ms(self) -> int:
        if not self._caught_up:
            return 0
        if self._unsynced_ms is None:
            return IDLE_MS
        return max(1, min(IDLE_MS, self._unsynced_ms + HEALTH_SYNC_MS - self._clock.mono_ms()))

    # Reading

    def _read(self) -> None:
        found = self._reader.read(_SLICE_EVENTS, SEGMENT_BYTES)
        for stored in found:
            self._audit.see(stored)
            self._declarations.note(stored.event)
            if stored.where[0] != self._path:
                self._path = stored.where[0]
                self._tidier.wake()
            if stored.boot == self._running:
                self._read_seq = stored.event.seq
                self._urgent = self._urgent or stored.event.kind != HEALTH
                if self._unsynced_ms is None:
                    self._unsynced_ms = self._clock.mono_ms()
        for damage in self._reader.damaged:
            self._ports.say(f"{damage.path}, bytes {damage.start} to {damage.end}: {damage.words}")
            self._tidier.suspect(damage.path, unreadable=damage.end < 0)
        self._reader.damaged.clear()
        self._caught_up = not found

    def _save(self, force: bool) -> None:
        # After a kill, what is damaged, and the declaration that a plan waits for, are found again behind this position.
        if not self._tidier.open:
            self._audited.set(_AUDIT, self._audit.position)
        self._audited.save(force)
        self._cursors.save(force)

    # Syncing

    def _sync(self) -> None:
        due = self._unsynced_ms is not None and self._clock.mono_ms() - self._unsynced_ms >= HEALTH_SYNC_MS
        if not (self._urgent or due):
            return
        read_seq = self._read_seq
        self._urgent, self._unsynced_ms = False, None
        if self._sync_running() and read_seq > self._synced_seq:
            self._synced_seq = read_seq
            self._ports.synced(read_seq)

    def _sync_running(self) -> bool:
        places = [place for place in self._shelf.places() if place.boot == self._running]
        done = self._syncer.sync(places, places[-1].path if places else None)
        # A directory that cannot be listed now is not one in which nothing is to be synced.
        done = done and (not self._read_seq or self._path in [place.path for place in places])
        if not done:
            self._unsynced_ms = self._clock.mono_ms()
        return done

    def _sync_past(self) -> None:
        """What earlier boots left in a hurry: they were killed, and so were those who would have synced it."""
        self._past_synced = True
        past = [place for place in self._shelf.places() if place.boot != self._running]
        self._syncer.sync(past if self._running else past[:-1], None)

    # Holes and space

    def _tidy(self) -> bool:
        """True if there is more to do at once."""
        if not self._past_synced:
            self._sync_past()
        for hole in self._audit.holes:
            if hole.path:
                self._tidier.suspect(hole.path)
        self._audit.holes = [hole for hole in self._audit.holes if not self._declarations.declared(hole.gap)]
        return self._tidier.step(self._sync_running)
