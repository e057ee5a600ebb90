"""A small instance behind a real control socket: a loop of its own thread, whose state a test sets."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Self

from tests.support.paths import REPO
from tests.support.waiting import until
from ww.clib import json_dumps
from ww.clock import Clock, stamp
from ww.home.control import Answer, ask
from ww.instance.control import Control, failure
from ww.instance.system import System
from ww.instance.voice import Voice
from ww.supervise.logs import ContainerLog
from ww.supervise.loop import Loop
from ww.supervise.reaper import Reaper


def document(state: str | None = "UP", **more: Any) -> dict[str, Any]:
    """A status document as an instance answers it."""
    base: dict[str, Any] = {
        "format": 1,
        "service": "web",
        "instance": "i-1",
        "boot": "0123456789abcdef" * 2,
        "pid": os.getpid(),
        "version": "0.1.0",
        "state": state,
        "previous": "WARMUP",
        "since": stamp(1_790_000_000_000),
        "for_s": 12.3,
        "uptime_s": 40,
        "restarts": 0,
        "maintenance": False,
        "reason": "",
        "image_version": "7",
        "data_version": "7",
        "labels": {},
        "action": "watch",
        "monitored": True,
        "health": {"healthy": True, "at": stamp(1_790_000_010_000), "failure": "", "monitor": {}},
        "services": [],
        "reporter": None,
        "stop": None,
    }
    return {**base, **more}


def service(name: str, state: str = "ready", **more: Any) -> dict[str, Any]:
    """One service in a status document."""
    base = {
        "name": name,
        "type": "service",
        "state": state,
        "essential": True,
        "pid": 12,
        "for_s": 11.9,
        "restarts": 0,
        "status": "",
    }
    return {**base, "last": None, **more}


class Port:
    """What an instance does when asked: noted in `asked`, answered by `answers[op]` or kept in `held`."""

    def __init__(self) -> None:
        self.status_document = document()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.held: list[Callable[[dict[str, Any]], None]] = []
        self.then: Callable[[str], None] = lambda _op: None
        self.more: Callable[[], dict[str, Any]] = dict

    def status(self) -> dict[str, Any]:
        return {**self.status_document, **self.more()}

    def perform(self, op: str, request: dict[str, Any], done: Callable[[dict[str, Any]], None]) -> None:
        self.asked.append((op, request))
        if op in self.answers:
            done(self.answers[op])
        else:
            self.held.append(done)
        self.then(op)


class TwinInstance:
    """A loop in a thread, with a `Control` on `run`; use it as a context. `call` runs something in the loop."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.port = Port()
        self.errors: list[BaseException] = []
        self.turns = 0
        os.makedirs(run, 0o700, exist_ok=True)
        clock = Clock()
        self.loop = Loop(clock)
        self.loop.on_error(self.errors.append)
        self._log_fd = os.open(f"{run}/twin.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        voice = Voice(self.loop, clock, ContainerLog(self.loop, self._log_fd))
        voice.release()
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._jobs: list[Callable[[], object]] = []
        self.loop.add_reader(self._wake, self._work)
        self.control = Control(System(self.loop, Reaper(self.loop), clock, voice), run, self.port)
        self._over = False
        self._thread = threading.Thread(target=self._turn, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._thread.is_alive():
            self.end()
        self.loop.close()
        for fd in (self._wake, self._waker, self._log_fd):
            os.close(fd)
        assert not self.errors, self.errors

    def end(self) -> None:
        """The run ends: the socket closes and the loop is left."""
        self.call(self._leave)
        self._thread.join(10)

    def call(self, job: Callable[[], object]) -> None:
        """Do `job` in the loop, and wait until it is done."""
        done = threading.Event()
        self._jobs.append(lambda: (job(), done.set()))
        os.write(self._waker, b".")
        assert done.wait(10), "the loop does not turn"

    def become(self, state: str, **more: Any) -> None:
        """Declare a state."""
        self.port.status_document = {**self.port.status_document, "state": state, **more}
        self.call(self.control.changed)

    def waiting(self) -> int:
        """How many clients wait for a state."""
        return len(self.control._waiters)

    def control_is_resting(self) -> bool:
        """The server has stopped accepting for a while."""
        server = self.control._server
        return server is not None and server._pause is not None

    def said(self) -> str:
        """The log so far."""
        with open(f"{self.run}/twin.log") as file:
            return file.read()

    def until_asked(self, op: str) -> dict[str, Any]:
        """The request for `op`, once it has come."""
        until(lambda: any(name == op for name, _ in self.port.asked), f"{op} is asked")
        return next(request for name, request in self.port.asked if name == op)

    def answer_held(self, body: dict[str, Any]) -> None:
        """Answer everything that waits for the end of an operation."""
        held, self.port.held = self.port.held, []
        self.call(lambda: [done(body) for done in held])

    def refuse(self, op: str, code: str, message: str, **more: Any) -> None:
        """Let `op` fail."""
        self.port.answers[op] = failure(code, message, **more)

    def _leave(self) -> None:
        self.control.close()
        self._over = True

    def _turn(self) -> None:
        while not self._over:
            self.loop.turn()
            self.turns += 1

    def _work(self) -> None:
        os.read(self._wake, 4096)
        while self._jobs:
            self._jobs.pop(0)()


class TwinProcess:
    """A twin in a process of its own, below `root`: it restarts, and ends when it is asked to stop; use it as a context."""

    def __init__(self, root: str, exit_code: int = 0) -> None:
        argv = [sys.executable, "-P", "-c", _PROGRAM, root, str(exit_code)]
        path = os.pathsep.join([str(REPO), *(entry for entry in sys.path if entry)])
        self._process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": path, "WW_TEST_TREE": "1"})
        self.pid = self._process.pid
        self._run = f"{root}/run"
        until(lambda: isinstance(ask(self._run, {"op": "ping"}, 1.0), Answer), "the twin listens")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def has_ended(self) -> bool:
        """Whether it has."""
        return self._process.poll() is not None

    def waiting(self) -> int:
        """How many clients wait for a state."""
        said = ask(self._run, {"op": "status"}, 1.0)
        return said.body["status"]["waiting"] if isinstance(said, Answer) else 0


_PROGRAM = "import sys; from tests.support.ports import serve; serve(sys.argv[1], int(sys.argv[2]))"
RESTART_MS = 100


def serve(root: str, exit_code: int) -> None:
    """Be a twin until it is asked to stop; the record of its end says `exit_code`."""
    twin = TwinInstance(f"{root}/run")
    twin.port.status_document = document(services=[service("web"), service("db", "starting", status="loading")])
    twin.port.answers["reload"] = {"ok": True, "changed": ["http.port"], "reloaded": [], "restarted": ["web"]}
    twin.port.answers["maintenance"] = {"ok": True}

    def act(op: str) -> None:
        if op == "restart":
            held, twin.port.held = twin.port.held, []
            _declare(twin, "RESTARTING")
            twin.loop.call_later(RESTART_MS, lambda: _is_up_again(twin, held))
        if op == "stop":
            _declare(twin, "STOPPING")
            twin.loop.call_later(RESTART_MS, lambda: _end(twin, exit_code))
        if op == "maintenance":
            twin.port.status_document["maintenance"] = bool(twin.port.asked[-1][1]["on"])

    twin.port.answers["stop"] = {"ok": True}
    twin.port.then = act
    twin.port.more = lambda: {"waiting": twin.waiting()}
    twin._turn()


def _declare(twin: TwinInstance, state: str) -> None:
    twin.port.status_document = {**twin.port.status_document, "state": state}
    twin.control.changed()


def _is_up_again(twin: TwinInstance, held: list[Callable[[dict[str, Any]], None]]) -> None:
    _declare(twin, "UP")
    for done in held:
        done({"ok": True, "state": "UP"})


def _end(twin: TwinInstance, exit_code: int) -> None:
    _declare(twin, "STOPPED")
    record = {"format": 1, "exit_code": exit_code, "state": "STOPPED", "reason": "asked to stop"}
    with open(f"{twin.run}/exit.json", "w") as file:
        file.write(json_dumps(record))
    twin.control.close()
    os._exit(exit_code)
