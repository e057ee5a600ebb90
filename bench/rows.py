"""What is measured: each section alternates its contenders turn by turn and puts raw samples down, row by row."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench import ours
from bench.install import INTERPRETER, MANIFEST, PLACE, library_path
from bench.lives import Late, Life
from bench.peers import FLOOR, PEERS, Peer, Start, fresh
from bench.samples import Sink

MANY = 20
ORPHANS = 5000
CALM_S = 0.3
FEW, SEVERAL = 3, 7
"""Turns of what takes long and varies little: counts of wake-ups and zombies, replacements that take seconds; curves."""
QUICK_S = 5
IDLE_S = 10
IDLE_SETTLE_S = 4
SMALL, LARGE = 2_000, 270_000
SIZES = (1_000, 100_000, 1_000_000)
COUNTS = (1, 10, 100)
LIVES = ("start", "memory", "restart", "stop")
MANY_LIVES = ("stop-many", "memory-many")
NAMES = frozenset(
    [
        "start",
        "memory",
        "restart",
        "stop",
        "stop-many",
        "memory-many",
        "new-compiled",
        "new-none",
        "new-strategies",
        "new-uncompiled",
        "idle",
        "orphans",
        "cfg-small",
        "cfg-large",
        "growth-services",
        "growth-unchanged",
        "growth-new",
        "growth-cfg",
        "container",
    ]
)
"""The rows that BENCH_ONLY can name."""


class Bench:
    """One run: how many turns, which rows, and where samples go."""

    def __init__(self, sink: Sink, rounds: int, only: frozenset[str]) -> None:
        self.sink = sink
        self.rounds = rounds
        self._only = only
        manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
        self._refused = {name for name, entry in manifest.items() if "refused" in entry}

    def wanted(self, *rows: str) -> bool:
        return not self._only or bool(self._only & set(rows))

    def put(self, row: str, who: str, turn: int, **values: object) -> None:
        if self.wanted(row):
            self.sink.put(row, who, turn, **values)

    def here(self, peers: list[Peer]) -> list[Peer]:
        return [peer for peer in peers if peer.needs not in self._refused]

    def alternate(self, contenders: list[tuple[str, Callable[[int], None]]], rounds: int = 0) -> None:
        """Every contender once a turn, each turn beginning with another one. What fails is a sample too."""
        for turn in range(rounds or self.rounds):
            shift = turn % max(1, len(contenders))
            for name, live in contenders[shift:] + contenders[:shift]:
                print(f"bench: turn {turn + 1}: {name}", flush=True)
                live(turn)


def place_of(peer: Peer, tag: str) -> Path:
    return PLACE / "lives" / f"{peer.name.replace(' ', '-').replace(chr(39), '')}-{tag}"


def prepared(peer: Peer, tag: str, count: int) -> tuple[Start, Path]:
    place = place_of(peer, tag)
    if peer.needs != "ww":
        fresh(place)
    place.mkdir(parents=True, exist_ok=True)
    return peer.make(place, count), place


def warm(bench: Bench, peers: list[Peer], tag: str, count: int, rows: tuple[str, ...], **values: object) -> list[Peer]:
    """A life before the first counted one, so that data is made and configuration compiled; those that could live.

    Of the others each of `rows` gets a sample that says why.
    """
    able = []
    for peer in peers:
        ours.forget(place_of(peer, tag))
        try:
            start, place = prepared(peer, tag, count)
            with Life(start, place) as life:
                life.born(count)
                time.sleep(CALM_S)
                life.stopped(start.stop)
            able.append(peer)
        except (Late, LookupError) as error:
            print(f"bench: {peer.name} ({tag}) cannot take part: {error}", flush=True)
            for row in rows:
                bench.put(row, peer.name, 0, failed=str(error), **values)
    return able


def lives(bench: Bench) -> None:
    """Start, size, replacement and stop with one service."""
    if not bench.wanted(*LIVES):
        return
    peers = warm(bench, bench.here([ours.PLAIN, ours.WRAP, FLOOR, *PEERS]), "one", 1, LIVES)
    bench.alternate([(peer.name, one_life(bench, peer)) for peer in peers])


def one_life(bench: Bench, peer: Peer) -> Callable[[int], None]:
    healing = bool(peer.heals_s) and peer is not ours.WRAP

    def live(turn: int) -> None:
        start, place = prepared(peer, "one", 1)
        row = "start"
        try:
            with Life(start, place) as life:
                bench.put(row, peer.name, turn, ms=life.born())
                time.sleep(peer.settle_s)
                if bench.wanted("memory"):
                    size = life.memory()
                    bench.put("memory", peer.name, turn, rss_kib=size.rss_kib, pss_kib=size.pss_kib)
                row = "restart"
                if healing and bench.wanted(row) and (turn < FEW or peer.heals_s <= QUICK_S):
                    bench.put(row, peer.name, turn, ms=life.killed(peer.heals_s))
                    time.sleep(CALM_S)
                row = "stop"
                if peer.stops and bench.wanted(row):
                    bench.put(row, peer.name, turn, ms=life.stopped(start.stop))
        except Late as late:
            bench.put(row, peer.name, turn, failed=str(late))

    return live


def many(bench: Bench) -> None:
    """Twenty services: how long all of them take to stop, and what each further one costs."""
    if not bench.wanted(*MANY_LIVES):
        return
    peers = [peer for peer in bench.here([ours.PLAIN, FLOOR, *PEERS]) if peer.many and peer.stops]
    bench.alternate([(peer.name, many_lives(bench, peer)) for peer in warm(bench, peers, "many", MANY, MANY_LIVES)])


def many_lives(bench: Bench, peer: Peer) -> Callable[[int], None]:
    def live(turn: int) -> None:
        start, place = prepared(peer, "many", MANY)
        try:
            with Life(start, place) as life:
                life.born(MANY)
                time.sleep(peer.settle_s)
                size = life.memory()
                bench.put("memory-many", peer.name, turn, rss_kib=size.rss_kib, pss_kib=size.pss_kib)
                bench.put("stop-many", peer.name, turn, ms=life.stopped(start.stop))
        except Late as late:
            bench.put("stop-many", peer.name, turn, failed=str(late))

    return live


def new_configuration(bench: Bench) -> None:
    """A start with a configuration that it has never seen."""
    contenders = []
    for row, peer in ours.CONFIGURED.items():
        if bench.wanted(row) and warm(bench, [peer], row, 1, (row,)):
            contenders.append((row, start_only(bench, peer, row, 1)))
    bench.alternate(contenders)


def start_only(bench: Bench, peer: Peer, row: str, count: int, **values: object) -> Callable[[int], None]:
    tag = "-".join([row, *(str(value) for value in values.values())])

    def live(turn: int) -> None:
        start, place = prepared(peer, tag, count)
        try:
            with Life(start, place) as life:
                born = life.born(count)
                time.sleep(CALM_S)
                stopped = life.stopped(start.stop)
            bench.put(row, peer.name, turn, ms=born, stop_ms=stopped, **values)
        except Late as late:
            bench.put(row, peer.name, turn, failed=str(late), **values)

    return live


def idle(bench: Bench) -> None:
    """Wake-ups in a quiet stretch, all contenders side by side."""
    if not bench.wanted("idle"):
        return
    peers = warm(bench, bench.here([ours.PLAIN, FLOOR, *PEERS]), "idle", 1, ("idle",))
    for turn in range(min(FEW, bench.rounds)):
        living: list[tuple[Peer, Life]] = []
        try:
            for peer in peers:
                start, place = prepared(peer, "idle", 1)
                living.append((peer, Life(start, place)))
            for _peer, life in living:
                life.born()
            time.sleep(IDLE_SETTLE_S)
            before = [life.switches() for _peer, life in living]
            time.sleep(IDLE_S)
            for (peer, life), count in zip(living, before, strict=True):
                bench.put("idle", peer.name, turn, wakeups=life.switches() - count, seconds=IDLE_S)
        finally:
            for _peer, life in living:
                life.end()


def orphans(bench: Bench) -> None:
    """A service that makes thousands of orphans: what is left of them 0.2 s after the last."""
    if not bench.wanted("orphans"):
        return
    peers = [peer for peer in bench.here([ours.PLAIN, FLOOR, *PEERS]) if peer.orphans]
    peers = warm(bench, peers, "orphans", 1, ("orphans",))
    bench.alternate([(peer.name, orphan_life(bench, peer)) for peer in peers], rounds=min(FEW, bench.rounds))


def orphan_life(bench: Bench, peer: Peer) -> Callable[[int], None]:
    def live(turn: int) -> None:
        start, place = prepared(peer, "orphans", 1)
        start.env = {**start.env, "BENCH_ORPHANS": str(ORPHANS)}
        try:
            with Life(start, place) as life:
                counted = life.await_notes("counted")[0]
                first, last = life.notes("first")[0], life.notes("last")[0]
                left = life.notes("left")[0].number
                took = (last.at_ns - first.at_ns) / 1e6
                bench.put("orphans", peer.name, turn, left=left, left_at_last_count=counted.number, took_ms=took)
        except Late as late:
            bench.put("orphans", peer.name, turn, failed=str(late))

    return live


def lookups(bench: Bench) -> None:
    """One value of the compiled configuration, beside jq on the same file."""
    contenders = []
    for row, size in (("cfg-small", SMALL), ("cfg-large", LARGE)):
        if bench.wanted(row):
            contenders += lookup_contenders(bench, row, size)
    bench.alternate(contenders)


def lookup_contenders(bench: Bench, row: str, size: int) -> list[tuple[str, Callable[[int], None]]]:
    peer = ours.ours("ww cfg", ours.LargeConfiguration(size, new=False))
    if not warm(bench, [peer], row, 1, (row,)):
        return []
    compiled = place_of(peer, row) / "home/ww/etc/cfg.json"
    packed = place_of(peer, row) / "cfg.marshal"
    pack = "import json, marshal, sys; open(sys.argv[2], 'wb').write(marshal.dumps(json.load(open(sys.argv[1]))))"
    subprocess.run([INTERPRETER, "-c", pack, str(compiled), str(packed)], check=True)
    environ = ours.lookup_environment(place_of(peer, row))
    python = [os.path.realpath(INTERPRETER), "-IS"]
    floor = str(Path(__file__).with_name("floor_cfg.py"))
    hello = str(Path(__file__).with_name("click_hello.py"))
    commands = {
        "ww": [ours.CFG, "a.b"],
        "Python's floor, marshal": [*python, floor, "marshal", str(packed), "a.b"],
        "Python's floor, JSON scanner": [*python, floor, "json", str(compiled), "a.b"],
        "click hello": [str(PLACE / "ww/bin/python"), "-I", hello],
    }
    if bench.here([Peer("jq", PEERS[0].make)]):
        commands["jq"] = [str(PLACE / "root/usr/bin/jq"), "-r", ".a.b", str(compiled)]
    jq_environ = {**environ, "LD_LIBRARY_PATH": library_path()}
    return [
        (f"{row} {who}", timed(bench, row, who, argv, jq_environ if who == "jq" else environ))
        for who, argv in commands.items()
    ]


def timed(bench: Bench, row: str, who: str, argv: list[str], environ: dict[str, str]) -> Callable[[int], None]:
    def live(turn: int) -> None:
        began = time.monotonic_ns()
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=30)
        passed = (time.monotonic_ns() - began) / 1e6
        if done.returncode or done.stdout not in ("value 0\n", "hello\n"):
            bench.put(row, who, turn, failed=f"exit code {done.returncode}: {(done.stderr or done.stdout)[-200:]}")
        else:
            bench.put(row, who, turn, ms=passed)

    return live


def growth(bench: Bench) -> None:
    """How times grow with the number of services and the size of the configuration."""
    contenders = []
    for count in COUNTS:
        row = "growth-services"
        if bench.wanted(row) and warm(bench, [ours.PLAIN], f"{row}-{count}", count, (row,), size=count):
            contenders.append((f"{count} services", grown(bench, count)))
    for size in SIZES:
        for row, new in (("growth-unchanged", False), ("growth-new", True)):
            if bench.wanted(row):
                peer = ours.ours("ww", ours.LargeConfiguration(size, new))
                if warm(bench, [peer], f"{row}-{size}", 1, (row,), size=size):
                    contenders.append((f"{row} {size}", start_only(bench, peer, row, 1, size=size)))
        if bench.wanted("growth-cfg"):
            contenders += lookup_of(bench, size)
    bench.alternate(contenders, rounds=min(SEVERAL, bench.rounds))


def grown(bench: Bench, count: int) -> Callable[[int], None]:
    def live(turn: int) -> None:
        start, place = prepared(ours.PLAIN, f"growth-services-{count}", count)
        try:
            with Life(start, place) as life:
                born = life.born(count)
                time.sleep(CALM_S)
                size = life.memory()
                replaced = life.killed(5)
                time.sleep(CALM_S)
                stopped = life.stopped(start.stop)
            values = {"start_ms": born, "replaced_ms": replaced, "stop_ms": stopped, "rss_kib": size.rss_kib}
            bench.put("growth-services", "ww", turn, size=count, **values)
        except Late as late:
            bench.put("growth-services", "ww", turn, size=count, failed=str(late))

    return live


def lookup_of(bench: Bench, size: int) -> list[tuple[str, Callable[[int], None]]]:
    peer = ours.ours("ww", ours.LargeConfiguration(size, new=False))
    tag = f"growth-cfg-{size}"
    if not warm(bench, [peer], tag, 1, ("growth-cfg",), size=size):
        return []
    environ = ours.lookup_environment(place_of(peer, tag))

    def live(turn: int) -> None:
        began = time.monotonic_ns()
        done = subprocess.run([ours.CFG, "a.b"], env=environ, capture_output=True, check=False, timeout=30)
        passed = (time.monotonic_ns() - began) / 1e6
        if done.returncode:
            bench.put("growth-cfg", "ww", turn, size=size, failed=f"exit code {done.returncode}")
        else:
            bench.put("growth-cfg", "ww", turn, size=size, ms=passed)

    return [(f"ww cfg of {size}", live)]


SECTIONS = (lives, many, new_configuration, idle, orphans, lookups, growth)
