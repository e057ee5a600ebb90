"""Commands of `ww` as a person runs them: through a pipe, and on a terminal of some width."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

from tests.support.home import WW


def environ(root: Path | str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CFG", "WW_", "NO_COLOR"))}
    return {**clean, "WW_TEST_TREE": "1", "WW_ROOT": str(root)}


def ww(root: Path | str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*WW, *words], env=environ(root), capture_output=True, text=True, check=False, timeout=30)


def on_terminal(root: Path, *words: str, columns: int = 80, **more: str) -> str:
    """What the command shows on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**environ(root), "TERM": "xterm", **more}
    env.pop("COLUMNS", None)
    process = subprocess.Popen([*WW, *words], env=env, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # EIO: the terminal's last user has gone
    os.close(ours)
    assert process.wait(20) == 0, shown
    return shown.decode().replace("\r\n", "\n")
