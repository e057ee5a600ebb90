"""The terminal of a wrapped command: the command's group is in the foreground, so Ctrl-C and the keyboard are its own.

It is taken from nobody: a `ww run` that a shell has put in the background leaves the shell its terminal.
"""

from __future__ import annotations

import os


def lead_group(stdin: int | None) -> None:
    """In a forked child whose signals are blocked: lead a group of its own, in the foreground of `stdin` if that may be."""
    free = stdin is not None and _is_ours_to_give(stdin)
    os.setpgid(0, 0)
    if stdin is not None and free:
        _give(stdin, os.getpid())


def take_terminal_back(stdin: int) -> bool:
    """When the foreground group of `stdin` has gone: be the foreground group again, for the sake of whoever comes next.

    True where we are. Call it with SIGTTOU ignored, as `signals.install` has it.
    """
    return _is_ours_to_give(stdin) and _give(stdin, os.getpgrp())


def _is_ours_to_give(fd: int) -> bool:
    """Whether `fd` is our terminal and nobody but our own group is in its foreground."""
    try:
        group = os.tcgetpgrp(fd)
        if group != os.getpgrp():
            # A group of this number may be another one where the numbers are those of another namespace (0).
            os.killpg(group if group > 0 else os.getpgrp(), 0)
            return False
    except ProcessLookupError:
        return True
    except OSError:
        return False  # No terminal, or that of another session.
    return True


def _give(fd: int, group: int) -> bool:
    try:
        os.tcsetpgrp(fd, group)
    except OSError:
        return False  # Hung up meanwhile; who reads from it is told by the kernel.
    return True
