"""What a scenario works with: a bench of its own, events, sinks under observation, and what is said against them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ww.sinks.base import Accepted, Rejected
from ww.sinks.conformance import events, verdict
from ww.sinks.conformance.probe import Probe, Words
from ww.sinks.conformance.settings import complete

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ww.sinks.base import Answer, Item
    from ww.sinks.conformance.bench import Bench, Key
    from ww.sinks.conformance.verdict import Result

_POLL_S = 0.02
_SHOWN = 4


class Stage:
    """One scenario. `keeps_state`: the receiver is known to hold the latest state, and not the events."""

    def __init__(self, bench: Bench, reference: str, directory: str, result: Result, *, keeps_state: bool) -> None:
        self.bench = bench
        self.reference = reference
        self.directory = directory
        self.result = result
        self.keeps_state = keeps_state
        self.words = Words()
        self._secrets = dict(bench.secrets())

    def blame(self, name: str, what: str) -> None:
        """Say what is wrong, each thing once."""
        fault = verdict.Fault(name, self.result.name, what)
        if fault not in self.result.faults:
            self.result.faults.append(fault)

    def items(self, count: int, boot: str = events.BOOT) -> list[Item]:
        """The first events of a boot."""
        place = self.journal() if boot == events.BOOT else os.path.join(self.directory, "journal-earlier")
        if not os.path.exists(place):
            journal = events.journal(place, boot, boot_no=int(boot[-2:], 16))
            events.fill(journal, count)
            journal.close()
        return events.items(place, boot)[:count]

    def journal(self) -> str:
        """The directory of the journal."""
        return os.path.join(self.directory, "journal")

    def probe(self) -> Probe:
        """A new sink on the same receiver."""
        settings = complete(self.bench.type, self.bench.settings())
        return Probe(self.bench.type, settings, self._secrets, self.words, self.blame)

    def deliver_well(self, probe: Probe, items: Sequence[Item]) -> bool:
        """Deliver to a receiver that is well: all of it has to be taken, and whether it was."""
        answers = probe.deliver_all(items)
        left = [key for key, answer in answers.items() if not isinstance(answer, Accepted)]
        if left and not any(fault.name in (verdict.ANSWERS, verdict.RAISES) for fault in self.result.faults):
            rejected = any(isinstance(answer, Rejected) for answer in answers.values())
            why = f": {probe.reasons[-1]}" if probe.reasons else ""
            name = verdict.REFUSES if rejected else verdict.STAYS_DOWN
            self.blame(name, f"{told(left)} not taken by a receiver that is well{why}")
        return not left

    # What is there

    def stored(self, expected: Iterable[Key]) -> list[Key]:
        """What the receiver holds, once all that is expected is there or could be."""
        wanted = set(expected)
        give_up = time.monotonic() + self.bench.settle_s
        while True:
            found = [(str(boot), int(seq)) for boot, seq in self.bench.stored()]
            if wanted <= set(found) or time.monotonic() > give_up:
                return found
            time.sleep(_POLL_S)

    def expect(self, accepted: Sequence[Item], when: str) -> None:
        """What was accepted is there, and nothing is there twice."""
        if self.keeps_state:
            self._expect_state(accepted, when)
            return
        keys = keys_of(accepted)
        found = self.stored(keys)
        if lost := [key for key in keys if key not in set(found)]:
            self.blame(verdict.LOSES, f"{told(lost)} accepted, and not there {when}")
        if double := sorted({key for key in found if found.count(key) > 1}):
            self.blame(verdict.DUPLICATES, f"{told(double)} there more than once {when}")

    def _expect_state(self, accepted: Sequence[Item], when: str) -> None:
        newest = newest_state(accepted)
        found = self.stored([newest] if newest else [])
        # A newer one than was answered for is right: a process may be killed between the receiver's word and its own.
        if newest is not None and (not found or found[-1] < newest):
            there = told(found[-1:]) if found else "nothing"
            name = verdict.GOES_BACK if found else verdict.LOSES
            self.blame(name, f"the state there is that of {there}, not of {told([newest])}, {when}")

    def finish(self) -> None:
        """The last of it: none of the words may hold a secret."""
        for leak in self.words.leaks(self._secrets):
            self.blame(verdict.LEAKS, leak)


def keys_of(items: Iterable[Item]) -> list[Key]:
    """Their keys."""
    return [(item.boot, item.seq) for item in items]


def accepted_of(items: Sequence[Item], answers: Mapping[Key, Answer]) -> list[Item]:
    """Those that were accepted."""
    return [item for item in items if isinstance(answers.get((item.boot, item.seq)), Accepted)]


def newest_state(items: Iterable[Item]) -> Key | None:
    """The key of the latest state; boots of the kit sort by their age."""
    return max((key for item in items for key in keys_of([item]) if item.kind == "state"), default=None)


def told(keys: Sequence[Key]) -> str:
    """Events for people: `event 3`, `events 3, 5`, `events 1, 2, 3, 4 and 6 more`."""
    shown = ", ".join(str(seq) + ("" if boot == events.BOOT else " of an earlier boot") for boot, seq in keys[:_SHOWN])
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"event{'s' * (len(keys) != 1)} {shown}{more}"
