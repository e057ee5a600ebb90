"""Doing what retention decides and repairing what is damaged, so that a kill between any two steps loses no declaration.

Where events that nobody has yet must go, the order is: PID 1 journals the gap event, that is synced, and only then is the
file replaced or removed.
"""

from __future__ import annotations

import os

from ww.events.declaring import gap_of
from ww.events.model import HEALTH
from ww.events.position import START
from ww.events.quarantine import set_aside
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
_LEAST_SAVING = 0.02
_WORDS = {
    "thinned": "health events that no sink had taken were thinned to keep the journal within its bounds",
    "dropped": "events that no sink had taken were deleted to keep the journal within its bounds",
}


class Plan(Value):
    """What will be done to `place` once the journal holds `gap`: its records become `kept`, or (None) it goes."""

    __slots__ = ("gap", "kept", "place")

    def __init__(self, place: Place, gap: JsonObject, kept: list[Record] | None) -> None:
        self.place = place
        self.gap = gap
        self.kept = kept


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
        self._suspects: dict[str, None] = {}
        self._examined: set[str] = set()
        self._thinned: set[tuple[str, int]] = set()
        self._failed: set[tuple[str, int]] = set()
        """What was tried in this round and found no room."""
        self._ends: dict[str, int] = {}
        self._said: set[str] = set()

    def wake(self) -> None:
        """A segment was completed: look soon."""
        self._due_ms = 0

    def suspect(self, path: str) -> None:
        """The segment at `path` may be damaged."""
        if path not in self._examined:
            self._suspects[path] = None
            self._due_ms = 0

    def step(self, sync: Callable[[], bool]) -> bool:
        """One step, if one is due; true if another may follow at once. `sync` makes what is journalled by now durable."""
        if self.plan is not None:
            return self._declarations.declared(self.plan.gap) and sync() and self._perform(self.plan)
        now_ms = self._clock.mono_ms()
        if now_ms < self._due_ms:
            return False
        past = self._past()
        return self._repair(past) or self._retain(past) or self._rest(now_ms)

    def _rest(self, now_ms: int) -> bool:
        self._due_ms = now_ms + EVERY_MS
        self._thinned = {(path, keep_one_of) for path, keep_one_of in self._thinned if os.path.exists(path)}
        self._failed.clear()
        return False

    def _past(self) -> list[Place]:
        """The segments that nobody writes any more, oldest first."""
        places = self._shelf.places()
        boots = [place.boot for place in places]
        if self._shelf.running in boots:
            del places[len(boots) - 1 - boots[::-1].index(self._shelf.running)]
        elif not self._shelf.running:
            del places[-1:]
        return places

    # Damage

    def _repair(self, past: list[Place]) -> bool:
        for index, place in enumerate(past):
            if place.path not in self._suspects:
                continue
            del self._suspects[place.path]
            self._examined.add(place.path)
            more = index + 1 < len(past) and past[index + 1].boot == place.boot
            try:
                aside = set_aside(place, torn_too=more)
            except OSError as error:
                self._refuse(f"{place.path} is damaged and cannot be set aside: {error.strerror}")
                continue
            if aside:
                self._say(f"{place.path} was damaged: what is good in it was kept, the file is {aside} now")
                return True
        return False

    # Space

    def _retain(self, past: list[Place]) -> bool:
        step = next_step(self._stocks(past), self._limits, self._clock.wall_ms(), self._thinned | self._failed)
        if step is None:
            return False
        place = step.stock.place
        try:
            if step.what == DELETE:
                return self._delete(place)
            self.plan = self._planned(step)
        except FileNotFoundError:
            return True
        except OSError as error:
            self._refuse(f"{place.path} cannot be made smaller: {error.strerror}")
            return False
        return True

    def _stocks(self, past: list[Place]) -> list[Stock]:
        places = self._shelf.places()
        positions = [self._cursors.get(name) for name in self.sinks]
        unread = [{place.path for place in after(places, position)} for position in positions]
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

    def _planned(self, step: Step) -> Plan | None:
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
        slowest = self._slowest(place)
        missed = [record.event for record in gone if record.event.seq > slowest]
        if not missed:
            self._replace(place, kept)
            return None
        reason = "thinned" if step.what == THIN else "dropped"
        health = sum(event.kind == HEALTH for event in missed)
        gap = gap_of(reason, place.boot_no, place.boot, missed[0].seq, missed[-1].seq)
        gap |= {"health": health, "lifecycle": len(missed) - health, "words": _WORDS[reason]}
        return Plan(place, gap, kept)

    def _slowest(self, place: Place) -> int:
        """The last sequence of this boot that every sink has; 0 if one has none."""
        places = self._shelf.places()
        seqs = [1 << 62]
        for name in self.sinks:
            position = self._cursors.get(name)
            if position.boot == place.boot:
                seqs.append(position.seq)
            elif position == START or place in after(places, position):
                seqs.append(0)
        return min(seqs)

    def _perform(self, plan: Plan) -> bool:
        self.plan = None
        try:
            self._replace(plan.place, plan.kept)
        except FileNotFoundError:
            return True
        except OSError as error:
            self._refuse(f"{plan.place.path} cannot be made smaller: {error.strerror}")
            if plan.kept is not None:
                # There is no room for what would make room: the next best must do.
                self._failed |= {(plan.place.path, keep_one_of) for keep_one_of in KEEP_OF_HEALTH}
            else:
                self._rest(self._clock.mono_ms())
            return False
        self._say(
            f"{plan.place.path}: {plan.gap['words']} ({plan.gap['health']} health, {plan.gap['lifecycle']} others)"
        )
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
