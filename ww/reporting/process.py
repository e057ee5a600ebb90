"""What the reporter's process does to itself before anybody else's code runs in it."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import threading

OOM_SCORE = 900
"""The kernel takes it before anything else of the instance."""
STACK_BYTES = 1 << 20
"""Of a thread; the 8 MiB that are usual would count against the limit of memory."""
_GRACE_S = 0.5
_PR_SET_PDEATHSIG = 1


def settle() -> None:
    """Be deaf to the signals by which instances are ended: PID 1 says by the line when it is time."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        # What is ignored stays so in programs that are started from here, and `timeout` in a script could end nothing.
        signal.signal(number, _unmoved)
    threading.stack_size(STACK_BYTES)
    _be_first_to_go()
    _be_woken_by_the_end_of_our_parent()


def _unmoved(number: int, frame: object) -> None:
    """A signal that changes nothing."""


def limit_memory(limit_bytes: int) -> None:
    """Have every allocation beyond `limit_bytes` fail.

    RLIMIT_DATA counts what may be written and belongs to this process alone, thread stacks included; RLIMIT_AS would
    also count what allocators and threads merely reserve, which is several times as much.
    """
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    except (OSError, ValueError):
        return  # a lower hard limit holds already


def say(level: str, words: str) -> None:
    """One line for the container log, by standard error; dropped where the log takes nothing: no thread waits for it."""
    text = f"{words if level == 'info' else f'{level}: {words}'}\n".encode("utf-8", "backslashreplace")
    _, writable, _ = select.select((), (2,), (), 0)
    if writable:
        os.write(2, text if len(text) <= select.PIPE_BUF else text[: select.PIPE_BUF - 1] + b"\n")


def end_within(seconds: float) -> None:
    """Whatever holds the interpreter: the kernel ends this process `seconds` and half a second from now."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_S)


def _be_first_to_go() -> None:
    try:
        with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
            if int(file.read()) < OOM_SCORE:
                file.seek(0)
                file.write(str(OOM_SCORE))
    except (OSError, ValueError):
        return  # some kernels and sandboxes have no such file


def _be_woken_by_the_end_of_our_parent() -> None:
    """Whoever stopped this process: it hears that PID 1 has gone and ends, or the next reporter would wait for it for ever."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)
    except (OSError, AttributeError):
        return  # a C library that does not have it
