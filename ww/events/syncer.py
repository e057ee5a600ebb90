"""Making the journal survive a power loss while it is written: for the reporter, which may wait for a disk."""

from __future__ import annotations

import os

from ww.events.syncing import SYNCED_MODE, is_synced
from ww.home.smallfile import sync_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ww.events.shelf import Place


_REMEMBERED = 256


class Syncer:
    """Syncs segments; one that is complete loses its write permission, by which everybody knows that it is synced.

    `to_disk` gets the descriptor of a segment, and returns when the disk has what was written to it (OSError: it has not).
    """

    def __init__(self, say: Callable[[str], None], to_disk: Callable[[int], None] = os.fdatasync) -> None:
        self._say = say
        self._to_disk = to_disk
        self._known: set[str] = set()
        """Paths whose names are synced."""
        self._refused: set[str] = set()

    def sync(self, places: Sequence[Place], live: str | None) -> bool:
        """Sync every one of `places` that is not synced; the one at path `live` may go on growing. False if one failed."""
        failed = [place for place in places if not self._sync(place.path, complete=place.path != live)]
        done = not failed
        new = {place.path for place in places} - self._known
        for directory in sorted({os.path.dirname(path) for path in new}):
            done = self._try(directory, lambda directory=directory: sync_directory(directory)) and done  # type: ignore[misc]
        self._known |= new
        if len(self._known) > _REMEMBERED:
            self._known = {path for path in self._known if os.path.exists(path)}
        return done

    def _sync(self, path: str, complete: bool) -> bool:
        def work() -> None:
            if complete and is_synced(path):
                return
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._to_disk(fd)
                if complete:
                    os.fchmod(fd, SYNCED_MODE)
            finally:
                os.close(fd)

        return self._try(path, work)

    def _try(self, path: str, work: Callable[[], None]) -> bool:
        try:
            work()
        except FileNotFoundError:
            return True  # Deleted meanwhile: nothing is left to lose.
        except OSError as error:
            if path not in self._refused:
                self._refused.add(path)
                self._say(f"{path} cannot be synced: {error.strerror}. A power loss may cost its last events")
            return False
        self._refused.discard(path)
        return True
