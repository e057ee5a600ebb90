"""How a process ended."""

from __future__ import annotations

import os

from ww.supervise import signals
from ww.types import Value


class Exit(Value):
    """The end of a process: either a `code` (0 to 255) or the `signal` that killed it; the other is None."""

    __slots__ = ("code", "signal")

    def __init__(self, code: int | None, signal: int | None = None) -> None:
        self.code = code
        self.signal = signal

    @classmethod
    def from_wait(cls, status: int) -> Exit:
        """From the status word that `waitpid` returns."""
        if os.WIFSIGNALED(status):
            return cls(None, os.WTERMSIG(status))
        return cls(os.WEXITSTATUS(status))

    @property
    def ok(self) -> bool:
        """True for exit code 0 alone."""
        return self.code == 0

    @property
    def status(self) -> int:
        """0 to 255 as a shell reports it: the code, or 128 + n for signal n."""
        return self.code if self.code is not None else 128 + (self.signal or 0)

    def words(self) -> str:
        """`exit code 7` or `killed by SIGKILL`."""
        return f"exit code {self.code}" if self.code is not None else f"killed by {signals.name(self.signal or 0)}"
