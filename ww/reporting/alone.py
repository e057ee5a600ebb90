"""Being the only reporter of a journal: the one of a `ww run` that was killed may still be saying its last words."""

from __future__ import annotations

import fcntl
import math
import os
import time

from ww.reporting.process import say

LOCK = "reporter.lock"
LOOK_S = 0.05
SELDOM_S = 1.0
SOON_S = 5.0
"""One whose `ww run` has gone takes no longer to end."""


def wait_until_alone(directory: str, deadline: float = math.inf) -> int | None:
    """Wait for the lock in `directory`; its descriptor, to be held, or None where there can be no such file.

    Raises TimeoutError at `deadline` (`time.monotonic()`).
    """
    path = f"{directory}/{LOCK}"
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        say("warn", f"cannot open {path}: {error.strerror}: another reporter of these events would not be noticed")
        return None
    said = False
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(fd)
                raise TimeoutError from None
            if not said:
                said = True
                say("info", f"waiting for another reporter of the events in {directory} to end")
            time.sleep(LOOK_S if time.monotonic() - began < SOON_S else SELDOM_S)
        except OSError as error:
            say("warn", f"cannot lock {path}: {error.strerror}: another reporter of these events would not be noticed")
            return fd
        else:
            return fd
