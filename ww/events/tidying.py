"""Doing what retention decides and repairing what is damaged, so that a kill between any two steps loses no declaration.

Where events that nobody has yet must go, the order is: PID 1 journals the gap event, that is synced, and only then is the
file replaced or removed.
"""

from __future__ import annotations

import os

from ww.events.carrying import gaps_for
from ww.events.declaring import gap_of
from ww.events.position import START
from ww.events.quarantine import move, set_aside
from ww.events.retention import DELETE, THIN, Stock, next_step
from ww.events.rewriting import KEEP_OF_HEALTH, load, replace, thin
from ww.events.shelf import after
from ww.home.smallfile import sync_directory
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.clock import Clock
    from ww.events.cursors import Cursors
    from ww.events.declaring import Declarations
    from ww.events.position import Position
    from ww.events.retention import Limits, Step
    from ww.events.rewriting import Record
    from ww.events.shelf import Place, Shelf
    from ww.types import JsonObject

EVERY_MS = 30_000
LEAST_RECORD_BYTES = 42
_LEAST_SAVING = 0.02
_WORDS = {
    "thinned": "health events that no sink had taken were thinned to keep the journal within its bounds",
    "dropped": "events that no sink had taken were deleted to keep the journal within its bounds",
}


class Plan(Value):
    """Once the journal holds all `gaps`, `work` is done, and `words` are said."""

    __slots__ = ("gaps", "path", "words", "work")

    def __init__(self, path: str, gaps: list[JsonObject], work: Callable[[], object], words: str) -> None:
        self.path = path
        self.gaps = gaps
        self.work = work
        self.words = words


class Tidier:
    """Works on segments that are not written any more. What `cursors` says of sinks that are not in `sinks` holds nothing."""

    def __init__(
        self,
        shelf: Shelf,
        cursors: Cursors,
        limits: Limits,
        declarations: Declarations,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self.sinks: Sequence[str] = ()
        self.plan: Plan | None = None
        """What waits for its declaration."""
        self._shelf = shelf
        self._cursors = cursors
        self._limits = limits
        self._declarations = declarations
        self._clock = clock
        self._say = say
        self._due_ms = 0
        self._suspects: dict[str, bool] = {}
        self._examined: set[str] = set()
        self._thinned: set[tuple[str, int]] = set()
        self._failed: set[tuple[str, int]] = set()
        """What was tried in this round and found no room."""
        self._ends: dict[str, int] = {}
        self._later: set[str] = set()
        """Damaged segments that could not be dealt with in this round."""
        self._said: set[str] = set()

    @property
    def open(self) -> bool:
        """Whether something that was found behind is still to be done; after a kill it must be found again."""
        return self.plan is not None or bool(self._suspects) or bool(self._later)

    def wake(self) -> None:
        """A segment was completed: look soon."""
        self._due_ms = 0

    def suspect(self, path: str, unreadable: bool = False) -> None:
        """The segment at `path` may be damaged, or could not be read for long."""
        if path not in self._examined:
            self._suspects[path] = unreadable
            self._due_ms = 0

    def step(self, sync: Callable[[], bool]) -> bool:
        """One step, if one is due; true if another may follow at once. `sync` makes what is journalled by now durable.

        One listing is used for all of a step: what another one does not show is not delivered for that.
        """
        if self.plan is not None:
            declared = [self._declarations.declared(gap) for gap in self.plan.gaps]
            return all(declared) and sync() and self._perform(self.plan)
        now_ms = self._clock.mono_ms()
        if now_ms < self._due_ms:
            return False
        places = self._shelf.places()
        past = self._past(places)
        return self._repair(past) or self._retain(places, past) or self._rest(now_ms)

    def _rest(self, now_ms: int) -> bool:
        self._due_ms = now_ms + EVERY_MS
        self._thinned = {(path, keep_one_of) for path, keep_one_of in self._thinned if os.path.exists(path)}
        self._failed.clear()
        self._suspects |= dict.fromkeys(self._later, False)
        self._later.clear()
        return False

    def _past(self, places: list[Place]) -> list[Place]:
        """Those that nobody writes any more."""
        running = [place for place in places if place.boot == self._shelf.running]
        live = running[-1:] if self._shelf.running else places[-1:]
        return [place for place in places if place not in live]

    # Damage

    def _repair(self, past: list[Place]) -> bool:
        """True if there may be more to do."""
        for index, place in enumerate(past):
            if place.path not in self._suspects:
                continue
            following = past[index + 1] if index + 1 < len(past) and past[index + 1].boot == place.boot else None
            unreadable = self._suspects.pop(place.path)
            self._examined.add(place.path)
            try:
                aside = set_aside(place, torn_too=following is not None)
            except OSError as error:
                self._refuse(f"{place.path} is damaged and cannot be made whole: {error.strerror}")
                if unreadable:
                    self.plan = self._without(place, following, str(error.strerror))
                else:
                    self._later.add(place.path)
                return unreadable
            if aside:
                self._say(f"{place.path} was damaged: what is good in it was kept, the file is {aside} now")
                return True
        return False

    def _without(self, place: Place, following: Place | None, why: str) -> Plan:
        """What cannot be read is told to be missing, and then taken out of the way of those who would wait for it."""
        if following is not None:
            last = following.first_seq - 1
        else:
            # At most as many as there is room for in the file: nobody knows how many there are.
            last = place.first_seq + os.stat(place.path).st_size // LEAST_RECORD_BYTES
        gap = gap_of("unreadable", place.boot_no, place.boot, place.first_seq, last)
        words = f"{place.path} cannot be read: {why}"
        return Plan(place.path, [{**gap, "words": words}], lambda: move(place.path), f"{words}; it is in bad/ now")

    # Space

    def _retain(self, places: list[Place], past: list[Place]) -> bool:
        step = next_step(self._stocks(places, past), self._limits, self._clock.wall_ms(), self._thinned | self._failed)
        if step is None:
            return False
        place = step.stock.place
        try:
            if step.what == DELETE:
                return self._delete(place)
            self.plan = self._planned(step, places)
        except FileNotFoundError:
            return True
        except OSError as error:
            self._refuse(f"{place.path} cannot be made smaller: {error.strerror}")
            return False
        return True

    def _stocks(self, places: list[Place], past: list[Place]) -> list[Stock]:
        positions = [self._cursors.get(name) for name in self.sinks]
        unread = [{place.path for place in after(places, position, self._shelf.running)} for position in positions]
        stocks = []
        for place in past:
            try:
                stat = os.stat(place.path)
            except OSError:
                continue
            passed = all(
                place.path not in paths or self._ends_at(place, position)
                for position, paths in zip(positions, unread, strict=True)
            )
            stocks.append(Stock(place, stat.st_size, stat.st_mtime_ns // 1_000_000, passed))
        return stocks

    def _ends_at(self, place: Place, position: Position) -> bool:
        """Whether `position` is in this boot and no event of the segment comes behind it."""
        if place.boot != position.boot:
            return False
        if place.path not in self._ends:
            try:
                records = load(place).records
            except OSError:
                return False
            self._ends[place.path] = records[-1].event.seq if records else place.first_seq - 1
        return self._ends[place.path] <= position.seq

    def _planned(self, step: Step, places: list[Place]) -> Plan | None:
        """What to do about events that not every sink has; None if nothing is to be done after all. Raises OSError."""
        place = step.stock.place
        content = load(place)
        if content.damaged:
            self.suspect(place.path)
        gone, kept = content.records, None
        if step.what == THIN:
            kept = thin(content.records, step.keep_one_of)
            left = {record.event.seq for record in kept}
            gone = [record for record in content.records if record.event.seq not in left]
            if sum(len(record.text) for record in gone) <= _LEAST_SAVING * step.stock.size:
                self._thinned.add((place.path, step.keep_one_of))
                return None
        slowest = self._slowest(place, places)
        missed = [record.event for record in gone if record.event.seq > slowest]
        if not missed:
            self._replace(place, kept)
            return None
        reason = "thinned" if step.what == THIN else "dropped"
        gaps = gaps_for(reason, _WORDS[reason], place.boot_no, place.boot, missed)
        words = f"{place.path}: {_WORDS[reason]} ({gaps[-1]['health']} health, {gaps[-1]['lifecycle']} others)"
        return Plan(place.path, gaps, lambda: self._replace(place, kept), words)

    def _slowest(self, place: Place, places: list[Place]) -> int:
        """The last sequence of this boot that every sink has; 0 if one has none."""
        seqs = [1 << 62]
        for name in self.sinks:
            position = self._cursors.get(name)
            if position.boot == place.boot:
                seqs.append(position.seq)
            elif position == START or place in after(places, position, self._shelf.running):
                seqs.append(0)
        return min(seqs)

    def _perform(self, plan: Plan) -> bool:
        self.plan = None
        try:
            plan.work()
        except FileNotFoundError:
            return True
        except OSError as error:
            self._refuse(f"{plan.path} cannot be changed: {error.strerror}")
            # Thinning finds no room for what would make room: the next best must do.
            self._failed |= {(plan.path, keep_one_of) for keep_one_of in KEEP_OF_HEALTH}
            if plan.gaps[-1]["reason"] != "thinned":
                self._rest(self._clock.mono_ms())
            return False
        self._say(plan.words)
        return True

    def _replace(self, place: Place, kept: list[Record] | None) -> None:
        if kept is None:
            os.unlink(place.path)
            sync_directory(os.path.dirname(place.path))
        else:
            replace(place, kept)

    def _delete(self, place: Place) -> bool:
        os.unlink(place.path)
        return True

    def _refuse(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._say(words)
