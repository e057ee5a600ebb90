"""Signals as a queue of numbers: handlers only enqueue (runtime.md 5; WW-25, WW-26).

CPython's own C handler writes the number of each signal to a wake-up pipe; the Python handler does nothing.
A signal that was blocked before exec and is pending is therefore delivered, once, as soon as `install` unblocks it.
"""

from __future__ import annotations

import fcntl
import os

from ww.clib import SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

TERM: int = int(SIGNALS.SIGTERM)
INT: int = int(SIGNALS.SIGINT)
QUIT: int = int(SIGNALS.SIGQUIT)
HUP: int = int(SIGNALS.SIGHUP)
CHLD: int = int(SIGNALS.SIGCHLD)
USR1: int = int(SIGNALS.SIGUSR1)
USR2: int = int(SIGNALS.SIGUSR2)
PIPE: int = int(SIGNALS.SIGPIPE)
KILL: int = int(SIGNALS.SIGKILL)
STOP: int = int(SIGNALS.SIGSTOP)
CONT: int = int(SIGNALS.SIGCONT)

HANDLED: tuple[int, ...] = (TERM, INT, QUIT, HUP, CHLD, USR1, USR2)
"""What `ww run` listens to."""

IGNORED: tuple[int, ...] = (PIPE, *(int(getattr(SIGNALS, key)) for key in ("SIGXFSZ", "SIGTTIN", "SIGTTOU")))
"""What must never end or stop us: our own writing to a log that was closed, to a file at its size limit, and to a
terminal whose foreground is a command that we have wrapped."""

_FAULTS = tuple(int(getattr(SIGNALS, key)) for key in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL"))

EVERY: tuple[int, ...] = tuple(
    sorted(int(signum) for signum in SIGNALS.valid_signals() if signum not in (KILL, STOP, *IGNORED, *_FAULTS))
)
"""`HANDLED` and whatever else somebody may send on purpose: what a wrapped command is to get (WW-25).

Not in it: KILL and STOP, which nobody can catch; `IGNORED`, as our own writing raises them too and the command would
be hit by a log of ours that was closed; SEGV, BUS, FPE and ILL, as a fault of our own would come again for ever
where a handler returns. CHLD is in it, as the loop needs it: it is never passed on, since our own children raise it.
"""

_ALIASES = ("SIGCLD", "SIGIOT", "SIGPOLL", "SIGRTMIN", "SIGRTMAX")
_NAMES: dict[int, str] = {
    int(getattr(SIGNALS, key)): key
    for key in dir(SIGNALS)
    if key.startswith("SIG") and not key.startswith("SIG_") and key not in _ALIASES
}
_LAST_STANDARD_FD = 2
_READ_BYTES = 4096
_WAKE_UP_PIPE_BYTES = 1 << 18


def name(signum: int) -> str:
    """`SIGTERM` for 15; `SIGRTMIN+3` for a real-time signal; `signal 99` for a number that is none."""
    known = _NAMES.get(signum)
    if known is not None:
        return known
    first, last = int(SIGNALS.SIGRTMIN), int(SIGNALS.SIGRTMAX)
    if first <= signum <= last:
        return "SIGRTMIN" if signum == first else f"SIGRTMIN+{signum - first}"
    return f"signal {signum}"


def number(what: str | int) -> int | None:
    """The number of `TERM`, `SIGTERM`, `sigterm`, `15`, `RTMIN+3` or 15; None where that is no signal."""
    text = str(what).strip().upper()
    if text.isascii() and text.isdigit():
        value = int(text)
        return value if value in SIGNALS.valid_signals() else None
    text = text if text.startswith("SIG") else f"SIG{text}"
    base, _, offset = text.partition("+")
    if base == "SIGRTMIN" and (not offset or (offset.isascii() and offset.isdigit())):
        value = int(SIGNALS.SIGRTMIN) + int(offset or 0)
        return value if value <= int(SIGNALS.SIGRTMAX) else None
    if offset or text.startswith("SIG_") or text == "SIGRTMAX":
        return int(SIGNALS.SIGRTMAX) if text == "SIGRTMAX" else None
    found = getattr(SIGNALS, text, None)
    return None if found is None else int(found)


def _only_enqueue(_signum: int, _frame: object) -> None:
    """Python wants a callable; the number is already in the wake-up pipe."""


def install(signums: Iterable[int] = HANDLED) -> int:
    """Listen to `signums`, ignore `IGNORED`, unblock everything; the descriptor from which `read` takes what came.

    Must be the first act of the process. Main thread only.
    """
    reader, writer = (_above_standard(fd) for fd in os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC))
    # A byte that does not fit is a signal lost, so the pipe is larger than any burst of SIGCHLD.
    try:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _WAKE_UP_PIPE_BYTES)
    except OSError:
        pass  # The limit for this user is reached: the default of 64 KiB does.
    SIGNALS.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for signum in signums:
        SIGNALS.signal(signum, _only_enqueue)
    for signum in IGNORED:
        SIGNALS.signal(signum, SIGNALS.SIG_IGN)
    SIGNALS.pthread_sigmask(SIGNALS.SIG_SETMASK, ())
    return reader


def listen(signums: Iterable[int]) -> None:
    """Listen to more signals than `install` was given."""
    for signum in signums:
        SIGNALS.signal(signum, _only_enqueue)


def _above_standard(fd: int) -> int:
    """`fd`, moved away from 0, 1 and 2: whoever started us may have closed those."""
    if fd > _LAST_STANDARD_FD:
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LAST_STANDARD_FD + 1)
    os.close(fd)
    return moved


def read(fd: int) -> list[int]:
    """The numbers that came since the last call, in order; empty when none did."""
    try:
        return list(os.read(fd, _READ_BYTES))
    except BlockingIOError:
        return []


def block_all() -> set[int]:
    """Block every signal and return the mask that was, for `restore`."""
    return set(SIGNALS.pthread_sigmask(SIGNALS.SIG_SETMASK, SIGNALS.valid_signals()))


def restore(mask: Iterable[int]) -> None:
    """Set the signal mask."""
    SIGNALS.pthread_sigmask(SIGNALS.SIG_SETMASK, mask)


def settable() -> list[int]:
    """Every signal whose disposition can be set."""
    return [int(signum) for signum in SIGNALS.valid_signals() if signum not in (KILL, STOP)]


def reset_in_child() -> None:
    """In a forked child, signals still blocked: forget the parent's pipe, default everything, unblock."""
    SIGNALS.set_wakeup_fd(-1)
    for signum in settable():
        if SIGNALS.getsignal(signum) != SIGNALS.SIG_DFL:
            SIGNALS.signal(signum, SIGNALS.SIG_DFL)
    SIGNALS.pthread_sigmask(SIGNALS.SIG_SETMASK, ())
