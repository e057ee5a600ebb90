"""A day of an instance in a minute: the whole program of `ww run` on a clock that is moved, its children real.

Started as a program with the root of a home; prints what it counted as one line of JSON on standard error. Nothing of
the program is replaced but its clock; standard output is its container log.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import time
from collections import Counter
from typing import Any

from ww.clock import FakeClock
from ww.entrypoint import Program
from ww.home.command import compile_command
from ww.home.layout import layout_for, make_run_directory
from ww.instance.compilation import Compiler
from ww.instance.crew import Place
from ww.instance.services.member import Member
from ww.lifecycle.model import State
from ww.supervise import child, signals

TICK_MS = 30_000
TICKS = 2_880
FIRST_LOOK = 480
"""Ticks until everything has happened at least once."""
HOUR_MS = 3_600_000


class Day:
    """Moves the clock from one timer to the next, whenever nothing real is under way."""

    def __init__(self, root: str) -> None:
        wake_fd = signals.install()
        child.close_inherited()
        self.clock = FakeClock()
        layout = layout_for(root, {})
        self.run = make_run_directory(layout, {}) or ""
        compiler = Compiler(compile_command(), layout, self.run, [], dict(os.environ))
        self.program = Program(Place(layout, self.run, ""), compiler, None, wake_fd, self.clock)
        self.loop = self.program._loop
        self.root = root
        self.kills = self.answers = self.refusals = self.restarts = 0
        self.silent: list[socket.socket] = []
        self._spent_ns = 0

    # Time

    def begin(self) -> None:
        self.program.begin()
        self.until_up()

    @property
    def members(self) -> dict[str, Member]:
        return self.program._servicing.supervisor.members

    @property
    def state(self) -> State | None:
        return self.program._driver.situation.state

    def busy(self) -> bool:
        """A real process is waited for that is no service; or something was put off to the next turn."""
        lives = {one.life.pid for one in self.members.values() if one.life is not None}
        return bool(set(self.program._reaper.watched()) - lives) or bool(self.loop._soon)

    def turn(self) -> None:
        """A turn that may wait for something real; the clock goes on by as much."""
        began = time.monotonic_ns()
        self.loop.turn()
        self._spent_ns += time.monotonic_ns() - began
        self.clock.advance(self._spent_ns // 1_000_000)
        self._spent_ns %= 1_000_000

    def settle(self) -> None:
        """Turn while there is something real to wait for or to do."""
        while self.busy():
            self.turn()
        self.loop.turn(wait=False)

    def until_up(self) -> None:
        while self.state is not State.UP or self.busy():
            if self.program._bugs or self.state in (State.STOPPING, State.STOPPED, State.ERROR):
                raise SystemExit(f"the instance went to {self.state}: {self.program._driver.situation.cause}")
            wait_s = self.loop._wait_s()
            if self.busy() or wait_s is None:
                self.turn()
            else:
                self.loop.turn(wait=False)
                if not self.busy() and wait_s:
                    self.clock.advance(max(1, int(wait_s * 1000)))

    def pass_ms(self, ms: int) -> None:
        """Let time pass, from timer to timer."""
        end = self.clock.mono + ms
        while self.clock.mono < end:
            self.settle()
            wait_s = self.loop._wait_s()
            left = end - self.clock.mono
            self.clock.advance(left if wait_s is None else max(1, min(left, int(wait_s * 1000))))
            self.loop.turn(wait=False)
        self.settle()

    # People, and what happens

    def connect(self, line: bytes) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        directory = os.open(self.run, os.O_PATH)
        client.connect(f"/proc/self/fd/{directory}/ctl")
        os.close(directory)
        client.setblocking(False)
        client.send(line)
        return client

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request and its answer."""
        with self.connect(json.dumps({"v": 1, **request}).encode() + b"\n") as client:
            said = b""
            while not said.endswith(b"\n"):
                self.loop.turn(wait=False)
                try:
                    more = client.recv(65536)
                except BlockingIOError:
                    continue
                if not more:
                    break
                said += more
        self.answers += 1
        answer: dict[str, Any] = json.loads(said)
        self.refusals += not answer["ok"]
        return answer

    def kill(self, name: str) -> None:
        life = self.members[name].life
        if life is not None and life.pid:
            os.kill(life.pid, signal.SIGKILL)
            self.kills += 1
            while self.members[name].life is life:
                self.turn()
            self.until_up()

    def tick(self, number: int) -> None:
        """What a tick of a busy instance brings."""
        self.ask({"op": "status"})
        for client in self.silent:
            client.close()
        self.silent = [self.connect(b""), self.connect(b'{"v":1,"op"')]
        if number % 3 == 0:
            self.ask({"op": ("ping", "nonsense", "wait")[number % 9 // 3], "state": "UP"})
        if number % 10 == 0:
            self.kill(("main", "second")[number // 10 % 2])
        if number % 60 == 7:
            self.ask({"op": "restart", "name": "main"})
            self.until_up()
        if number % 120 == 9:
            self.ask({"op": "reload"})
            self.until_up()
        if number % 120 == 13:
            self.ask({"op": "maintenance", "on": True})
            self.ask({"op": "maintenance", "on": False})
        if number % 240 == 17:
            self.ask({"op": "restart"})
            self.until_up()
        if number % 240 == 19:
            open(f"{self.root}/unhealthy", "w").close()
        if number % 240 == 23:
            self.clock.wall += HOUR_MS if number // 240 % 2 else -HOUR_MS
        self.pass_ms(TICK_MS)
        self.until_up()

    # Counting

    def count(self) -> dict[str, Any]:
        """Everything that could grow."""
        for client in self.silent:
            client.close()
        self.silent = []
        self.pass_ms(5_000)
        gc.collect()
        with open("/proc/self/smaps_rollup") as file:
            private = next(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))
        journal = f"{self.root}/data/.ww/journal"
        return {
            "blocks": sys.getallocatedblocks(),
            "objects": dict(Counter(type(one).__qualname__ for one in gc.get_objects())),
            "timers": len(self.loop._heap),
            "watched": len(self.loop._readers) + len(self.loop._writers),
            "fds": len(os.listdir("/proc/self/fd")),
            "private_kib": private,
            "journal_bytes": sum(entry.stat().st_size for entry in os.scandir(journal)),
            "log_bytes": sum(entry.stat().st_size for entry in os.scandir(f"{self.run}/log")),
            "children": len(self.program._reaper.watched()),
        }

    def report(self) -> dict[str, Any]:
        situation = self.program._driver.situation
        return {
            "restarts": situation.restarts,
            "kills": self.kills,
            "answers": self.answers,
            "refusals": self.refusals,
            "mono_ms": self.clock.mono,
            "bugs": self.program._bugs,
        }


def main() -> None:
    """Live a day."""
    day = Day(sys.argv[1])
    started_ms = day.clock.mono
    day.begin()
    early: dict[str, Any] = {}
    for number in range(int(sys.argv[2]) if len(sys.argv) > 2 else TICKS):
        if number == FIRST_LOOK:
            early = day.count()
        day.tick(number)
    late = day.count()
    answer = {"early": early, "late": late, **day.report()}
    answer["hours"] = (day.clock.mono - started_ms) / HOUR_MS
    os.write(2, json.dumps(answer).encode() + b"\n")
    day.program._performance.strays.kill_all()


if __name__ == "__main__":
    main()
