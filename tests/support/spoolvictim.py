"""A course of life for the spool that is killed, or whose calls fail, at a chosen point: an outage, then the receiver is back."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable

from tests.support.spooling import World, write_boot
from ww.clib import json_dumps, json_loads
from ww.events.model import Event
from ww.events.position import Stored
from ww.events.segment import SEGMENT_BYTES, parse_name
from ww.events.spool import read_segment

BOOTS = ("old-a", "old-b", "old-c")
ROOM = 40_000
"""What is allowed besides the segment that is being written: less than the boots of the past take up."""
CALLS = frozenset(
    (
        os.open,
        os.write,
        os.fsync,
        os.fdatasync,
        os.fchmod,
        os.utime,
        os.rename,
        os.replace,
        os.link,
        os.unlink,
        os.mkdir,
    )
)


def prepare(root: str) -> dict[tuple[str, int], str]:
    """A journal of three boots, one segment of which is damaged; what is good in it by (boot, sequence)."""
    main = f"{root}/main"
    health = ["health"] * 9
    write_boot(main, 1, BOOTS[0], [["state", *health, "state"], ["state", *health, "state"]])
    write_boot(main, 2, BOOTS[1], [["state", *health, "notice"], ["state", *health], ["state"] * 30])
    write_boot(main, 3, BOOTS[2], [["state", *health, *health, "state"], ["state"] * 12])
    victim = next(name for name in sorted(os.listdir(main)) if BOOTS[1] in name)
    with open(f"{main}/{victim}", "r+b") as file:
        file.seek(5_500)
        file.write(b"\0\xff" * 20)
    found = {}
    for name in sorted(os.listdir(main)):
        parts = parse_name(name)
        assert parts is not None
        for kind, seq in _good(f"{main}/{name}"):
            found[parts[1], seq] = kind
    return found


def _good(path: str) -> list[tuple[str, int]]:
    from ww.events.rewriting import load
    from ww.events.shelf import Place

    parts = parse_name(os.path.basename(path))
    assert parts is not None
    return [(record.event.kind, record.event.seq) for record in load(Place(*parts, 0, path)).records]


def a_world(root: str) -> World:
    """The next boot."""
    boots = [*BOOTS, *_later_boots(root)]
    return World(root, max_bytes=SEGMENT_BYTES + ROOM, boots=boots)


def _later_boots(root: str) -> list[str]:
    names = [parts for name in os.listdir(f"{root}/main") if (parts := parse_name(name)) is not None]
    return [boot for _, boot in sorted({(number, boot) for number, boot, _ in names if number > len(BOOTS)})]


def a_receiver(root: str) -> int:
    """A descriptor of the file in which the receiver keeps what it takes."""
    return os.open(f"{root}/taken", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def live(world: World, record: int) -> None:
    """The outage, in which events are thinned and dropped; then the receiver takes what is left."""

    def taken(stored: Stored) -> None:
        text = json_dumps(
            {"boot": stored.boot, "seq": stored.event.seq, "kind": stored.event.kind, "data": stored.event.data}
        )
        _write(record, f"{text}\n".encode())

    world.taken = taken
    world.append("state", {"n": 1})
    world.clock.advance(31_000)
    for _ in range(80):
        world.keep()
        world.declare_next()
    world.deliver(5)
    world.settle()


def _write(fd: int, data: bytes) -> None:
    """The receiver has no part in what fails here."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except OSError:
            continue


def judge(root: str, good: dict[tuple[str, int], str], empty: bool = False) -> World:
    """A clean next boot in which everything settles: nothing good is missing without a word.

    `empty`: files of segments may be empty. One that was made when the disk let nothing be written into it stays so.
    """
    world = a_world(root)
    world.accepted |= good
    try:
        with open(f"{root}/taken", "rb") as file:
            for line in file.read().split(b"\n")[:-1]:
                one = json_loads(line.decode())
                world.take(one["boot"], Event(one["seq"], one["kind"], 0, 0, one["data"]))
    except FileNotFoundError:
        pass
    world.settle()
    world.check()
    segments = [read_segment(path) for path in world.segments() if not empty or os.path.getsize(path)]
    assert all(segment.bad_at is None for segment in segments), [segment.bad_at for segment in segments]
    world.journal.close()
    world.kill_reporter()
    return world


def killed_at(template: str, root: str, point: int) -> bool:
    """Live on a copy of `template` and be killed in front of or behind the call number `point`; false if it ended before."""
    shutil.copytree(template, root)
    child = os.fork()
    if not child:
        left = point

        def watch(_frame: object, event: str, argument: Callable[..., object]) -> None:
            nonlocal left
            if event in ("c_call", "c_return") and argument in CALLS:
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            world, record = a_world(root), a_receiver(root)
            sys.setprofile(watch)
            live(world, record)
            sys.setprofile(None)
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), f"the life of point {point} failed by itself"
    return status != 0


def killed_at_each(
    template: str, place: str, good: dict[tuple[str, int], str], first: int, step: int
) -> tuple[int, set[str]]:
    """Live, be killed and be judged at the point `first` and each `step` further; the first beyond the end, and why events went."""
    point, reasons = first, set()
    while True:
        root = f"{place}/{point}"
        killed = killed_at(template, root, point)
        reasons |= {reason for *_, reason in judge(root, good).ranges}
        shutil.rmtree(root)
        if not killed:
            return point, reasons
        point += step
