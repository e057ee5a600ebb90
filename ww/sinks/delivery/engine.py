"""Delivery to one sink without its thread: what to do now, step by step, by a clock that is given.

Order comes first: a batch is worked until each of its events is accepted or rejected, and only then is more of the journal
read. The cursor passes finished events alone, so whatever ends this process, nothing is left out and little is sent twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ww.config.secrets import SecretError
from ww.sinks.base import Accepted, Rejected, RetryAfter
from ww.sinks.delivery.answers import Faulty, ask, short, wanted_of, words_of
from ww.sinks.delivery.backlog import NEVER, Backlog
from ww.sinks.delivery.backoff import LONGEST_ASKED_S, Backoff, asked
from ww.sinks.delivery.batch import Batch, cut
from ww.sinks.delivery.breaker import Breaker, Circuit
from ww.sinks.delivery.complaints import Complaints
from ww.sinks.delivery.counts import Counts
from ww.sinks.delivery.rate import ByteRate
from ww.sinks.delivery.wants import Wants

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.events.position import Position
    from ww.sinks.base import Advice, Answer, Sink
    from ww.sinks.delivery.batch import Entry
    from ww.sinks.delivery.options import DeliveryOptions
    from ww.sinks.delivery.ports import Ports

STOPPED_S = 3600.0
"""A receiver that wants nothing more is asked again with one event so seldom."""
LONGEST_INTERVAL_S = 300.0
"""What a receiver may ask health to wait for its company."""
_LATE_S = 0.5
"""How long after its deadline a call is counted as late."""
_AGAIN_IN_FLUSH_S = 0.1
_LEAST_IDLE_S = 0.1
_DISK_S = 1.0
"""When a journal that cannot be read is tried again."""


@dataclass(frozen=True, slots=True)
class Timing:
    """`now` is monotonic, in seconds; `chance` is random from 0 up to 1."""

    now: Callable[[], float]
    chance: Callable[[], float]


class Engine:
    """One sink's delivery. Confined to one thread, but for `flush` and what is read by `stats`."""

    def __init__(self, sink: Sink, options: DeliveryOptions, ports: Ports, timing: Timing) -> None:
        self._sink = sink
        self._options = options
        self._ports = ports
        self._now = timing.now
        self._backoff = Backoff(options.first_s, options.max_s, timing.chance)
        self.breaker = Breaker(options.breaker_failures, options.breaker_open_s)
        self._rate = ByteRate(options.max_bytes_per_s)
        self._wants = Wants(options.name, ports)
        self._backlog = Backlog(options, ports)
        self._extra = Batch()
        """What the receiver asked for again; it does not move the cursor."""
        self._limit = options.max_events
        """How many events a call gets: halved by refusals, doubled by success."""
        self._not_before = 0.0
        self._last_call = timing.now()
        self._flush_until: float | None = None
        self._unread = False
        """The journal could not be read when last tried."""
        self._flushes = 0
        self._hurried = 0
        self._urged = False
        """Somebody asked for a try now; the step that begins next takes it up."""
        self._eager = False
        """Since then something waits, and does so for no company."""
        self._settled = 0
        self._asked_until = 0.0
        self.counts = Counts()
        self.calling_since: float | None = None
        self.complaints = Complaints(options.name, ports, options.first_s)
        self.refused = False
        """The receiver wants nothing more."""
        self.partly = ""
        """Why it does not take now what is left of a batch that it took in part."""
        self.reached = not options.required

    # What the owner sees

    @property
    def cursor(self) -> Position:
        """Everything up to it is done."""
        return self._backlog.cursor

    @property
    def waiting(self) -> int:
        """Events that were read and have no final answer."""
        return len(self._backlog.batch.waiting()) + len(self._extra.waiting())

    @property
    def limit(self) -> int:
        """How many events the next call gets at most."""
        careful = self.refused or self.breaker.circuit is Circuit.HALF_OPEN
        return 1 if careful else min(self._limit, self._backlog.max_events)

    @property
    def settled(self) -> bool:
        """Whether nothing was left to do when last looked, and that was after the last flush was asked for."""
        return self._settled == self._flushes

    @property
    def hopeless(self) -> bool:
        """Whether the flush that is under way can achieve nothing more."""
        until = self._flush_until
        return until is None or self.refused or self._asked_until > until

    def retry_in_s(self) -> float:
        """Seconds until something is tried again; 0 if nothing is waited for."""
        now = self._now()
        return max(0.0, self._not_before - now, self.breaker.left_s(now))

    def flush(self, until: float) -> None:
        """From now on wait for nothing but the receiver, until that time; any thread may say so."""
        self._flush_until = until
        self._flushes += 1

    def urge(self) -> None:
        """Try now, whatever the backoff and the circuit say, and wait for no company; any thread may say so.

        The receiver's own wish (Retry-After) and the byte rate still hold, and so does every limit of time.
        """
        self._urged = True

    def step(self) -> float:
        """Do one thing; the seconds that may pass until the next step (0: at once; NEVER: until there is news)."""
        now = self._now()
        # Another thread may ask for a flush at any moment: what is read from here on is what it means.
        asked_for, flushing = self._flushes, self._flushing(now)
        if self._urged:
            self._urged = False
            self._eager = True
            self._hurry(now)
        if not self.reached:
            return self._reach(now)
        if flushing and self._hurried != asked_for:
            self._hurried = asked_for
            self._hurry(now)
        if self._not_before > now:
            return self._rest(self._not_before - now, now)
        open_s = self.breaker.wait_s(now)
        if open_s:
            return self._rest(open_s, now)
        batch = self._to_send(now, flushing or self._eager)
        if batch is None:
            self._eager = False
            if not self._unread and not self._backlog.batch.waiting():
                self._settled = asked_for
            return self._rest(self._backlog.patience_s(now, self.limit), now)
        entries = cut(batch.waiting(), self.limit, self._backlog.max_bytes)
        rate_s = 0.0 if flushing else self._rate.wait_s(now)
        if rate_s:
            return self._rest(rate_s, now)
        self._send(batch, entries, now)
        return 0.0

    # What to send

    def _to_send(self, now: float, at_once: bool) -> Batch | None:
        """What is to be sent now; None if nothing is, or if more is to come first."""
        if self._extra.waiting():
            return self._extra
        try:
            if self._wants and not at_once and not self._backlog.batch.waiting():
                self._extra.add(self._backlog.entries(self._wants.next(self._backlog.max_events)))
                self.counts.resent += len(self._extra)
                if self._extra.waiting():
                    return self._extra
            self._backlog.fill(now)
        except OSError as error:
            self._unread = True
            self._not_before = now + _DISK_S
            self.complaints.fails(f"the journal cannot be read: {error.filename or ''}: {error.strerror}", now)
            return None
        if self._unread:
            self._unread = False
            self.complaints.works(now)
        waiting_s = self._backlog.patience_s(now, self.limit)
        if waiting_s == NEVER or (waiting_s > 0 and not at_once):
            return None
        return self._backlog.begin()

    def _follow(self) -> None:
        """Let go of what is finished."""
        self._extra.passed()
        self._backlog.follow()

    # Sending

    def _send(self, batch: Batch, entries: list[Entry], now: float) -> None:
        items = [entry.item for entry in entries if entry.item is not None]
        size = sum(len(item.text) for item in items)
        self._rate.spend(size)
        self.counts.calls += 1
        self.counts.bytes += size
        deadline = now + self._options.timeout_s
        if self._flush_until is not None:
            deadline = min(deadline, max(self._flush_until, now))
        self.calling_since = now
        try:
            answers = ask(self._sink, items, deadline)
        except Faulty as fault:
            self._fault(short(str(fault)))
            answers = [RetryAfter(reason=str(fault))] * len(items)
            self._halve(len(items))
        finally:
            self._called(deadline)
        wanted = self._take_advice()
        self._settle(batch, entries, answers)
        self._follow()
        for boot, first, last in wanted:
            self._wants.add(boot, first, last, self.cursor)

    def _called(self, deadline: float) -> None:
        self.calling_since = None
        self._last_call = self._now()
        over_s = self._last_call - deadline
        if over_s > _LATE_S:
            self.counts.late += 1
            self.complaints.once("late", f"a call came back {over_s:.1f} s after its deadline")

    def _settle(self, batch: Batch, entries: list[Entry], answers: Sequence[Answer]) -> None:
        again: list[RetryAfter] = []
        for entry, answer in zip(entries, answers, strict=True):
            if isinstance(answer, RetryAfter):
                again.append(answer)
            else:
                self._finish(batch, entry, answer)
        self.counts.retried += len(again)
        if not again:
            self._worked()
            self._limit = min(self._limit * 2, self._options.max_events)
        elif len(again) < len(entries):
            self._worked()
            self._wait_for(again)
            self.partly = self._ports.mask(short(_reason(again)))
        elif all(answer.too_large is True for answer in again):
            self._refused_whole(batch, entries, again[0])
        else:
            self._failed(again)

    def _finish(self, batch: Batch, entry: Entry, answer: Accepted | Rejected) -> None:
        if isinstance(answer, Accepted):
            self.counts.delivered += 1
            self.counts.duplicates += bool(answer.duplicate)
        elif entry.item is not None:
            reason = self._ports.mask(short(answer.reason)) or "no reason given"
            self._ports.letters.put(entry.item, reason)
            self.counts.rejected += 1
            self.complaints.once(
                "rejected", f"the receiver rejects events: {reason}; they are kept in journal/rejected"
            )
        batch.finish(entry)

    def _refused_whole(self, batch: Batch, entries: list[Entry], answer: RetryAfter) -> None:
        """Too much at once: half as much, and what is too much alone goes where rejected events go."""
        if len(entries) == 1:
            self._finish(batch, entries[0], Rejected(f"too large, alone in its batch: {answer.reason}"))
        self._halve(len(entries))

    def _halve(self, count: int) -> None:
        self._limit = max(1, count // 2)

    def _worked(self) -> None:
        self.breaker.succeeded()
        self._backoff.reset()
        self.refused = False
        self.partly = ""
        self.complaints.works(self._now())

    def _failed(self, again: Sequence[RetryAfter]) -> None:
        now = self._now()
        self.counts.failures += 1
        if not any(asked(answer.seconds) for answer in again):
            # A receiver that says when to come again is there: its word is enough.
            self.breaker.failed(now)
        self._wait_for(again)
        self.complaints.fails(_reason(again), now)

    def _wait_for(self, again: Sequence[RetryAfter]) -> None:
        """Until the receiver wants to be asked again, or as long as the backoff says."""
        now = self._now()
        # "In no time" is no answer to when: a receiver that says so and fails again is not asked all the time.
        times = [min(found, LONGEST_ASKED_S) for answer in again if (found := asked(answer.seconds))]
        wanted = max(times, default=None)
        delay_s = self._backoff.delay_s(wanted)
        self._asked_until = now + wanted if wanted else 0.0
        if self.refused:
            delay_s = max(delay_s, STOPPED_S)
        elif self._flush_until is not None and wanted is None:
            delay_s = min(delay_s, _AGAIN_IN_FLUSH_S)
        self._not_before = now + delay_s

    # Flushing

    def _flushing(self, now: float) -> bool:
        if self._flush_until is not None and now >= self._flush_until:
            self._flush_until = None
        return self._flush_until is not None

    def _hurry(self, now: float) -> None:
        """What waits for a better moment has this one, unless the receiver named a later one."""
        if not self.refused:
            self._not_before = max(now, self._asked_until)
            self.breaker.hurry()

    # Between deliveries

    def _reach(self, now: float) -> float:
        """A required sink is to be reached before anything else."""
        if self._not_before > now:
            return self._not_before - now
        self.calling_since = now
        deadline = now + self._options.timeout_s
        try:
            words = str(self._sink.reach(deadline))
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            words = words_of(error)
        finally:
            self._called(deadline)
        self.reached = not words
        self._ports.reached(self._options.name, self.reached, self._ports.mask(short(words)))
        if words:
            self._not_before = self._now() + self._backoff.delay_s()
            self.complaints.fails(f"it is required and cannot be reached: {words}", self._now())
        else:
            self._worked()
        return 0.0

    def _rest(self, seconds: float, now: float) -> float:
        """Nothing to deliver for so long; a sink that keeps something alive is called meanwhile."""
        every = asked(self._sink.idle_s)
        if not every:
            return seconds
        due = self._last_call + max(every, _LEAST_IDLE_S) - now
        if due > 0:
            return min(seconds, due)
        self.calling_since = now
        deadline = now + self._options.timeout_s
        try:
            self._sink.idle(deadline)
        except SecretError as error:
            # It may come, or come back, at any time: no fault of the sink.
            self.complaints.once("secret", str(error))
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self._fault(f"idle raised {words_of(error)}")
        finally:
            self._called(deadline)
        return 0.0

    def _take_advice(self) -> list[tuple[str, int, int]]:
        """Heed it; the ranges that are wanted."""
        wanted: list[tuple[str, int, int]] = []
        for advice in self._ports.advised.take():
            ranges = wanted_of(advice)
            if ranges is None:
                self._fault(f"it advised what is no Advice: {short(type(advice).__name__)}")
            else:
                self._heed(advice)
                wanted += ranges
        return wanted

    def _heed(self, advice: Advice) -> None:
        """What the receiver asked for, within what the operator allows."""
        if (events := asked(advice.max_events)) is not None:
            self._backlog.max_events = max(1, min(int(events), self._options.max_events))
        if (size := asked(advice.max_bytes)) is not None:
            self._backlog.max_bytes = max(1, min(int(size), self._options.max_bytes))
        if (interval_s := asked(advice.interval_s)) is not None:
            self._backlog.interval_s = min(interval_s, LONGEST_INTERVAL_S)
        if advice.stop is True:
            self.refused = True
            self.complaints.once("stop", "the receiver wants nothing more of this instance; it is asked once an hour")

    # Words

    def _fault(self, words: str) -> None:
        self.counts.faults += 1
        self.complaints.once(words.split(":", 1)[0], f"the sink itself is at fault: {words}")


def _reason(again: Sequence[RetryAfter]) -> str:
    """The first reason of them."""
    return next((str(answer.reason) for answer in again if answer.reason), "the receiver does not take it now")
