"""Asking a running instance: the client's half of the control socket, and what a stopped one left in writing.

Below click and quick to import, since `ww healthcheck` runs every few seconds for as long as a container lives.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import struct

from ww.clib import BadJson, json_dumps, json_loads, sockets
from ww.clock import Clock
from ww.home.layout import run_directories
from ww.home.smallfile import read_text
from ww.home.unixsocket import by_path, process_of, user_of
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping
    from typing import Any

    from ww.home.layout import Layout
    from ww.types import JsonObject

ABSENT, SILENT, FORBIDDEN = "absent", "silent", "forbidden"
"""Why nobody answers: nobody is there; somebody is and says nothing (or leaves); it is not ours to ask."""
VERSION = 1
_ANSWER_BYTES = 4 << 20
_READ_BYTES = 256 << 10
_TIMEVAL = struct.Struct("@ll")
_CROWDED = "crowded"
"""The code for "you were not heard": asking again is safe, whatever was asked."""
_AGAIN_MS = 20
_SHARED = ("/tmp", "/dev/shm")  # noqa: S108 - where instances of any user are looked for, by root only


class Answer(Value):
    """What the instance said."""

    __slots__ = ("body",)

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    @property
    def ok(self) -> bool:
        """It did what was asked."""
        return self.body.get("ok") is True

    @property
    def code(self) -> str:
        """Why not, for programs."""
        return str(self.body.get("code", ""))

    @property
    def message(self) -> str:
        """Why not, for people."""
        return str(self.body.get("message", ""))


class Unreachable(Value):
    """Nobody answered; `words` say what was tried, `why` is ABSENT, SILENT or FORBIDDEN."""

    __slots__ = ("words", "why")

    def __init__(self, words: str, why: str) -> None:
        self.words = words
        self.why = why


def run_of(layout: Layout, environ: Mapping[str, str]) -> str:
    """The run directory of the instance: the first with a control socket, else with a record, else the first of all.

    Looks where `ww run` looks. Root looks for instances of other users too, as `docker exec` is root's.
    """
    places = _places(layout, environ)
    for name in ("ctl", "state.json", "exit.json"):
        for place in places:
            if os.path.lexists(f"{place}/{name}"):
                return place
    return places[0]


def looked_at(layout: Layout, environ: Mapping[str, str]) -> list[str]:
    """Every directory in which `run_of` looks, for messages."""
    return _places(layout, environ, usable=False)


def _places(layout: Layout, environ: Mapping[str, str], usable: bool = True) -> list[str]:
    candidates = run_directories(layout, environ)
    if os.getuid() == 0 and candidates[0] == "/run/ww":
        candidates += [f"{base}/{name}" for base in _SHARED for name in _of_others(base) if name != "ww-0"]
    return [path for path in candidates if not usable or _is_honest(path)] or candidates[:1]


def _of_others(base: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(base) if name.startswith("ww-") and name[3:].isdigit())
    except OSError:
        return []


def _is_honest(path: str) -> bool:
    """False for what somebody else put where our directory would be: /tmp is everybody's."""
    try:
        owner = os.lstat(path).st_uid
    except OSError:
        return False
    base, _, name = path.rpartition("/")
    if base in _SHARED and name[3:].isdigit():
        return owner == int(name[3:])
    return owner in (0, os.getuid()) or os.getuid() == 0


def ask(run: str, request: JsonObject, timeout_s: float) -> Answer | Unreachable:
    """Send one request (its `v` is added) to the instance of run directory `run`; its answer within `timeout_s`."""
    deadline_ms = Clock().mono_ms() + int(timeout_s * 1000)
    while True:
        answer = _ask_once(f"{run}/ctl", request, deadline_ms)
        crowded = isinstance(answer, Answer) and answer.code == _CROWDED
        if not crowded or Clock().mono_ms() + _AGAIN_MS >= deadline_ms:
            return answer
        select.poll().poll(_AGAIN_MS)


def _ask_once(path: str, request: JsonObject, deadline_ms: int) -> Answer | Unreachable:
    library = sockets()
    connection: _socket.socket = library.socket(library.AF_UNIX, library.SOCK_STREAM | library.SOCK_CLOEXEC, 0)
    try:
        return _exchange(connection, path, request, deadline_ms)
    except OSError as error:
        return _worded(path, error)
    finally:
        connection.close()


def _exchange(connection: _socket.socket, path: str, request: JsonObject, deadline_ms: int) -> Answer | Unreachable:
    library = sockets()
    # A full queue lets connect wait for as long as a send may: that is the only limit it knows.
    left_ms = max(1, deadline_ms - Clock().mono_ms())
    connection.setsockopt(
        library.SOL_SOCKET, library.SO_SNDTIMEO, _TIMEVAL.pack(left_ms // 1000, left_ms % 1000 * 1000)
    )
    by_path(connection.connect, path)
    owner = user_of(connection)
    if os.getuid() not in (0, owner) and owner != 0:
        return Unreachable(f"{path} is answered by user {owner}, and this is user {os.getuid()}", FORBIDDEN)
    line = json_dumps({"v": VERSION, **request}).encode("utf-8", "backslashreplace") + b"\n"
    try:
        connection.sendall(line, library.MSG_NOSIGNAL)
    except BrokenPipeError:
        pass  # it may have said why before it hung up
    return _read_answer(connection, path, deadline_ms)


def _read_answer(connection: _socket.socket, path: str, deadline_ms: int) -> Answer | Unreachable:
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    text = bytearray()
    while b"\n" not in text[-_READ_BYTES:]:
        left_ms = deadline_ms - Clock().mono_ms()
        if left_ms <= 0 or not poller.poll(left_ms):
            return Unreachable(f"the instance at {path} did not answer in time", SILENT)
        try:
            data = connection.recv(_READ_BYTES)
        except ConnectionResetError:
            data = b""
        if not data or len(text) > _ANSWER_BYTES:
            return Unreachable(f"the instance at {path} closed the connection without an answer", SILENT)
        text += data
    try:
        body = json_loads(text.decode("utf-8"))
    except (BadJson, UnicodeDecodeError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return Unreachable(f"what listens at {path} does not speak the control protocol", SILENT)
    return Answer(body)


def _worded(path: str, error: OSError) -> Unreachable:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Unreachable(f"nothing listens at {path}: there is no such socket", ABSENT)
    if error.errno == errno.ECONNREFUSED:
        return Unreachable(f"nothing listens at {path}: the socket is left from an instance that was killed", ABSENT)
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unreachable(f"cannot ask at {path}: it belongs to another user; ask as that user or as root", FORBIDDEN)
    if error.errno == errno.EAGAIN:
        return Unreachable(f"the instance at {path} did not take the connection in time", SILENT)
    return Unreachable(f"cannot ask at {path}: {error.strerror or error}", SILENT)


def hold_process(run: str) -> int:
    """A descriptor of the instance's process, readable when it has ended; -1 where there is none, or no such thing."""
    library = sockets()
    connection: _socket.socket = library.socket(library.AF_UNIX, library.SOCK_STREAM | library.SOCK_CLOEXEC, 0)
    try:
        by_path(connection.connect, f"{run}/ctl")
        return os.pidfd_open(process_of(connection))
    except OSError:
        return -1
    finally:
        connection.close()


def last_words(run: str) -> str:
    """What an instance that does not run left in writing, as one clause for people; "" if it left nothing."""
    end = end_record(run)
    if end:
        reason = end.get("reason")
        state = end.get("state") or "a refused start"
        words = f"the last run ended with {state}, exit code {end.get('exit_code')}"
        return f"{words}: {reason}" if reason else words
    state = _record(f"{run}/state.json")
    if state:
        said = f"it last said {state.get('state')}, at {state.get('at')}"
        return f"the last run recorded no end, as after a kill; {said}"
    return ""


def end_record(run: str) -> dict[str, Any]:
    """`exit.json` of a run that has ended; empty if there is none."""
    return _record(f"{run}/exit.json")


def _record(path: str) -> dict[str, Any]:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return {}  # a fifo that another user put there would hold us up for ever
        value = json_loads(read_text(path, 1 << 20) or "")
    except (OSError, BadJson, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
