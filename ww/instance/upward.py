"""Whether the instance is ready, said to whoever started it: the status file, and sd_notify (docs/probes.md).

PID 1 says both itself: the file is right without a reporter, and systemd hears nobody but the main process.
Nothing here waits: what finds no room is said again.
"""

from __future__ import annotations

import errno
import os

from ww.clib import sockets
from ww.home.smallfile import write_text
from ww.instance.record import READY_FILE
from ww.lifecycle.model import State
from ww.lifecycle.verdict import judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ww.instance.crew import Crew
    from ww.supervise.loop import Timer

EXTEND_MS = 15_000
"""How often more time is asked for while a state may take as long as it likes."""
EXTENDED_MS = 60_000
AGAIN_MS = 200
SPARE_MS = 1_000
"""More than the stop budget: what the end itself takes."""
_STARTING = (None, State.BOOT, State.FIRSTBOOT, State.UPGRADING, State.WARMUP, State.RESTARTING)
_ENDING = (State.STOPPING, State.STOPPED, State.ERROR)
_FULL = (errno.EAGAIN, errno.ENOBUFS)


class Upward:
    """`view` gives the members of the status document by which readiness is judged, `left_ms` what is left of a stop."""

    def __init__(self, crew: Crew, view: Callable[[], dict[str, Any]], left_ms: Callable[[], int]) -> None:
        self._crew = crew
        self._view = view
        self._file = StatusFile(crew)
        environ = crew.environ
        self._herald = Herald(crew, environ["NOTIFY_SOCKET"], left_ms) if environ.get("NOTIFY_SOCKET") else None
        self.ready = False
        self.words = ""

    def look(self) -> bool:
        """Judge anew and say what has changed; whether anything has."""
        view = self._view()
        ready, words = judge(view)
        words = str(self._crew.mask(words))
        changed = (ready, words) != (self.ready, self.words)
        self.ready, self.words = ready, words
        self._file.put(ready)
        if self._herald is not None:
            name = view["state"]
            self._herald.put(State(name) if name else None, ready, words)
        return changed


class StatusFile:
    """`ww.probes.file`."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._at = ""
        self._complaint = ""

    def put(self, ready: bool) -> None:
        """Have it exist if and only if `ready`."""
        name = self._crew.settings.text("probes.file")
        path = self._crew.place(name) if name and ready else ""
        if path == self._at:
            return
        try:
            if self._at:
                _remove(self._at)
                self._at = ""
            if path:
                if self._crew.run:
                    write_text(f"{self._crew.run}/{READY_FILE}", path)
                write_text(path, "UP\n", 0o644)
                self._at = path
            self._complaint = ""
        except OSError as error:
            words = f"the status file {path or self._at}: {error.strerror}; it is tried again"
            if words != self._complaint:
                self._complaint = words
                self._crew.system.voice.warn(words)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return


class Herald:
    """sd_notify to `address`, with what systemd.service(5) calls READY, RELOADING, STOPPING, STATUS and WATCHDOG."""

    def __init__(self, crew: Crew, address: str, left_ms: Callable[[], int]) -> None:
        self._crew = crew
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._left_ms = left_ms
        self._said = ""
        self._was_ready = False
        self._complaint = ""
        self._pending = b""
        self._again: Timer | None = None
        self._extending = False
        self._starting = True
        environ = crew.environ
        self._watchdog_ms = _watchdog_ms(environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", ""), crew.pid)
        if self._watchdog_ms:
            self._alive()

    def put(self, state: State | None, ready: bool, words: str) -> None:
        """Say what holds by now."""
        lines = [f"STATUS={words}"]
        if state in _ENDING:
            lines += ["STOPPING=1", f"EXTEND_TIMEOUT_USEC={(self._left_ms() + SPARE_MS) * 1000}"]
        elif ready:
            lines.append("READY=1")
            self._was_ready = True
        elif self._was_ready:
            lines.append("RELOADING=1")
        said = "\n".join(line for line in lines if not line.startswith("EXTEND"))
        if said != self._said:
            self._said = said
            if "RELOADING=1" in lines:
                lines.append(f"MONOTONIC_USEC={self._crew.system.clock.mono_ms() * 1000}")
            self._send("\n".join(lines))
        self._starting = state in _STARTING
        if self._starting and not self._extending:
            self._extend()

    def _extend(self) -> None:
        """Nobody but the instance knows how long a first boot or an upgrade takes: its hooks have limits of their own."""
        self._extending = self._starting
        if self._extending:
            self._put(b"EXTEND_TIMEOUT_USEC=%d" % (EXTENDED_MS * 1000))
            self._crew.system.loop.call_later(EXTEND_MS, self._extend)

    def _alive(self) -> None:
        self._put(b"WATCHDOG=1")
        self._crew.system.loop.call_later(self._watchdog_ms // 2, self._alive)

    def _send(self, text: str) -> None:
        """Say it now, or as soon as there is room; a later word takes the place of one that waits."""
        self._pending = text.encode("utf-8", "backslashreplace")
        if self._again is None:
            self._try()

    def _try(self) -> None:
        self._again = None
        if self._put(self._pending):
            self._pending = b""
        else:
            self._again = self._crew.system.loop.call_later(AGAIN_MS, self._try)

    def _put(self, text: bytes) -> bool:
        """Whether it was taken, or never will be."""
        module = sockets()
        complaint = ""
        try:
            peer = module.socket(module.AF_UNIX, module.SOCK_DGRAM | module.SOCK_CLOEXEC)
            try:
                peer.setblocking(False)
                peer.sendto(text, self._address)
            finally:
                peer.close()
        except OSError as error:
            if error.errno in _FULL:
                return False
            complaint = f"cannot say at NOTIFY_SOCKET how it stands: {error.strerror or error}"
        if complaint and complaint != self._complaint:
            self._crew.system.voice.warn(complaint)
        self._complaint = complaint
        return True


def _watchdog_ms(limit_usec: str, for_pid: str, pid: int) -> int:
    """How often whoever started us wants a sign of life, in milliseconds; 0: never."""
    if not limit_usec.isascii() or not limit_usec.isdecimal() or (for_pid and for_pid != str(pid)):
        return 0
    return max(2, int(limit_usec) // 1000) if int(limit_usec) else 0
