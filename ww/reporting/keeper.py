"""The thread in which the spool is kept, while sinks wait for their receivers in threads of their own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.events.spool import Keeper

_GATHER_S = 0.005
"""How long after a message the keeper waits for more of them: one sync serves them all."""
_AFTER_FAULT_S = 5.0


class KeeperThread:
    """Drives `keeper`; it is woken for each position that PID 1 tells. Its methods may be called by any thread.

    What nobody expected of a disk ends neither the thread nor the reporter: it is said, and tried again.
    """

    def __init__(self, keeper: Keeper, say: Callable[[str], None]) -> None:
        self._keeper = keeper
        self._say = say
        self._wake = threading.Event()
        self._stopping = False
        self._flushed = threading.Event()
        self._flush_wanted = False
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def configure(self, sinks: Sequence[str]) -> None:
        """The names of the sinks that there are now."""
        self._keeper.configure(sinks)
        self._wake.set()

    def position(self, seq: int) -> None:  # noqa: ARG002
        """PID 1 has written up to `seq`; which of it is urgent stands in the journal."""
        self._keeper.told()
        self._wake.set()

    def flush(self, deadline: float) -> bool:
        """Sync what is written and save the cursors; false if it takes longer than until `deadline` (`time.monotonic()`)."""
        self._flushed.clear()
        self._flush_wanted = True
        self._wake.set()
        return self._flushed.wait(max(0.0, deadline - time.monotonic()))

    def stop(self, deadline: float) -> bool:
        """End the thread, with a last flush; false if it takes longer, and then it is left to the end of the process."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping:
            wait_s = self._once(self._step)
            if wait_s and self._wake.wait(wait_s):
                self._wake.clear()
                # One sync serves all that comes at once, as a start's states do.
                time.sleep(_GATHER_S)
        self._once(self._flush)
        self._keeper.close()

    def _step(self) -> float:
        if self._flush_wanted:
            self._flush_wanted = False
            self._flush()
            self._flushed.set()
        return self._keeper.step() / 1000

    def _flush(self) -> float:
        self._keeper.flush()
        return 0.0

    def _once(self, work: Callable[[], float]) -> float:
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - said in words, and the journal needs its keeper
            self._say(f"the spool's keeper failed and goes on in {_AFTER_FAULT_S:g} s: {type(error).__name__}: {error}")
            return _AFTER_FAULT_S
