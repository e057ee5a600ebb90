"""The only file that calls `wait*` (architecture, `supervise`; runtime.md 7).

Two callers of `waitpid` steal each other's exit codes: beside a PID 1 that reaps, `Popen.wait` reports a crash as 0.
"""

from __future__ import annotations

import os

from ww.supervise import child
from ww.supervise.exitcode import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.supervise.loop import Loop
    from ww.types import Callback

REAPS_PER_TURN = 256


class Reaper:
    """Collects every child that ends and tells whoever watches it, each exactly once.

    Reaping runs from the loop alone, never inside `spawn`. So a child that dies at once is still a zombie, its pid
    its own, when the code that spawned it calls `watch` in the same callback: no exit is lost and no pid mistaken.
    `on_adopted` gets the pid and end of each process that nobody watches (orphans that were given to us).
    """

    __slots__ = ("_listeners", "_loop", "_watchers", "on_adopted")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._watchers: dict[int, Callable[[Exit], None]] = {}
        self._listeners: list[Callback] = []
        self.on_adopted: Callable[[int, Exit], None] | None = None
        loop.on_child(self.reap)
        # A child may have ended before there was anybody to hear SIGCHLD.
        loop.call_soon(self.reap)

    def watch(self, pid: int, callback: Callable[[Exit], None]) -> None:
        """Call `callback` once with the end of `pid`. Call it in the same loop callback that spawned `pid`."""
        self._watchers[pid] = callback

    def forget(self, pid: int) -> None:
        """Nobody cares for `pid` any more; it is still reaped, as an adopted one."""
        self._watchers.pop(pid, None)

    def watched(self) -> list[int]:
        """The pids that are watched and not reaped yet."""
        return list(self._watchers)

    def subscribe(self, callback: Callback) -> None:
        """Call `callback` after every round in which something was reaped."""
        self._listeners.append(callback)

    def unsubscribe(self, callback: Callback) -> None:
        """Take back one `subscribe`; unknown callbacks are no error."""
        if callback in self._listeners:
            self._listeners.remove(callback)

    def reap(self) -> None:
        """Collect what has ended, at most 256 in one turn of the loop."""
        reaped = 0
        while reaped < REAPS_PER_TURN:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            reaped += 1
            self._tell(pid, Exit.from_wait(status))
        else:
            self._loop.call_soon(self.reap)
        if reaped:
            for listener in tuple(self._listeners):
                self._loop.guard(listener)

    def _tell(self, pid: int, ended: Exit) -> None:
        watcher = self._watchers.pop(pid, None)
        if watcher is not None:
            self._loop.guard(watcher, ended)
        elif child.was_stillborn(pid):
            return
        elif self.on_adopted is not None:
            self._loop.guard(self.on_adopted, pid, ended)
