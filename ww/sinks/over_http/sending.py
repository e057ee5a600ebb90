"""One call of `deliver` of a sink that speaks HTTP: requests in order, halved where they must be, none after one that failed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from ww.clients.errors import ClientError
from ww.config.secrets import SecretError
from ww.sinks.base import Accepted, Advice, Rejected, RetryAfter
from ww.sinks.over_http.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.clients import http
    from ww.sinks.base import Answer, Item
    from ww.sinks.over_http.verdicts import Judgement


class Door(Protocol):
    """What a receiver looks like to its sink."""

    @property
    def batched(self) -> bool:
        """Whether several events go into one request."""

    @property
    def bisects(self) -> bool:
        """Whether what is refused is searched for the event that is to blame, to the last one."""

    def ask(self, items: Sequence[Item], deadline: float) -> http.Answer:
        """One request with these events. Raises ClientError, SecretError, and ValueError for a secret of no use."""

    def judge(self, answer: http.Answer) -> Judgement:
        """What an answer means for the whole request."""

    def read(self, items: Sequence[Item], answer: http.Answer) -> tuple[Sequence[Answer], Advice | None]:
        """What a 2xx says about each event, and asks for."""

    def simpler(self) -> bool:
        """Use the next simpler form from now on; False if there is none."""


class Sending:
    """What is still to come is not sent once something must be sent again."""

    def __init__(self, door: Door, deadline: float) -> None:
        self._door = door
        self._deadline = deadline
        self._blocked: RetryAfter | None = None
        self.advice: Advice | None = None

    def send(self, items: Sequence[Item], depth: int = 0) -> list[Answer]:
        """The answers for these events."""
        if len(items) > 1 and not self._door.batched:
            return [answer for item in items for answer in self.send([item], depth)]
        if self._blocked is None and time.monotonic() >= self._deadline:
            self._blocked = RetryAfter(None, "the time was up before it was sent")
        if self._blocked is not None:
            return [self._blocked] * len(items)
        try:
            answer = self._door.ask(items, self._deadline)
        except (ClientError, SecretError, ValueError) as error:
            return self._later(items, None, str(error))
        judgement = self._door.judge(answer)
        if judgement.verdict is not Verdict.TAKEN:
            return self._not_taken(items, judgement, depth)
        answers, advice = self._door.read(items, answer)
        if advice is not None:
            self._advise(advice)
        self._blocked = next((one for one in answers if isinstance(one, RetryAfter)), None)
        return list(answers)

    def _not_taken(self, items: Sequence[Item], judgement: Judgement, depth: int) -> list[Answer]:
        verdict, words = judgement.verdict, judgement.words
        if verdict is Verdict.ANOTHER_FORM and self._door.simpler():
            return self.send(items, depth)
        if verdict is Verdict.GONE:
            self._advise(Advice(stop=True))
        if verdict in (Verdict.LATER, Verdict.GONE, Verdict.ANOTHER_FORM):
            return self._later(items, judgement.after_s, words)
        if len(items) == 1:
            return [Accepted(duplicate=True) if verdict is Verdict.THERE else Rejected(words)]
        if verdict is Verdict.HALVE and depth and not self._door.bisects:
            return [Rejected(words)] * len(items)
        middle = len(items) // 2
        answers = [*self.send(items[:middle], depth + 1), *self.send(items[middle:], depth + 1)]
        if verdict is Verdict.SMALLER and all(isinstance(answer, Accepted) for answer in answers):
            # It was their number. Where one of them is rejected, that one was too large, and the others may go together.
            self._advise(Advice(max_events=len(items) - middle))
        return answers

    def _later(self, items: Sequence[Item], after_s: float | None, words: str) -> list[Answer]:
        self._blocked = RetryAfter(after_s, words)
        return [self._blocked] * len(items)

    def _advise(self, advice: Advice) -> None:
        before = self.advice or Advice()
        self.advice = Advice(
            max_events=_less(advice.max_events, before.max_events),
            max_bytes=_less(advice.max_bytes, before.max_bytes),
            interval_s=advice.interval_s or before.interval_s,
            stop=advice.stop or before.stop,
            want=before.want + advice.want,
        )


def _less(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit), default=None)
