"""What a sink said of a batch, made sure of: an answer for each event, or in words what is wrong with the sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.config.secrets import SecretError
from ww.sinks.base import Accepted, Advice, Rejected, RetryAfter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.sinks.base import Answer, Item, Sink

LONGEST_WORDS = 500


class Faulty(Exception):
    """The sink broke its contract: the message says how. What it was given counts as not delivered."""


def ask(sink: Sink, items: Sequence[Item], deadline: float) -> list[Answer]:
    """The answers of `sink`, one for each item. Raises Faulty."""
    try:
        answers = list(sink.deliver(items, deadline))
    except SecretError as error:
        # The secret may come, or come back, at any time: no fault of the sink.
        return [RetryAfter(reason=str(error))] * len(items)
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, asyncio's CancelledError too
        raise Faulty(f"it raised {words_of(error)}") from None
    if len(answers) != len(items):
        raise Faulty(f"it gave {len(answers)} answers for {len(items)} events")
    for answer in answers:
        if not isinstance(answer, Accepted | RetryAfter | Rejected):
            raise Faulty(f"it answered with {type(answer).__name__}, which is none of Accepted, RetryAfter, Rejected")
    return answers


def wanted_of(advice: object) -> list[tuple[str, int, int]] | None:
    """The ranges that an advice wants again; None for what a plugin may have put there instead of an advice."""
    if not isinstance(advice, Advice) or not isinstance(want := _untyped(advice.want), tuple | list):
        return None
    ranges = []
    one: object
    for one in want:
        if not (isinstance(one, tuple | list) and len(one) == 3):
            return None
        boot, first, last = one
        if not (isinstance(boot, str) and type(first) is int and type(last) is int):
            return None
        ranges.append((boot, first, last))
    return ranges


def _untyped(value: object) -> object:
    return value


def words_of(error: BaseException) -> str:
    """An exception in one short line."""
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - its own __str__ is a plugin's too
        text = f"(it cannot be shown: {type(broken).__name__})"
    words = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return short(words)


def short(text: object) -> str:
    """One line of it, cut."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST_WORDS else f"{line[: LONGEST_WORDS - 2]} …"
