"""Events that the disk refused are offered to it again, also while nothing else happens."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.events.journal import Journal
    from ww.supervise.loop import Loop, Timer

RETRY_MS = 5_000


class HeldEvents:
    """Retries what `journal` holds every 5 s for as long as it holds anything; no timer otherwise."""

    def __init__(self, loop: Loop, journal: Journal) -> None:
        self._loop = loop
        self._journal = journal
        self._timer: Timer | None = None
        journal.on_held = self._arm
        if journal.held:
            self._arm()

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(RETRY_MS, self._retry)

    def _retry(self) -> None:
        self._timer = None
        if not self._journal.retry():
            self._arm()
