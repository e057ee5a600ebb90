"""Delivery to one sink, step by step by a clock that the test moves."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

import pytest

from tests.support.sinktwins import Scripted, World, accept
from ww.config.secrets import SecretError
from ww.events.position import Position
from ww.sinks.base import Accepted, Advice, Rejected, RetryAfter
from ww.sinks.delivery.complaints import LineLimit
from ww.sinks.delivery.engine import LONGEST_INTERVAL_S


def retry(seconds=None, reason="no"):
    return lambda batch, _: [RetryAfter(seconds, reason)] * len(batch)


def raising(error):
    def answer(batch, _):
        raise error

    return answer


def by_seq(**answers):
    """Answers by sequence (`s3=Rejected("x")`), accepted otherwise."""
    return lambda batch, _: [answers.get(f"s{item.seq}", Accepted()) for item in batch]


def seqs(call):
    return [seq for _, seq in call]


@pytest.mark.rule("D-delivery-order")
def test_events_are_delivered_in_order_in_batches_of_the_size_allowed():
    world = World(options={"max_events": 4})
    world.journal.add(2, boot="boot1", boot_no=1)
    world.journal.add(7)
    world.run(1)
    assert [seqs(call) for call in world.sink.calls] == [[1, 2, 1, 2], [3, 4, 5, 6], [7]]
    assert world.cursor == (2, 7)


@pytest.mark.rule("D-delivery-batches")
def test_a_batch_ends_where_its_bytes_do_and_one_event_too_long_goes_alone():
    world = World(options={"max_bytes": 1500})
    world.journal.add(3)
    world.journal.add(1, words="x" * 5000)
    world.journal.add(1)
    world.run(1)
    assert [seqs(call) for call in world.sink.calls] == [[1, 2, 3], [4], [5]]


@pytest.mark.rule("D-delivery-batches")
def test_an_event_waits_for_company_and_no_longer():
    world = World(options={"wait_s": 2.0})
    world.journal.add(1)
    world.run(1)
    world.journal.add(1)
    world.run(0.9)
    assert world.sink.calls == []
    world.run(0.2)
    assert [seqs(call) for call in world.sink.calls] == [[1, 2]]


@pytest.mark.rule("D-delivery-batches")
def test_kinds_that_are_not_wanted_are_passed_over_and_hold_up_nothing():
    world = World(options={"kinds": frozenset({"state"})})
    world.journal.add(1200)
    world.journal.add(1, kind="state", state="UP")
    world.journal.add(3)
    world.run(1)
    assert [seqs(call) for call in world.sink.calls] == [[1201]]
    assert world.cursor == (2, 1204)


@pytest.mark.rule("D-delivery-answers")
def test_only_what_was_not_taken_is_sent_again_and_the_cursor_waits_for_it():
    world = World(Scripted([by_seq(s2=RetryAfter(5), s4=RetryAfter(3))]), options={"max_events": 5})
    world.journal.add(6)
    world.run(1)
    assert [seqs(call) for call in world.sink.calls] == [[1, 2, 3, 4, 5]]
    assert world.cursor == (2, 1)
    world.run(10)
    assert [seqs(call) for call in world.sink.calls[1:]] == [[2, 4], [6]]
    assert world.cursor == (2, 6)


@pytest.mark.rule("D-delivery-dead-letter")
def test_what_the_receiver_rejects_is_kept_with_its_reason_and_passed():
    world = World(Scripted([by_seq(s2=Rejected("no such field, password hunter2"))]))
    world.journal.add(3)
    world.run(1)
    assert world.folder.kept == [("boot2", 2, "no such field, password ***")]
    assert world.cursor == (2, 3)
    assert len(world.sink.calls) == 1
    assert (world.engine.counts.delivered, world.engine.counts.rejected) == (2, 1)


@pytest.mark.rule("D-delivery-backoff")
def test_failures_are_tried_again_with_full_jitter_up_to_the_bound():
    world = World(Scripted([retry()] * 7), {"first_s": 1.0, "max_s": 8.0, "breaker_failures": 100}, chance=0.5)
    world.journal.add(1)
    times = []
    for _ in range(7):
        before = len(world.sink.calls)
        while len(world.sink.calls) == before:
            world.now += world.step()
        times.append(world.now)
    assert [round(after - before, 3) for before, after in pairwise(times)] == [0.5, 1, 2, 4, 4, 4]


@pytest.mark.rule("D-delivery-retry-after")
@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [(7, 7.0, 8.0), (0, 0.0, 1.0), (86400, 900.0, 901.0), (math.nan, 0, 1), (-3, 0, 1), ("soon", 0, 1), (True, 0, 1)],
)
def test_what_the_receiver_asks_for_is_honoured_within_reason(asked, least, most):
    world = World(Scripted([retry(asked)]), {"first_s": 1.0}, chance=0.999)
    world.journal.add(1)
    world.run(0.1)
    assert len(world.sink.calls) == 1
    assert least <= world.engine.retry_in_s() <= most
    world.run(least * 0.99)
    assert len(world.sink.calls) == 1 or not least
    world.run(most)
    assert world.cursor == (2, 1)


@pytest.mark.rule("D-delivery-breaker")
def test_a_receiver_that_fails_is_left_alone_and_then_tried_with_one_event():
    world = World(
        Scripted([retry()] * 3), {"breaker_failures": 3, "breaker_open_s": 30.0, "first_s": 0.1, "max_s": 0.1}
    )
    world.journal.add(10)
    world.run(29)
    assert [len(call) for call in world.sink.calls] == [10, 10, 10]
    assert world.engine.breaker.circuit.value == "open"
    assert 1 <= world.engine.retry_in_s() <= 1.3, "what is left of 30 s"
    world.run(2)
    assert [len(call) for call in world.sink.calls[3:]] == [1, 9]
    assert world.cursor == (2, 10)


@pytest.mark.rule("D-delivery-breaker")
def test_a_failed_trial_opens_the_breaker_again_at_once():
    world = World(
        Scripted([retry()] * 4), {"breaker_failures": 3, "breaker_open_s": 30.0, "first_s": 0.1, "max_s": 0.1}
    )
    world.journal.add(10)
    world.run(59)
    assert [len(call) for call in world.sink.calls] == [10, 10, 10, 1]
    world.run(3)
    assert world.cursor == (2, 10)


@pytest.mark.rule("D-delivery-breaker", "D-delivery-retry-after")
def test_a_receiver_that_says_when_to_come_again_is_not_left_alone_for_longer():
    world = World(Scripted([retry(1)] * 20), {"breaker_failures": 3, "breaker_open_s": 600.0, "first_s": 0.01})
    world.journal.add(10)
    world.run(30)
    assert world.engine.breaker.circuit.value == "closed"
    assert world.cursor == (2, 10)


@pytest.mark.rule("D-delivery-rate")
def test_bytes_per_second_are_bounded_over_time():
    world = World(options={"max_bytes_per_s": 1000.0, "max_events": 1})
    world.journal.add(100)
    world.run(10)
    assert 10_000 <= world.engine.counts.bytes <= 12_000
    world.run(30)
    assert world.cursor == (2, 100)


@pytest.mark.rule("D-delivery-halving")
def test_a_batch_that_is_too_large_is_halved_at_once_and_grows_again():
    def at_most_three(batch, _):
        return [Accepted() if len(batch) <= 3 else RetryAfter(None, "413", too_large=True)] * len(batch)

    world = World(Scripted([at_most_three] * 8), {"max_events": 16, "first_s": 60.0})
    world.journal.add(16)
    world.run(1)
    assert world.cursor == (2, 16)
    assert [len(call) for call in world.sink.calls][:4] == [16, 8, 4, 2]
    assert world.engine.counts.failures == 0


@pytest.mark.rule("D-delivery-halving")
def test_an_event_that_is_too_large_alone_is_rejected():
    def never_five(batch, _):
        return [RetryAfter(None, "too much", too_large=True) if any(i.seq == 5 for i in batch) else Accepted()] * len(
            batch
        )

    world = World(Scripted([never_five] * 100), {"max_events": 8})
    world.journal.add(8)
    world.run(1)
    assert [key[1] for key in world.folder.kept] == [5]
    assert sorted(seqs(world.sink.accepted)) == [1, 2, 3, 4, 6, 7, 8]
    assert world.cursor == (2, 8)


@pytest.mark.rule("D-delivery-faults")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (raising(RuntimeError("no idea, hunter2")), "it raised RuntimeError: no idea, ***"),
        (raising(SystemExit(3)), "it raised SystemExit: 3"),
        (lambda *_: [Accepted()], "it gave 1 answers for 4 events"),
        (lambda *_: [Accepted()] * 9, "it gave 9 answers for 4 events"),
        (lambda batch, _: ["ok"] * len(batch), "it answered with str"),
        (lambda *_: None, "TypeError"),
    ],
)
def test_a_sink_that_breaks_its_contract_is_named_once_and_loses_nothing(fault, words):
    world = World(Scripted([fault] * 3), {"first_s": 0.1, "max_s": 0.1})
    world.journal.add(4)
    world.run(5)
    assert world.cursor == (2, 4)
    # Halved, so that a single event that it stumbles over would be found.
    assert [len(call) for call in world.sink.calls][:3] == [4, 2, 1] or "answers for" in words
    faults = [line for line in world.said if "the sink itself is at fault" in line]
    assert len(faults) >= 1
    assert words in faults[0]
    assert len(set(faults)) == len(faults)
    assert world.engine.counts.faults >= 1
    assert not any("hunter2" in line for line in world.said)


@pytest.mark.rule("D-delivery-faults")
def test_a_secret_that_is_not_there_yet_is_no_fault_of_the_sink():
    world = World(Scripted([raising(SecretError("cannot resolve the $secret reference token"))]))
    world.journal.add(1)
    world.run(60)
    assert world.engine.counts.faults == 0
    assert any("reference token" in line for line in world.said)
    assert world.cursor == (2, 1)


@pytest.mark.rule("D-delivery-deadline")
def test_every_call_has_a_deadline_and_one_that_comes_back_late_is_counted():
    deadlines = []

    def slow(batch, deadline):
        deadlines.append(deadline - world.now)
        world.now += 12.0
        return [Accepted()] * len(batch)

    world = World(Scripted([slow]), {"timeout_s": 10.0})
    world.journal.add(1)
    world.run(20)
    assert deadlines == [10.0]
    assert world.engine.counts.late == 1
    assert any("2.0 s after its deadline" in line for line in world.said)


@pytest.mark.rule("D-delivery-words")
def test_an_outage_is_said_when_it_begins_and_when_it_is_over():
    world = World(Scripted([retry(reason="connection refused")] * 9), {"breaker_failures": 99})
    world.journal.add(1)
    world.run(1000)
    assert len(world.said) == 2
    assert world.said[0] == "warn: sink hub: cannot deliver, and goes on trying: connection refused"
    assert world.said[1].startswith("info: sink hub: delivers again after ")


@pytest.mark.rule("D-delivery-advice")
def test_a_receiver_may_ask_for_smaller_batches_and_never_for_larger_ones():
    world = World(options={"max_events": 6})
    world.sink.script = [lambda batch, d: (world.advice.put(Advice(max_events=2)), accept(batch, d))[1]]
    world.sink.script += [lambda batch, d: (world.advice.put(Advice(max_events=999)), accept(batch, d))[1]]
    world.journal.add(20)
    world.run(1)
    assert [len(call) for call in world.sink.calls] == [6, 2, 6, 6]


@pytest.mark.rule("D-delivery-advice")
def test_a_receiver_may_ask_health_to_wait_but_a_state_waits_for_nobody():
    world = World()
    world.advice.put(Advice(interval_s=60.0))
    world.journal.add(1)
    world.run(1)
    world.journal.add(1)
    world.run(50)
    assert len(world.sink.calls) == 1
    world.journal.add(1, kind="state", state="STOPPING")
    world.run(1)
    assert [seqs(call) for call in world.sink.calls] == [[1], [2, 3]]
    world.advice.put(Advice(interval_s=1e9))
    world.journal.add(1)
    world.run(61)
    world.journal.add(1)
    world.run(LONGEST_INTERVAL_S + 1)
    assert world.cursor == (2, 5)


@pytest.mark.rule("D-delivery-advice")
def test_a_receiver_that_wants_nothing_more_is_asked_once_an_hour_with_one_event():
    world = World()
    gone = lambda batch, _: (world.advice.put(Advice(stop=True)), [RetryAfter(None, "410")] * len(batch))[1]  # noqa: E731
    world.sink.script = [gone, gone]
    world.journal.add(5)
    world.run(3500)
    assert len(world.sink.calls) == 1
    world.run(200)
    assert [len(call) for call in world.sink.calls] == [5, 1]
    world.run(4000)
    assert world.cursor == (2, 5)


@pytest.mark.rule("D-delivery-want")
def test_what_a_receiver_misses_is_sent_once_more_and_what_is_gone_is_declared():
    world = World()
    world.journal.add(10)
    world.journal.gone = {("boot2", 4), ("boot2", 5)}
    ask = lambda batch, d: (world.advice.put(Advice(want=(("boot2", 3, 6), ("boot2", 9, 90)))), accept(batch, d))[1]  # noqa: E731
    world.sink.script = [ask, ask]
    world.run(1)
    assert [seqs(call) for call in world.sink.calls] == [list(range(1, 11)), [3, 6], [9, 10]]
    assert world.declared == [{"reason": "gone", "boot_no": 2, "boot": "boot2", "from": 4, "to": 5, "sink": "hub"}]
    assert world.cursor == (2, 10)
    assert world.engine.counts.resent == 4


@pytest.mark.rule("D-delivery-idle")
def test_idle_is_called_when_nothing_was_delivered_for_so_long():
    world = World()
    world.sink.idle_s = 5.0
    world.run(26)
    assert world.sink.idles == 5
    world.journal.add(1)
    world.run(4)
    assert world.sink.idles == 5
    world.run(2)
    assert world.sink.idles == 6


@pytest.mark.rule("D-delivery-idle")
def test_idle_is_called_in_an_outage_too():
    world = World(Scripted([retry(100)]))
    world.sink.idle_s = 10.0
    world.journal.add(1)
    world.run(99)
    assert world.sink.idles == 9


@pytest.mark.rule("D-delivery-flush")
def test_a_flush_waits_neither_for_company_nor_for_a_better_moment():
    world = World(Scripted([retry(), retry()]), {"wait_s": 30.0, "first_s": 50.0, "breaker_failures": 1})
    world.journal.add(3)
    world.run(31)
    assert world.cursor == (0, 0)
    world.journal.add(1, kind="state", state="STOPPED")
    world.engine.flush(world.now + 1.0)
    assert not world.engine.settled
    world.run(0.9)
    world.engine.flush(world.now + 1.0)
    world.run(0.9)
    assert world.engine.settled
    assert world.cursor == (2, 4)


@pytest.mark.rule("D-delivery-flush")
def test_a_flush_does_not_ask_a_receiver_that_named_a_later_time():
    world = World(Scripted([retry(600)]))
    world.journal.add(1)
    world.run(1)
    world.engine.flush(world.now + 1.0)
    world.run(0.5)
    assert len(world.sink.calls) == 1
    assert world.engine.hopeless
    assert not world.engine.settled


@pytest.mark.rule("D-delivery-flush")
def test_the_calls_of_a_flush_have_its_deadline():
    deadlines = []
    world = World(Scripted([lambda batch, deadline: (deadlines.append(deadline), accept(batch, deadline))[1]]))
    world.journal.add(1)
    world.engine.flush(world.now + 0.7)
    world.run(0.1)
    assert deadlines == [1000.7]


@pytest.mark.rule("D-delivery-required")
def test_a_required_sink_is_reached_before_anything_else():
    world = World(options={"required": True})
    world.sink.unreachable = ["connection refused", "connection refused"]
    world.engine.reached = False
    world.journal.add(1)
    world.run(0.0)
    assert world.sink.calls == []
    world.run(30)
    assert world.reached == [("hub", False, "connection refused")] * 2 + [("hub", True, "")]
    assert world.cursor == (2, 1)


@pytest.mark.rule("D-delivery-disk")
def test_a_journal_that_cannot_be_read_is_said_and_tried_again():
    world = World()
    world.journal.add(1)
    world.journal.fault = OSError(5, "Input/output error", "/data/.ww/journal")
    world.run(3)
    assert world.said == [
        "warn: sink hub: cannot deliver, and goes on trying: the journal cannot be read: /data/.ww/journal: Input/output error"
    ]
    world.journal.fault = None
    world.run(2)
    assert world.cursor == (2, 1)


@pytest.mark.rule("D-delivery-crash")
def test_after_a_crash_at_most_the_last_batch_is_sent_again_and_it_is_the_same():
    world = World(options={"max_events": 3})
    world.journal.add(1, kind="state", boot="boot1", boot_no=1, state="UP", service="old", instance="old-1")
    world.journal.add(5, boot="boot1", boot_no=1)
    texts = {}

    def kept(batch, _):
        for item in batch:
            assert texts.setdefault((item.boot, item.seq), item.text) == item.text
            assert item.event["source"] == "/instances/old/old-1/boots/boot1"
            assert not item.current
        return [Accepted()] * len(batch)

    world.sink.script = [kept] * 5
    world.run(1)
    world.bookmarks.known.clear()
    world.boot()
    world.run(1)
    assert [len(call) for call in world.sink.calls] == [3, 3, 3, 3]


@pytest.mark.rule("D-delivery-halving")
def test_batches_are_whole_again_once_the_receiver_takes_them():
    world = World(Scripted([lambda batch, _: [RetryAfter(too_large=True)] * len(batch)]), {"max_events": 16})
    world.journal.add(48)
    world.run(1)
    assert [len(call) for call in world.sink.calls] == [16, 8, 8, 16, 16]


@pytest.mark.rule("D-delivery-flush")
def test_a_flush_that_is_asked_for_while_the_journal_is_read_means_what_comes_after():
    world = World()
    read = world.reader.read

    def stopped_meanwhile(max_events: int, max_bytes: int):
        found = read(max_events, max_bytes)
        world.reader.read = read
        world.journal.add(1, kind="state", state="STOPPED")
        world.engine.flush(world.now + 1)
        return found

    world.reader.read = stopped_meanwhile
    world.step()
    assert not world.engine.settled
    world.run(0.5)
    assert world.engine.settled
    assert world.cursor == (2, 1)


@pytest.mark.rule("D-delivery-flush", "D-delivery-disk")
def test_a_journal_that_cannot_be_read_is_not_taken_for_an_empty_one():
    world = World()
    world.journal.fault = OSError(5, "Input/output error")
    world.engine.flush(world.now + 9)
    world.run(2)
    assert not world.engine.settled
    world.journal.fault = None
    world.run(2)
    assert world.engine.settled
    assert world.said[-1].startswith("info: sink hub: delivers again")


@pytest.mark.rule("D-wire-pure", "D-delivery-crash")
def test_what_is_left_of_an_earlier_boot_says_whose_it_was_wherever_the_cursor_stands():
    world = World()
    world.journal.add(1, kind="state", boot="boot1", boot_no=1, state="UP", service="old", instance="old-1")
    world.journal.add(4, boot="boot1", boot_no=1)
    world.bookmarks.set("hub", Position(1, "boot1", 3))
    world.boot()
    sources = []
    world.sink.script = [lambda batch, d: (sources.extend(item.event["source"] for item in batch), accept(batch, d))[1]]
    world.run(1)
    assert sources == ["/instances/old/old-1/boots/boot1"] * 2


@pytest.mark.rule("D-delivery-words")
def test_a_sink_that_talks_too_much_is_cut_short():
    now = [0.0]
    limit = LineLimit(lambda: now[0])
    said = [line for number in range(100) for line in limit.allowed(f"{number}")]
    assert said == [f"{number}" for number in range(20)]
    now[0] = 61.0
    assert list(limit.allowed("again")) == ["80 lines were left out", "again"]


@pytest.mark.rule("D-delivery-retry-after")
def test_a_flush_does_not_make_an_absurd_retry_after_longer():
    world = World(Scripted([retry(10**9)]))
    world.journal.add(1)
    world.run(0.1)
    world.engine.flush(world.now + 5)
    world.run(10)
    world.run(901)
    assert world.cursor == (2, 1)


@pytest.mark.rule("D-delivery-backoff")
def test_a_receiver_that_says_at_once_and_fails_is_not_asked_all_the_time():
    world = World(Scripted([retry(0)] * 1000), {"first_s": 1.0, "max_s": 60.0, "breaker_failures": 5})
    world.journal.add(1)
    world.run(600)
    assert len(world.sink.calls) < 60


@pytest.mark.rule("D-delivery-faults")
@pytest.mark.parametrize(
    "advised", ["x", None, Advice(want=(("boot2", None, 3),)), Advice(want=(("boot2", 1),)), Advice(want=7)]
)
def test_an_advice_that_is_none_is_a_fault_and_delivers_nothing_twice(advised):
    def answer(batch, _):
        world.ports.advised.put(advised)
        return [Accepted()] * len(batch)

    world = World(Scripted([answer] * 20), {"max_events": 1})
    world.journal.add(5)
    world.run(5)
    assert [seqs(call) for call in world.sink.calls] == [[1], [2], [3], [4], [5]]
    assert world.cursor == (2, 5)
    assert world.engine.counts.faults == 5


@pytest.mark.rule("D-delivery-faults")
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), MemoryError(), SystemExit(3)]
)
def test_whatever_a_sink_raises_is_no_end_of_its_delivery(error):
    world = World(Scripted([raising(error)]))
    world.journal.add(3)
    world.run(5)
    assert world.cursor == (2, 3)
    assert world.engine.counts.faults == 1


@pytest.mark.rule("D-delivery-faults")
@pytest.mark.parametrize("idle_s", [math.nan, -1, 0, "soon", True, 1e-9])
def test_an_idle_time_that_is_none_is_no_busy_loop(idle_s):
    world = World()
    world.sink.idle_s = idle_s
    world.run(10)
    assert world.sink.idles <= 100


@pytest.mark.rule("D-delivery-halving")
@pytest.mark.parametrize(
    "reason", ["413", "[parent] Data too large, data for [<http_request>]", "/events: File too large"]
)
def test_a_receiver_that_is_full_and_says_large_rejects_nothing(reason):
    world = World(Scripted([retry(reason=reason)] * 50))
    world.journal.add(1)
    world.run(600)
    assert world.folder.kept == []
    assert world.cursor == (2, 1) or len(world.sink.calls) > 5


@pytest.mark.rule("D-delivery-words")
def test_what_is_left_of_a_batch_says_why_it_waits():
    world = World(Scripted([by_seq(s2=RetryAfter(60, "no credentials, hunter2"))]))
    world.journal.add(3)
    world.run(1)
    assert world.engine.partly == "no credentials, ***"
    world.run(61)
    assert world.cursor == (2, 3)
    assert world.engine.partly == ""


# Somebody waits


@pytest.mark.rule("D-spool-drain-again")
def test_urged_it_tries_now_and_waits_for_no_company():
    world = World(
        options={"wait_s": 50.0, "first_s": 600.0, "max_s": 600.0, "breaker_failures": 1, "breaker_open_s": 600.0}
    )
    world.sink.script = [retry()]
    world.journal.add(3)
    world.run(49)
    assert world.sink.calls == []
    world.engine.urge()
    world.run(0.1)
    assert len(world.sink.calls) == 1
    world.run(5)
    assert len(world.sink.calls) == 1, "once, and then the backoff holds again"
    world.engine.urge()
    world.run(1)
    assert world.cursor == (2, 3)


@pytest.mark.rule("D-spool-drain-again")
def test_urged_it_keeps_to_what_the_receiver_asked_for():
    world = World(options={"wait_s": 0.0})
    world.sink.script = [retry(30.0)]
    world.journal.add(1)
    world.run(1)
    for _ in range(20):
        world.engine.urge()
        world.run(1)
    assert len(world.sink.calls) == 1
    world.run(15)
    assert world.cursor == (2, 1)
