"""The control socket, protocol v1 (runtime.md 22): one line of JSON in, one out; what a line asks is done by a port.

`ww logs` and `ww events` are not asked here: they read their files (docs/decisions/0006).
"""

from __future__ import annotations

import os

from ww import __version__
from ww.clib import BadJson, json_dumps, json_loads
from ww.lifecycle.model import State
from ww.lifecycle.table import TRANSITIONS, Enter, Heal, Recover
from ww.supervise.lineserver import CROWDED, DISPLACED, FORBIDDEN, LATE, LINE_BYTES, TOO_LONG, LineServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ww.instance.system import System
    from ww.supervise.lineserver import Peer
    from ww.types import JsonObject

    class ControlPort(Protocol):
        """What the socket asks of the instance."""

        def status(self) -> JsonObject:
            """The status document, format 1, masked."""

        def perform(self, op: str, request: JsonObject, done: Callable[[JsonObject], None]) -> None:
            """Do `op` (restart, reload, stop, maintenance, drain); `done` is called once, at once or later, with the answer.

            The members that an operation knows are of the right type: see `_WANTED`.
            """


VERSION = 1
SOCKET = "ctl"
PERFORMED = ("restart", "reload", "stop", "maintenance", "drain")
_WANTED: dict[str, tuple[tuple[str, tuple[type, ...], str], ...]] = {
    "restart": (
        ("name", (str, type(None)), "a service's name, or null"),
        ("wait", (bool, type(None)), "true or false"),
    ),
    "reload": (("wait", (bool, type(None)), "true or false"),),
    "stop": (("wait", (bool, type(None)), "true or false"),),
    "maintenance": (("on", (bool,), "true or false"),),
    "drain": (("sink", (str, type(None)), "a sink's name, or null"),),
    "wait": (("state", (str,), f"one of {', '.join(state.value for state in State)}"),),
}
"""Per operation: a member, the types it may have (None: it may be left out), and what to say otherwise."""

_REFUSALS = {
    LATE: "no request came in time",
    TOO_LONG: f"a request is one line of at most {LINE_BYTES} bytes",
    CROWDED: "too many clients say nothing; this one was the oldest of them",
    DISPLACED: "too many clients wait for an answer; this one was the oldest of them. What it asked for goes on",
    FORBIDDEN: "only root and the user of the instance may ask",
}


class Control:
    """`RUN/ctl`. Without it the instance runs on, and says in the log that it cannot be asked."""

    def __init__(self, system: System, run: str, port: ControlPort) -> None:
        self._port = port
        self._waiters: dict[Peer, State] = {}
        self._server: LineServer | None = None
        path = f"{run}/{SOCKET}"
        try:
            self._server = LineServer(system.loop, path, self._hear, _refusal)
        except OSError as error:
            system.voice.warn(
                f"cannot listen at {path}: {error.strerror or error}: ww status, stop … will not be heard"
            )

    def changed(self) -> None:
        """The state or a service has changed: answer those that waited for it, or that wait for ever now."""
        if self._waiters:
            self._settle(self._port.status())

    def close(self) -> None:
        """The end of the run: whoever waits for a state is told so, and the socket goes."""
        if self._waiters:
            status = self._port.status()
            self._settle(status)
            for peer, wanted in list(self._waiters.items()):
                _send(peer, _impossible(wanted, status, "has ended"))
        self._waiters.clear()
        if self._server is not None:
            self._server.close()

    # Requests

    def _hear(self, peer: Peer, line: bytes) -> None:
        request = _parse(line)
        if isinstance(request, str):
            _send(peer, failure("bad_request", request))
            return
        wrong = _objection(request)
        if wrong is not None:
            _send(peer, wrong)
            return
        op = str(request["op"])
        if op == "ping":
            _send(peer, {"ok": True, "pid": os.getpid(), "version": __version__})
        elif op == "status":
            _send(peer, {"ok": True, "status": self._port.status()})
        elif op == "wait":
            self._wait(peer, State(request["state"]))
        else:
            self._port.perform(op, request, lambda answer: _send(peer, answer))

    def _wait(self, peer: Peer, wanted: State) -> None:
        self._waiters[peer] = wanted
        peer.on_gone = lambda: self._forget(peer)
        self._settle(self._port.status(), peer)

    def _forget(self, peer: Peer) -> None:
        self._waiters.pop(peer, None)

    def _settle(self, status: JsonObject, only: Peer | None = None) -> None:
        now = _state(status)
        for peer, wanted in list(self._waiters.items()) if only is None else [(only, self._waiters[only])]:
            if wanted is now:
                answer: JsonObject = {"ok": True, "state": wanted.value, "status": status}
            elif wanted in reachable(now):
                continue
            else:
                answer = _impossible(wanted, status, f"is in {now.value}" if now else "is starting")
            del self._waiters[peer]
            _send(peer, answer)


def reachable(state: State | None) -> frozenset[State]:
    """Every state that an instance in `state` can still enter in this run, by the lifecycle's own table."""
    found: set[State] = set()
    ahead: list[State | None] = [state]
    while ahead:
        for edge in TRANSITIONS[ahead.pop()].values():
            after = {edge.state} if isinstance(edge, Enter) else set()
            if isinstance(edge, Heal | Recover):
                after = {State.RESTARTING, State.ERROR}
            ahead.extend(after - found)
            found |= after
    return frozenset(found)


def failure(code: str, message: str, **more: object) -> JsonObject:
    """An answer that refuses: `code` for programs, `message` for people."""
    return {"ok": False, "code": code, "message": message, **more}  # type: ignore[dict-item]


def _state(status: JsonObject) -> State | None:
    """The state in a status document; before BOOT there is none."""
    name = status.get("state")
    return State(name) if name else None


def _impossible(wanted: State, status: JsonObject, how: str) -> JsonObject:
    reason = status.get("reason")
    why = f" ({reason})" if reason else ""
    words = f"the instance {how}{why} and will not be {wanted.value} in this run"
    return failure("impossible", words, state=status.get("state"), status=status)


def _parse(line: bytes) -> JsonObject | str:
    """The request, or what is wrong with the line."""
    try:
        request = json_loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return "the request is not UTF-8"
    except BadJson as error:
        return f"the request is not JSON: {error.args[0]}"
    except RecursionError:
        return "the request is nested too deeply"
    if not isinstance(request, dict):
        return 'a request is an object, as in {"v":1,"op":"status"}'
    return request


def _objection(request: JsonObject) -> JsonObject | None:
    """Why the request cannot be taken; None if it can."""
    version, op = request.get("v"), request.get("op")
    if type(version) is not int or version != VERSION:
        shown = json_dumps(version)[:40]
        return failure("version", f"this instance speaks version {VERSION} of the control protocol, not {shown}")
    known = ("ping", "status", "wait", *PERFORMED)
    if not isinstance(op, str) or op not in known:
        return failure("unknown_op", f"unknown op {json_dumps(op)[:80]}; this instance knows {', '.join(known)}")
    for member, types, words in _WANTED.get(op, ()):
        if not isinstance(request.get(member), types):
            return failure("bad_request", f"op {op}: {member} must be {words}")
    if op == "wait" and request["state"] not in State.__members__:
        return failure("bad_request", f"op wait: state must be {_WANTED['wait'][0][2]}")
    return None


def _refusal(why: str) -> bytes:
    return _line(failure(why, _REFUSALS[why]))


def _send(peer: Peer, answer: JsonObject) -> None:
    peer.answer(_line(answer))


def _line(answer: JsonObject) -> bytes:
    return json_dumps({"v": VERSION, **answer}).encode("utf-8", "backslashreplace") + b"\n"
