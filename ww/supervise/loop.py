"""One epoll and one heap of deadlines: all that PID 1 ever waits in (runtime.md 6 and 8).

No timer and nothing readable means no wake-up. Callbacks are level-triggered: one that reads takes at most
64 KiB and returns, so no descriptor starves another. A callback that raises is reported and the loop lives on.
"""

from __future__ import annotations

import errno
import select

from ww.clib import HEAP
from ww.supervise import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.clock import Clock
    from ww.types import Callback

_MAX_EVENTS = 256
_MANY_CANCELLED = 64


class Timer:
    """A callback that is due at `mono_ms`; `cancel` may be called at any time, also twice."""

    __slots__ = ("_loop", "callback", "mono_ms")

    def __init__(self, loop: Loop, mono_ms: int, callback: Callback) -> None:
        self._loop = loop
        self.mono_ms = mono_ms
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """The callback will not be called any more."""
        if self.callback is not None:
            self.callback = None
            self._loop.note_cancelled()

    @property
    def pending(self) -> bool:
        """True until it is cancelled or has been called."""
        return self.callback is not None


class Loop:
    """Descriptors, timers and signals to callbacks, on one thread. `signal_fd` is what `signals.install` returned."""

    __slots__ = (
        "_always",
        "_cancelled",
        "_clock",
        "_count",
        "_epoll",
        "_fresh",
        "_heap",
        "_on_child",
        "_on_error",
        "_on_signal",
        "_readers",
        "_soon",
        "_stopping",
        "_wake_fd",
        "_writers",
    )

    def __init__(self, clock: Clock, signal_fd: int | None = None) -> None:
        self._clock = clock
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._always: set[int] = set()
        self._fresh: set[int] = set()
        self._heap: list[tuple[int, int, Timer]] = []
        self._cancelled = 0
        self._count = 0
        self._soon: list[Callback] = []
        self._stopping = False
        self._wake_fd: int | None = None
        self._on_child: Callback | None = None
        self._on_signal: Callable[[int], None] | None = None
        self._on_error: Callable[[BaseException], None] | None = None
        if signal_fd is not None:
            self.attach_signals(signal_fd)

    # Descriptors

    def add_reader(self, fd: int, callback: Callback) -> None:
        """Call `callback` whenever `fd` can be read, is at its end, or has failed. Replaces an earlier one."""
        self._readers[fd] = callback
        self._watch(fd)

    def add_writer(self, fd: int, callback: Callback) -> None:
        """Call `callback` whenever `fd` can be written, or has failed. Replaces an earlier one."""
        self._writers[fd] = callback
        self._watch(fd)

    def remove_writer(self, fd: int) -> None:
        """Forget the writer of `fd` and keep its reader."""
        if self._writers.pop(fd, None) is not None:
            self._watch(fd) if fd in self._readers else self.remove(fd)

    def remove_reader(self, fd: int) -> None:
        """Forget the reader of `fd` and keep its writer."""
        if self._readers.pop(fd, None) is not None:
            self._watch(fd) if fd in self._writers else self.remove(fd)

    def remove(self, fd: int) -> None:
        """Forget reader and writer of `fd`; call it before closing `fd`. Unknown descriptors are no error."""
        self._readers.pop(fd, None)
        self._writers.pop(fd, None)
        if fd in self._always:
            self._always.discard(fd)
            return
        try:
            self._epoll.unregister(fd)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EBADF, errno.EPERM):
                raise

    def _watch(self, fd: int) -> None:
        self._fresh.add(fd)
        mask = (select.EPOLLIN if fd in self._readers else 0) | (select.EPOLLOUT if fd in self._writers else 0)
        try:
            try:
                self._epoll.register(fd, mask)
            except FileExistsError:
                self._epoll.modify(fd, mask)
        except PermissionError:
            # A regular file or /dev/null: epoll refuses what is always ready.
            self._always.add(fd)

    # Time

    def now_ms(self) -> int:
        """Monotonic milliseconds by the clock of this loop."""
        return self._clock.mono_ms()

    def call_at(self, mono_ms: int, callback: Callback) -> Timer:
        """Call `callback` once when the monotonic clock has reached `mono_ms`."""
        timer = Timer(self, mono_ms, callback)
        self._count += 1
        HEAP.heappush(self._heap, (mono_ms, self._count, timer))
        return timer

    def call_later(self, ms: int, callback: Callback) -> Timer:
        """Call `callback` once, `ms` milliseconds from now."""
        return self.call_at(self._clock.mono_ms() + ms, callback)

    def call_soon(self, callback: Callback) -> None:
        """Call `callback` in the next turn, after whatever is ready by then."""
        self._soon.append(callback)

    def note_cancelled(self) -> None:
        """A timer in the heap was cancelled; sweeps the heap when most of it is."""
        self._cancelled += 1
        if self._cancelled > _MANY_CANCELLED and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].pending]
            HEAP.heapify(self._heap)
            self._cancelled = 0

    def _wait_s(self) -> float | None:
        """How long epoll may sleep; None for ever."""
        if self._soon or self._always:
            return 0
        while self._heap and not self._heap[0][2].pending:
            HEAP.heappop(self._heap)
            self._cancelled = max(0, self._cancelled - 1)
        if not self._heap:
            return None
        return max(0, self._heap[0][0] - self._clock.mono_ms()) / 1000

    def _run_due(self) -> None:
        if not self._heap:
            return
        now = self._clock.mono_ms()
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(HEAP.heappop(self._heap)[2])
        for timer in due:
            callback, timer.callback = timer.callback, None
            if callback is not None:
                self.guard(callback)

    # Signals and errors

    def attach_signals(self, fd: int) -> None:
        """Take signals from the wake-up pipe `fd` (what `signals.install` returned)."""
        self._wake_fd = fd
        self.add_reader(fd, self._take_signals)

    def on_signal(self, callback: Callable[[int], None]) -> None:
        """Who gets the number of each signal but SIGCHLD."""
        self._on_signal = callback

    def on_child(self, callback: Callback) -> None:
        """Who is called when children may have ended: the reaper."""
        self._on_child = callback

    def on_error(self, callback: Callable[[BaseException], None]) -> None:
        """Who gets the unexpected exception of a callback. Without one, `run` raises it."""
        self._on_error = callback

    def _take_signals(self) -> None:
        if self._wake_fd is None:
            return
        arrived = signals.read(self._wake_fd)
        if signals.CHLD in arrived and self._on_child is not None:
            self.guard(self._on_child)
        for signum in arrived:
            if signum != signals.CHLD and self._on_signal is not None:
                self.guard(self._on_signal, signum)

    def guard(self, callback: Callable[..., None], *arguments: object) -> None:
        """Call `callback`; what it raises goes to `on_error`, as PID 1 must outlive any defect of its own."""
        try:
            callback(*arguments)
        except Exception as error:
            if self._on_error is None:
                raise
            self._on_error(error)

    # Turns

    def run(self) -> None:
        """Turn until `stop` is called."""
        self._stopping = False
        while not self._stopping:
            self.turn()

    def stop(self) -> None:
        """Leave `run` at the end of this turn."""
        self._stopping = True

    def turn(self, wait: bool = True) -> None:
        """One turn: what is ready, what is due, what was put off. Sleeps until there is something if `wait`."""
        self._fresh.clear()
        ready = self._epoll.poll(self._wait_s() if wait else 0, _MAX_EVENTS)
        for fd, mask in sorted(ready, key=self._signals_first) if len(ready) > 1 else ready:
            # A number that was closed and given out again in this turn: the event was for its predecessor.
            if fd not in self._fresh:
                self._dispatch(fd, mask)
        for fd in tuple(self._always):
            self._dispatch(fd, select.EPOLLIN | select.EPOLLOUT)
        self._run_due()
        if self._soon:
            pending, self._soon = self._soon, []
            for callback in pending:
                self.guard(callback)

    def _signals_first(self, event: tuple[int, int]) -> bool:
        return event[0] != self._wake_fd

    def _dispatch(self, fd: int, mask: int) -> None:
        failed = mask & (select.EPOLLHUP | select.EPOLLERR)
        reader = self._readers.get(fd) if mask & select.EPOLLIN or failed else None
        if reader is not None:
            self.guard(reader)
        writer = self._writers.get(fd) if mask & select.EPOLLOUT or failed else None
        if writer is not None:
            self.guard(writer)

    def close(self) -> None:
        """Give the epoll descriptor back."""
        self._epoll.close()
