"""Scenarios that call the sink themselves: a good day, repetitions, and a receiver in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.sinks.base import Accepted, Rejected, RetryAfter
from ww.sinks.conformance import events, verdict
from ww.sinks.conformance.bench import DENIED, DOWN, PARTIAL
from ww.sinks.conformance.stage import accepted_of, keys_of, newest_state, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.sinks.base import Answer, Item
    from ww.sinks.conformance.probe import Probe
    from ww.sinks.conformance.stage import Stage

_BATCH = 10
_SHORT_S = 0.05
_TROUBLE_S = 1.0


def quiet(stage: Stage) -> None:
    """Nothing happens: three batches arrive, in order, once."""
    probe = stage.probe()
    items = stage.items(3 * _BATCH)
    for start in range(0, len(items), _BATCH):
        if not stage.deliver_well(probe, items[start : start + _BATCH]):
            stage.result.hopeless = True
            return
    if words := probe.reach():
        stage.blame(verdict.BLIND, f"reach says {words!r} of a receiver that takes events")
    found = stage.stored(keys_of(items))
    if found and found == [newest_state(items)]:
        stage.keeps_state = True
        stage.result.said = "the latest state is there"
    else:
        stage.expect(items, "after a quiet run")
        first = list(dict.fromkeys(found))
        if set(first) == set(keys_of(items)) and first != keys_of(items):
            wrong = next(there for there, sent in zip(first, keys_of(items), strict=True) if there != sent)
            stage.blame(verdict.REORDERS, f"{told([wrong])} arrived before those that were sent before it")
        stage.result.said = f"{len(items)} events in order"
    probe.close()


def again(stage: Stage) -> None:
    """What was sent is sent again: by the same sink, by another one, and mixed with what is new."""
    items = stage.items(2 * _BATCH)
    half = _BATCH // 2
    probe = stage.probe()
    stage.deliver_well(probe, items[:_BATCH])
    stage.deliver_well(probe, items[:_BATCH])
    probe.close()
    other = stage.probe()
    stage.deliver_well(other, items[:_BATCH])
    stage.deliver_well(other, items[half:])
    other.close()
    stage.expect(items, "after they were sent again")
    stage.result.said = "sent again, stored once"


def backwards(stage: Stage) -> None:
    """Older events after newer ones: what a receiver asked for, and what another boot has left."""
    earlier, items = stage.items(4, events.EARLIER_BOOT), stage.items(2 * _BATCH)
    probe = stage.probe()
    for part in (items[_BATCH:], items[:_BATCH], earlier):
        stage.deliver_well(probe, part)
    probe.close()
    stage.expect([*earlier, *items], "after older events were sent behind newer ones")
    stage.result.said = "older ones behind newer ones"


def odd(stage: Stage) -> None:
    """Long, deep and strange events: taken or refused, each by itself."""
    journal = events.journal(f"{stage.directory}/journal-odd")
    events.odd(journal)
    journal.close()
    items = events.items(f"{stage.directory}/journal-odd")
    probe = stage.probe()
    answers = probe.deliver_all(items, patience_s=1.0)
    plain = {item.seq for item in items} - {2, 3, 4, 5}
    for item in items:
        _judge_odd(stage, item, answers[item.boot, item.seq], plain=item.seq in plain)
    stage.expect(accepted_of(items, answers), "after a batch with odd events")
    refused = [key for key, answer in answers.items() if isinstance(answer, Rejected)]
    stage.result.said = f"{told(refused)} refused, with a reason" if refused else "all taken"
    probe.close()


def _judge_odd(stage: Stage, item: Item, answer: Answer, *, plain: bool) -> None:
    key = (item.boot, item.seq)
    if isinstance(answer, RetryAfter):
        stage.blame(verdict.HOLDS_UP, f"{told([key])} of a batch with odd ones never ends: {answer.reason}")
    elif isinstance(answer, Rejected) and plain:
        stage.blame(verdict.PARTIAL, f"{told([key])} rejected for its neighbours: {answer.reason}")
    elif isinstance(answer, Rejected) and not answer.reason:
        stage.blame(verdict.ANSWERS, f"{told([key])} rejected without a reason")


def partial(stage: Stage) -> None:
    """The receiver takes all but two."""
    items = stage.items(_BATCH)
    bad = keys_of([items[3], items[6]])
    probe = stage.probe()
    # First what makes the receiver have its tables, indexes or whatever the sink makes there.
    stage.deliver_well(probe, stage.items(3, events.EARLIER_BOOT))
    stage.bench.inject(PARTIAL, bad)
    answers = probe.deliver_all(items, patience_s=1.0, well=False)
    for item in items:
        if not stage.keeps_state or (item.boot, item.seq) in bad:
            _judge_part(stage, item, answers[item.boot, item.seq], bad=(item.boot, item.seq) in bad)
    good = [item for item in accepted_of(items, answers) if (item.boot, item.seq) not in bad]
    found = set(stage.stored(keys_of(good)))
    if not stage.keeps_state and (lost := [key for key in keys_of(good) if key not in found]):
        stage.blame(verdict.PARTIAL, f"{told(lost)} answered Accepted, and not there")
    stage.bench.heal()
    probe.close()
    stage.result.said = f"{told(bad)} refused, the others taken"


def _judge_part(stage: Stage, item: Item, answer: Answer, *, bad: bool) -> None:
    named = told([(item.boot, item.seq)])
    if isinstance(answer, RetryAfter):
        stage.blame(verdict.HOLDS_UP, f"{named} is tried again for ever{': ' * bool(answer.reason)}{answer.reason}")
    elif bad and isinstance(answer, Accepted):
        stage.blame(verdict.PARTIAL, f"{named} was refused by the receiver and answered Accepted")
    elif not bad and isinstance(answer, Rejected):
        stage.blame(verdict.PARTIAL, f"{named} was taken by the receiver and answered Rejected: {answer.reason}")
    elif bad and isinstance(answer, Rejected) and not answer.reason:
        stage.blame(verdict.ANSWERS, f"{named} rejected without a reason")


def short(stage: Stage) -> None:
    """Next to no time: back at once, and true all the same. Then ends that nobody waits for."""
    items = stage.items(_BATCH)
    probe = stage.probe()
    answers = dict(zip(keys_of(items), probe.deliver(items, _SHORT_S, well=False), strict=True))
    stage.expect(accepted_of(items, answers), f"after a delivery in {_SHORT_S:g} s")
    stage.deliver_well(probe, items)
    probe.close()
    stage.probe().close()
    stage.expect(items, "after a delivery that was cut short")
    stage.result.said = "back in time"


def trouble(stage: Stage, fault: str) -> None:
    """The receiver is down, slow, busy, full or refuses our credentials, and then well again."""
    items = stage.items(2 * _BATCH)
    half = _BATCH // 2
    before, during, after = items[:half], items[half:_BATCH], items[_BATCH:]
    probe = stage.probe()
    stage.deliver_well(probe, before)
    stage.bench.inject(fault)
    taken = [*_in_trouble(stage, probe, during, fault), *_in_trouble(stage, probe, during, fault)]
    fresh = stage.probe()
    taken += _in_trouble(stage, fresh, during, fault)
    fresh.close()
    stage.bench.heal()
    stage.expect([*before, *taken], f"once the receiver is no longer {fault}")
    left = [item for item in during if item not in taken]
    if stage.deliver_well(probe, left) and stage.deliver_well(probe, after):
        stage.expect(items, f"after the receiver was {fault}")
    probe.close()
    stage.result.said = "waited, and nothing lost"


def _in_trouble(stage: Stage, probe: Probe, items: Sequence[Item], fault: str) -> list[Item]:
    """Deliver while the receiver is in trouble; those accepted all the same."""
    words = probe.reach() if fault in (DOWN, DENIED) else "not asked"
    answers = dict(zip(keys_of(items), probe.deliver(items, _TROUBLE_S, well=False), strict=True))
    taken = accepted_of(items, answers)
    given_up = [key for key, answer in answers.items() if isinstance(answer, Rejected)]
    if given_up:
        stage.blame(verdict.GIVES_UP, f"{told(given_up)} rejected because the receiver was {fault}")
    if not words and not taken:
        stage.blame(verdict.BLIND, f'reach says "" of a receiver that is {fault}')
    return taken
