from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from tests.support.spooling import DAY_MS, SINK, World
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.clock import Clock, FakeClock
from ww.events import quarantine
from ww.events.audit import MOST_HOLES, Audit
from ww.events.carrying import MOST_BOOTS, gaps_for
from ww.events.cursors import SAVE_MS
from ww.events.journal import Journal
from ww.events.model import Event
from ww.events.position import START, Position, Stored
from ww.events.records import read_journal
from ww.events.retention import DELETE, DROP, LIFECYCLE_AGES, THIN, Limits, Step, Stock, next_step
from ww.events.rewriting import KEEP_OF_HEALTH, Record, thin
from ww.events.segment import SEGMENT_BYTES, encode_event, header, segment_name
from ww.events.shelf import Place
from ww.events.spool import Cursors, Keeper, Ports, Reader
from ww.events.syncing import is_synced, sync
from ww.reporting.keeper import KeeperThread

BIG = "x" * 60_000


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(str(tmp_path))


def health(world: World, many: int, healthy: bool = True) -> None:
    for _ in range(many):
        world.append("health", {"healthy": healthy, "x": BIG})


def states(world: World, many: int) -> None:
    for _ in range(many):
        world.append("state", {"x": BIG})


def an_outage(world: World, steps: int = 100) -> None:
    world.clock.advance(31_000)
    for _ in range(steps):
        world.keep()
        world.declare_next()


def until_asked(world: World) -> None:
    """The keeper wants a declaration."""
    world.clock.advance(31_000)
    for _ in range(20):
        if world.queue:
            return
        world.keep()
    raise AssertionError("nothing was to be declared")


# Cursors


@pytest.mark.rule("D-spool-cursors")
def test_cursors_are_written_at_most_once_a_second_and_at_the_end(tmp_path: Path) -> None:
    clock = FakeClock()
    cursors = Cursors([str(tmp_path)], clock)
    file = tmp_path / "cursors.json"
    cursors.set("web", Position(1, "b1", 5))
    assert cursors.save()
    assert file.stat().st_mode & 0o777 == 0o600
    first = file.read_text()
    cursors.set("web", Position(1, "b1", 6))
    clock.advance(SAVE_MS - 1)
    assert cursors.save()
    assert file.read_text() == first
    clock.advance(1)
    assert cursors.save()
    second = file.read_text()
    assert second != first
    cursors.set("web", Position(1, "b1", 7))
    assert cursors.save(force=True)
    again = Cursors([str(tmp_path)], clock)
    assert (again.get("web"), again.get("new"), again.names()) == (Position(1, "b1", 7), START, ["web"])


@pytest.mark.rule("D-spool-cursors")
@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format":2,"sinks":{}}', '{"format":1,"sinks":7}', "\udc80", "[" * 99999]
)
def test_cursors_that_nobody_understands_are_kept_aside_and_everything_is_sent_again(tmp_path: Path, text: str) -> None:
    said: list[str] = []
    file = tmp_path / "cursors.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    cursors = Cursors([str(tmp_path)], FakeClock(), said.append)
    assert cursors.get("web") == START
    assert "cannot be used" in said[0]
    assert file.read_bytes() == text.encode("utf-8", "surrogateescape"), "looking alone changes nothing"
    cursors.set("web", Position(1, "b1", 7))
    assert cursors.save(force=True)
    assert (tmp_path / "cursors.json.bad").read_bytes() == text.encode("utf-8", "surrogateescape")
    assert Cursors([str(tmp_path)]).get("web") == Position(1, "b1", 7)


@pytest.mark.rule("D-spool-cursors")
def test_entries_that_are_none_are_passed_over_one_by_one(tmp_path: Path) -> None:
    entry = '{"boot_no":1,"boot":"b1","seq":3,"at":"x"}'
    (tmp_path / "cursors.json").write_text(f'{{"format":1,"sinks":{{"a":{entry},"b":{{"boot_no":"1"}},"c":null}}}}')
    assert Cursors([str(tmp_path)]).names() == ["a"]


@pytest.mark.rule("D-spool-cursors")
def test_cursors_go_to_the_fallback_where_the_volume_refuses_and_the_furthest_counts(tmp_path: Path) -> None:
    main, fallback = tmp_path / "main", tmp_path / "fallback"
    main.mkdir()
    clock = FakeClock()
    directories = [str(main), str(fallback)]
    cursors = Cursors(directories, clock)
    cursors.set("web", Position(2, "b2", 5))
    cursors.save(force=True)
    (main / "cursors.json").rename(tmp_path / "kept")
    main.rmdir()
    main.write_text("no directory any more")
    clock.advance(5000)
    cursors.set("web", Position(2, "b2", 9))
    assert cursors.save(force=True)
    main.unlink()
    main.mkdir()
    (tmp_path / "kept").rename(main / "cursors.json")
    assert Cursors(directories, clock).get("web") == Position(2, "b2", 9)
    # A volume that is gone is not made anew in its mount point.
    (main / "cursors.json").unlink()
    main.rmdir()
    assert cursors.save(force=True)
    assert not main.exists()


@pytest.mark.rule("D-spool-cursors", "D-spool-whole")
def test_what_was_remembered_without_the_volume_says_nothing_of_the_volume(tmp_path: Path) -> None:
    """A boot whose volume could not be used delivers what it has; on the volume something still waits."""
    main, fallback = tmp_path / "main", tmp_path / "fallback"
    clock = FakeClock()
    for directory, number, boot in ((main, 1, "b1"), (fallback, 0, "b2"), (main, 2, "b3")):
        journal = Journal(str(directory), number, boot, clock, 1 << 24, 0)
        journal.append("state", {})
        journal.append("state", {})
        journal.close()
        clock.advance(5000)
    with_both = Cursors([str(main), str(fallback)], clock)
    with_both.set("web", Position(1, "b1", 1))
    with_both.save(force=True)
    clock.advance(5000)
    without = Cursors([str(fallback)], clock)
    without.set("web", Position(0, "b2", 2))
    without.set("new", Position(0, "b2", 2))
    without.save(force=True)
    assert Cursors([str(fallback)], clock).get("web") == Position(0, "b2", 2)
    again = Cursors([str(main), str(fallback)], clock)
    found = Reader([str(main), str(fallback)], again.get("web"), "b3").read(100, 1 << 20)
    assert ("b1", 2) in [(one.boot, one.event.seq) for one in found]
    assert again.get("new") == START
    assert Cursors([str(main), str(fallback)], clock, looking=True).get("new") == Position(0, "b2", 2)


@pytest.mark.rule("D-spool-cursors")
def test_cursors_that_cannot_be_written_are_said_once_and_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    cursors = Cursors([str(tmp_path / "gone")], FakeClock(), said.append)
    cursors.set("web", Position(2, "b2", 5))
    assert not cursors.save(force=True)
    assert not cursors.save(force=True)
    assert len(said) == 1
    (tmp_path / "gone").mkdir()
    assert cursors.save(force=True)
    assert Cursors([str(tmp_path / "gone")]).get("web") == Position(2, "b2", 5)


@pytest.mark.rule("D-spool-cursors")
def test_a_boot_without_a_volume_that_left_nothing_does_not_make_the_others_new(tmp_path: Path) -> None:
    main, fallback = tmp_path / "main", tmp_path / "fallback"
    main.mkdir()
    cursors = Cursors([str(main), str(fallback)])
    cursors.set("web", Position(9, "b9", 100))
    cursors.set("web", Position(0, "lost", 3))
    cursors.save(force=True)
    assert Cursors([str(main), str(fallback)]).get("web") == Position(9, "b9", 100)


# Retention decides


def stock(number: int, size: int = SEGMENT_BYTES, age_days: int = 0, passed: bool = False) -> Stock:
    place = Place(number, f"b{number}", 1, 0, f"/j/{number}")
    return Stock(place, size, (100 - age_days) * DAY_MS, passed)


@pytest.mark.rule("D-spool-bounded")
@pytest.mark.parametrize(
    ("stocks", "thinned", "expected"),
    [
        ([], set(), None),
        ([stock(1), stock(2), stock(3)], set(), None),
        ([stock(1, passed=True), stock(2), stock(3)], set(), None),
        ([stock(1, age_days=8, passed=True)], set(), (DELETE, 1, 0)),
        ([stock(n, passed=n < 3) for n in (1, 2, 3, 4)], set(), (DELETE, 1, 0)),
        ([stock(n) for n in (1, 2, 3, 4)], set(), (THIN, 1, 10)),
        ([stock(n) for n in (1, 2, 3, 4)], {("/j/1", 10)}, (THIN, 2, 10)),
        ([stock(n) for n in (1, 2, 3, 4)], {(f"/j/{n}", 10) for n in range(5)}, (THIN, 1, 0)),
        ([stock(n) for n in (1, 2, 3, 4)], {(f"/j/{n}", k) for n in range(5) for k in (0, 10)}, (DROP, 1, 0)),
        ([stock(1, age_days=8), stock(2)], set(), (THIN, 1, 0)),
        ([stock(1, age_days=8), stock(2)], {("/j/1", 0)}, None),
        ([stock(1, age_days=7 * LIFECYCLE_AGES + 1)], {("/j/1", 0)}, (DROP, 1, 0)),
        # Written before the clock was set; nobody knows when.
        ([stock(1, age_days=20_000)], set(), None),
        ([stock(n, age_days=20_000) for n in (1, 2, 3, 4)], set(), (THIN, 1, 10)),
    ],
)
def test_what_is_delivered_goes_first_then_health_and_lifecycle_last(
    stocks: list[Stock], thinned: set[tuple[str, int]], expected: tuple[str, int, int] | None
) -> None:
    step = next_step(stocks, Limits(4 * SEGMENT_BYTES, 7 * DAY_MS), 100 * DAY_MS, thinned)
    found = step and (step.what, step.stock.place.boot_no, step.keep_one_of)
    assert found == expected
    assert step is None or isinstance(step, Step)


@pytest.mark.rule("D-spool-bounded")
def test_thinning_keeps_everything_but_health_and_each_change_of_it() -> None:
    kinds = ["state", *["health"] * 25, "gap", "health", "notice", *["health"] * 12, "internal_error", "journal"]
    sick = range(8, 13)
    records = [
        Record(Event(n, kind, n, n, {"healthy": n not in sick} if kind == "health" else {}), b"x")
        for n, kind in enumerate(kinds, 1)
    ]
    for keep_one_of in KEEP_OF_HEALTH:
        kept = thin(records, keep_one_of)
        left = [record.event.seq for record in kept]
        assert [n for n, kind in enumerate(kinds, 1) if kind != "health"] == [
            record.event.seq for record in kept if record.event.kind != "health"
        ]
        assert {2, 8, 13} <= set(left), "the first, the first that was not healthy, and the first that was again"
        assert thin(kept, keep_one_of) == kept
    assert [record.event.seq for record in thin(records, 0) if record.event.kind == "health"] == [2, 8, 13]


# Holes


def seen(audit: Audit, *events: tuple[int, str, int]) -> None:
    for boot_no, boot, seq in events:
        audit.see(Stored(boot_no, boot, Event(seq, "state", 1, 1, {}), (f"/{boot}", 0)))


@pytest.mark.rule("D-spool-declared")
def test_every_hole_is_found_and_one_that_is_declared_is_none() -> None:
    audit = Audit(START)
    seen(audit, (1, "a", 5), (1, "a", 6), (1, "a", 9), (2, "b", 1), (2, "b", 2), (3, "c", 4), (7, "d", 1))
    found = [(hole.gap["boot"], hole.gap["from"], hole.gap["to"]) for hole in audit.holes]
    assert found == [("a", 7, 8), ("c", 1, 3), (None, None, None)]
    assert audit.holes[2].gap["boot_no"] == 4
    assert audit.holes[2].gap["boots"] == 3
    assert audit.position == Position(1, "a", 6)
    audit.note(Event(9, "gap", 1, 1, {"boot": "a", "from": 8, "to": 20}))
    assert len(audit.holes) == 3
    audit.note(Event(9, "gap", 1, 1, {"boot": "a", "from": 1, "to": 7}))
    assert [hole.gap["boot"] for hole in audit.holes] == ["c", None]
    assert audit.position == Position(2, "b", 2)


@pytest.mark.rule("D-spool-declared")
def test_a_journal_full_of_holes_is_declared_by_few_gaps() -> None:
    audit = Audit(Position(1, "a", 1))
    seen(audit, *[(1, "a", n) for n in range(3, 2000, 2)])
    assert len(audit.holes) == MOST_HOLES
    assert audit.holes[-1].gap["to"] == 1998


@pytest.mark.rule("D-spool-declared")
def test_declarations_that_are_dropped_themselves_are_made_again() -> None:
    gone = [
        Event(4, "state", 1, 1, {}),
        Event(5, "gap", 1, 1, {"boot": "a", "boot_no": 1, "from": 3, "to": 9, "health": 6, "lifecycle": 1}),
        Event(6, "gap", 1, 1, {"boot": "b", "boot_no": 2, "from": 1, "to": 2, "health": 2, "lifecycle": 0}),
        Event(7, "gap", 1, 1, {"reason": "the disk refused", "health": 5, "lifecycle": 1}),
        Event(8, "gap", 1, 1, {"boot": None, "boot_no": 1, "from": None, "to": None, "boots": 2}),
        Event(9, "health", 1, 1, {}),
    ]
    told = gaps_for("dropped", "words", 2, "b", gone)
    shown = [
        (one["boot_no"], one["boot"], one["from"], one["to"], one.get("health"), one.get("lifecycle")) for one in told
    ]
    assert shown == [(1, None, None, None, None, None), (1, "a", 3, 9, 6, 1), (2, "b", 1, 9, 1 + 2 + 5, 5 + 1)]
    many = [
        Event(n, "gap", 1, 1, {"boot": f"b{n}", "boot_no": n, "from": 1, "to": 2, "health": 2}) for n in range(1, 100)
    ]
    few = gaps_for("dropped", "words", 100, "b100", many)
    assert len(few) == MOST_BOOTS
    assert few[0]["boots"] == 100 - MOST_BOOTS + 1
    assert sum(int(str(one["health"])) for one in few) == 2 * 99


# The keeper at work


@pytest.mark.rule("D-spool-bounded", "D-spool-declared")
def test_in_an_outage_health_is_thinned_after_it_was_declared_and_synced(world: World) -> None:
    states(world, 2)
    health(world, 60)
    before = {path: os.stat(path).st_ino for path in world.segments()}
    until_asked(world)
    for _ in range(5):
        world.keep()
    assert len(world.queue) == 1, "one declaration at a time"
    assert {path: os.stat(path).st_ino for path in world.segments()} == before, "nobody has journalled it yet"
    an_outage(world)
    left = world.segments()
    assert sum(os.path.getsize(path) for path in left) <= 3 * SEGMENT_BYTES
    events = read_journal(world.directories[0])
    assert [event.seq for event in events if event.kind == "state"] == [1, 2]
    gaps = [event.data for event in events if event.kind == "gap"]
    assert {gap["reason"] for gap in gaps} == {"thinned"}
    thinned = sum(1 for n in range(1, world.journal.seq + 1)) - len(events)
    # The first was sent twice: its answer took longer than the keeper waits.
    assert sum({str(gap["from"]): int(str(gap["health"])) for gap in gaps}.values()) == thinned > 0
    for path in left[:-1]:
        assert is_synced(path)
    assert read_journal(world.directories[0])[-1].seq == world.journal.seq
    world.settle()
    world.check()


@pytest.mark.rule("D-spool-bounded")
def test_lifecycle_events_go_only_when_nothing_else_is_left(world: World) -> None:
    for _ in range(4):
        health(world, 10)
        states(world, 10)
        an_outage(world)
    events = [event for event in read_journal(world.directories[0]) if event.kind == "state"]
    assert len(events) == 40, "health alone made the room"
    states(world, 60)
    an_outage(world)
    assert sum(os.path.getsize(path) for path in world.segments()) <= 3 * SEGMENT_BYTES
    world.settle()
    world.check()
    assert {reason for *_, reason in world.ranges} == {"thinned", "dropped"}


@pytest.mark.rule("D-spool-bounded")
def test_what_is_delivered_goes_without_a_word_and_a_removed_sink_holds_nothing(world: World) -> None:
    world.cursors.set("removed", Position(1, world.running, 1))
    health(world, 90)
    while world.deliver():
        pass
    world.clock.advance(31_000)
    while world.keeper.step() == 0:
        pass
    assert len(world.segments()) <= 3
    assert not world.queue
    health(world, 90)
    world.keeper.configure([])
    world.clock.advance(31_000)
    while world.keeper.step() == 0:
        pass
    assert len(world.segments()) <= 3
    assert not world.queue


@pytest.mark.rule("D-spool-bounded")
def test_the_slowest_sink_decides_what_is_delivered(world: World) -> None:
    world.keeper.configure([SINK, "slow"])
    world.cursors.set("slow", Position(1, world.running, 5))
    states(world, 90)
    while world.deliver():
        pass
    until_asked(world)
    assert world.queue[0]["reason"] == "dropped"
    assert world.queue[0]["from"] == 6, "what both have is not missed by anybody"


@pytest.mark.rule("D-spool-bounded")
def test_age_counts_as_size_does(world: World) -> None:
    states(world, 2)
    health(world, 30)
    states(world, 1)
    old, live = world.segments()
    past_s = world.clock.wall / 1000 - 8 * 86_400
    os.utime(old, (past_s, past_s))
    an_outage(world)
    kinds = [event.kind for event in read_journal(world.directories[0])]
    assert kinds[:3] == ["state", "state", "health"]
    assert kinds.count("health") == 1 + sum(event.kind == "health" for event in _events(live))
    while world.deliver():
        pass
    world.clock.advance(31_000)
    while world.keeper.step() == 0:
        pass
    assert world.segments() == [live]


def _events(path: str) -> list[Event]:
    from ww.events.records import read_segment

    return read_segment(path).events


@pytest.mark.rule("D-spool-declared")
def test_a_declaration_that_pid_1_dropped_is_sent_again(world: World) -> None:
    health(world, 60)
    until_asked(world)
    (lost,) = world.queue
    world.queue.clear()
    world.keep()
    assert not world.queue
    world.clock.advance(5_000)
    world.keep()
    assert list(world.queue) == [lost]


@pytest.mark.rule("D-spool-declared")
def test_a_keeper_that_was_killed_behind_the_declaration_does_not_repeat_it(world: World) -> None:
    health(world, 60)
    until_asked(world)
    world.declare_next()
    world.kill_reporter()
    world.start_reporter()
    world.clock.advance(31_000)
    size = os.path.getsize(world.segments()[0])
    for _ in range(10):
        world.keep()
    assert os.path.getsize(world.segments()[0]) < size
    world.settle()
    first = [gap for gap in world.ranges if gap[1] == world.ranges[0][1]]
    assert len(first) == 1


@pytest.mark.rule("D-spool-quarantine", "D-spool-declared")
def test_a_damaged_segment_is_set_aside_and_keeps_what_is_good(world: World) -> None:
    states(world, 20)
    path = world.segments()[0]
    content = bytearray(Path(path).read_bytes())
    content[len(content) // 2] ^= 1
    Path(path).write_bytes(content)
    lost = {event.seq for event in _events(path)}
    world.settle()
    (kept,) = sorted(os.listdir(f"{world.directories[0]}/bad"))
    assert kept.startswith("000001-")
    assert Path(f"{world.directories[0]}/bad/{kept}").read_bytes() == content
    assert quarantine.count(world.directories[0]) == (1, 1)
    assert len(_events(path)) == 16, "of seventeen"
    assert len(lost) < 16
    assert any("was damaged" in words for words in world.said)
    world.check()
    world.boot()
    world.settle()
    assert quarantine.count(world.directories[0]) == (1, 1), "once"


@pytest.mark.rule("D-spool-quarantine")
def test_garbage_goes_whole_and_bad_is_bounded(world: World, tmp_path: Path) -> None:
    main = Path(world.directories[0])
    world.journal.close()
    for n in range(40, 70):
        good = encode_event(Event(1, "state", 1, 1, {"x": BIG}))
        (main / segment_name(n, f"x{n}", 1)).write_bytes(header(f"x{n}") + b"garbage" + good * (1 if n % 2 else 6))
    world.boots += [f"x{n}" for n in range(40, 70)]
    world.boot()
    world.clock.advance(31_000)
    for _ in range(60):
        world.keep()
    files, ever = quarantine.count(str(main))
    assert ever == 30
    assert files <= quarantine.MOST_FILES
    assert sum(path.stat().st_size for path in (main / "bad").iterdir()) <= quarantine.MOST_BYTES


@pytest.mark.rule("D-spool-boots")
def test_a_keeper_on_a_journal_that_cannot_be_changed_says_so_once_and_goes_on(world: World) -> None:
    states(world, 20)
    path = world.segments()[0]
    content = bytearray(Path(path).read_bytes())
    content[len(content) // 2] ^= 1
    Path(path).write_bytes(content)
    Path(f"{world.directories[0]}/bad").write_text("in the way")
    world.settle()
    world.settle()
    assert sum("cannot be made whole" in words for words in world.said) == 1
    world.check()


@pytest.mark.rule("D-spool-bounded", "D-spool-sync")
def test_while_the_volume_is_gone_the_run_directory_is_bounded_all_the_same(world: World, tmp_path: Path) -> None:
    states(world, 3)
    world.settle()
    world.clock.slow_ms = 300
    states(world, 1)
    world.clock.slow_ms = 0
    world.settle()
    Path(world.directories[0]).rename(tmp_path / "away")
    for _ in range(6):
        health(world, 30)
        an_outage(world)
    fallback = Path(world.directories[1])
    assert sum(path.stat().st_size for path in fallback.iterdir()) <= 3 * SEGMENT_BYTES
    assert world.synced_seq == world.journal.seq
    (tmp_path / "away").rename(world.directories[0])
    world.settle()
    world.check()


# Syncing


@pytest.mark.rule("D-spool-sync")
def test_lifecycle_is_synced_at_once_and_health_within_a_second(world: World) -> None:
    world.keeper.step()
    world.append("state", {})
    world.keeper.step()
    assert world.synced_seq == 1
    world.append("health", {})
    wait_ms = world.keeper.step()
    assert world.synced_seq == 1
    assert wait_ms <= 500
    world.clock.advance(799)
    world.keeper.step()
    assert world.synced_seq == 1
    world.clock.advance(1)
    world.keeper.step()
    assert world.synced_seq == 2


@pytest.mark.rule("D-spool-sync", "D-journal-sync")
def test_complete_segments_are_marked_as_synced_and_the_live_one_is_not(world: World) -> None:
    states(world, 40)
    for _ in range(4):
        world.keep()
    paths = world.segments()
    assert [is_synced(path) for path in paths] == [True, True, False]
    assert sync(world.directories[0]) == 0
    assert all(is_synced(path) for path in world.segments())


@pytest.mark.rule("D-spool-sync")
def test_what_a_killed_boot_left_unsynced_is_synced_by_the_next(world: World) -> None:
    states(world, 3)
    (path,) = world.segments()
    world.boot()
    assert not is_synced(path)
    for _ in range(3):
        world.keep()
    assert is_synced(path)


@pytest.mark.rule("D-spool-sync")
@pytest.mark.timeout(30)
def test_the_thread_syncs_within_fifty_milliseconds_of_the_message(tmp_path: Path) -> None:
    directory = str(tmp_path)
    journal = Journal(directory, 1, "b1", Clock(), 1 << 40, 0)
    done: list[tuple[int, float]] = []
    disk_s = [0.0]

    def to_disk(fd: int) -> None:
        began = time.monotonic()
        os.fdatasync(fd)
        disk_s[0] += time.monotonic() - began

    ports = Ports(print, lambda seq: done.append((seq, time.monotonic() - disk_s[0])), print, to_disk)
    cursors = Cursors([directory])
    thread = KeeperThread(Keeper([directory], "b1", cursors, Limits(1 << 30, DAY_MS), ports, Clock()), print)
    thread.start()
    took = []
    for n in range(1, 31):
        journal.append("state", {"n": n})
        told = time.monotonic() - disk_s[0]
        thread.position(n)
        until(lambda n=n: done and done[-1][0] >= n)  # type: ignore[misc]
        took.append(done[-1][1] - told)
    assert sorted(took)[15] < 0.05, "but for what the disk itself took for this"
    assert disk_s[0] > 0
    journal.append("health", {})
    with Stopwatch() as watch:
        thread.position(31)
        until(lambda: done[-1][0] == 31)
    assert watch.seconds < 1.5
    cursors.set("web", Position(1, "b1", 31))
    assert thread.flush(time.monotonic() + 10)
    assert Cursors([directory]).get("web") == Position(1, "b1", 31)
    assert thread.stop(time.monotonic() + 10)
    assert "keeper" not in [one.name for one in threading.enumerate()]


def test_the_name_of_the_sink_in_these_tests_is_configured(world: World) -> None:
    assert world.cursors.get(SINK) == START


SAMPLE = {
    "healthy": True,
    "failure": "",
    "ms": 41,
    "monitor": {
        "connections": 112,
        "active": 17,
        "qps": 1834.25,
        "slow_queries": 0,
        "replication_lag_s": 0.4,
        "cache_hit_ratio": 0.9981,
        "locks_waiting": 0,
        "wal_bytes": 1_288_490_188,
        "checkpoint_age_s": 122,
        "status": "accepting connections",
    },
    "ww": {
        "cpu_percent": 37.5,
        "memory_bytes": 734_003_200,
        "memory_limit_bytes": 2_147_483_648,
        "oom_kills": 0,
        "disk_used_bytes": 21_474_836_480,
        "disk_free_bytes": 85_899_345_920,
        "inodes_free": 6_291_456,
        "descriptors": 311,
        "processes": 29,
        "threads": 187,
        "restarts": 0,
        "uptime_s": 86_400,
        "pressure": {"cpu_avg10": 1.25, "memory_avg10": 0.0, "io_avg10": 0.4},
        "services": {"db": {"cpu_percent": 31.2, "memory_bytes": 623_902_720}, "pooler": {"cpu_percent": 2.1}},
        "spool": {"events": 2880, "bytes": 3_145_728, "oldest_s": 86_400},
    },
}


@pytest.mark.rule("D-spool-outage")
def test_a_day_of_outage_costs_at_most_five_megabytes(tmp_path: Path) -> None:
    world = World(str(tmp_path), max_bytes=16 << 20)
    for state in ("BOOT", "WARMUP", "UP"):
        world.append("state", {"state": state, "service": "db", "instance": "i" * 32, "image_version": "1.2.3"})
    for _ in range(24 * 60 * 2):
        world.clock.advance(30_000)
        world.append("health", dict(SAMPLE))
    for _ in range(20):
        world.keep()
    taken = sum(os.path.getsize(path) for path in world.segments())
    assert 2_000_000 < taken <= 5_000_000
    assert not world.queue, "nothing has to be thinned for it"
    world.settle()
    world.check()
    assert len(world.delivered) == 3 + 2880
