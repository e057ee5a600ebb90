"""What tests of single sinks share: events from a real journal, a sink made as the reporter makes it, deadlines."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ww.sinks.base import Accepted, Answer, Item, Sink, SinkType
from ww.sinks.conformance import events
from ww.sinks.conformance.probe import context_of
from ww.sinks.conformance.settings import complete

if TYPE_CHECKING:
    from ww.types import Json


_OPEN: list[Sink] = []


def some_items(place: Path, count: int, boot: str = events.BOOT) -> list[Item]:
    """The first `count` events of a boot, in the journal `place`."""
    journal = events.journal(str(place / f"journal-{boot[-2:]}"), boot, int(boot[-2:], 16))
    events.fill(journal, count)
    journal.close()
    return events.items(str(place / f"journal-{boot[-2:]}"), boot)


def made(type_: SinkType, settings: Mapping[str, Json], secrets: Mapping[str, str] | None = None) -> Sink:
    """The sink, open until `close_all`; `secrets` may be changed while it lives."""
    sink = type_.make(complete(type_, settings), context_of(secrets or {}, lambda _: None, lambda _: None))
    _OPEN.append(sink)
    return sink


def close_all() -> None:
    """At the end of a test."""
    while _OPEN:
        _OPEN.pop().close(soon())


def soon(seconds: float = 5.0) -> float:
    """A deadline."""
    return time.monotonic() + seconds


def all_accepted(answers: object, duplicate: bool = False) -> bool:
    """Whether every answer is Accepted, new or not as is said."""
    return isinstance(answers, list) and set(answers) == {Accepted(duplicate)}


def reasons(answers: object) -> set[str]:
    """What the answers say of why not."""
    assert isinstance(answers, list)
    return {reason_of(answer) for answer in answers}


def reason_of(answer: Answer) -> str:
    return "" if isinstance(answer, Accepted) else answer.reason
