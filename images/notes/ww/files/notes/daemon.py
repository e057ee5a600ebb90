"""A process that outlives svcup: started once, found again by its pidfile, stopped by TERM.

The daemon holds a lock on its pidfile for as long as it lives: a pidfile without a lock is a leftover,
and the pid in a locked one is certainly the daemon's.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import ThreadingHTTPServer


def lock_pidfile(path: str) -> int | None:
    """The open, locked pidfile, or None if a daemon that lives holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def start(pidfile: int, server: ThreadingHTTPServer, farewell: Callable[[], None]) -> bool:
    """Serve in a process of its own; returns, in the caller, whether it is running. The lock on `pidfile` goes with it."""
    ready, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        os.waitpid(child, 0)
        return os.read(ready, 1) == b"+"
    os.setsid()
    if os.fork():
        os._exit(0)
    os.ftruncate(pidfile, 0)
    os.pwrite(pidfile, f"{os.getpid()}\n".encode(), 0)
    _serve(server, lambda: os.write(tell, b"+"))
    farewell()
    os.ftruncate(pidfile, 0)
    os._exit(0)


def _serve(server: ThreadingHTTPServer, running: Callable[[], object]) -> None:
    # Blocked before any thread exists, so that every thread inherits it and the signal waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    running()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()
    server.server_close()


def stop(path: str, within_s: float) -> bool:
    """TERM the daemon of the pidfile `path` and wait for its end; True when there is none (any more)."""
    if not os.path.exists(path):
        return True
    until = time.monotonic() + within_s
    asked = False
    while (fd := lock_pidfile(path)) is None:
        with open(path) as file:
            text = file.read().strip()
        if text and not asked:
            asked = True
            os.kill(int(text), signal.SIGTERM)
        if time.monotonic() >= until:
            sys.stderr.write(f"notes (pid {text}) did not stop within {within_s:g} s\n")
            return False
        time.sleep(0.02)
    os.close(fd)
    return True
