"""Following a journal by cursor: each event once, in order, across segments, boots and directories."""

from __future__ import annotations

from ww.clock import Clock
from ww.events.position import START, Position, Stored
from ww.events.records import parse_event
from ww.events.segment import SEGMENT_BYTES
from ww.events.segmentfile import Damage, SegmentFile
from ww.events.shelf import Place, Shelf, after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE_MS = 60_000
"""How long what cannot be read is tried before what follows it is: longer than the keeper's, who declares what is missing."""
_LEAST_TRIES = 5
_FETCH_EVENTS = 500


class Reader:
    """The events behind `after`; one per thread, with one file open at a time.

    Only whole and good records are given out: one that is half written is waited for, the torn tail of a boot that is
    over is no event, and a damaged middle is passed over, which `damaged` tells. `running` is the id of the boot that
    is under way; without it the newest one counts as such.
    """

    def __init__(
        self,
        directories: Sequence[str],
        after: Position = START,
        running: str = "",
        clock: Clock | None = None,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        self.position = after
        """That of the last event that was given out."""
        self.damaged: list[Damage] = []
        """What had to be passed over. New ones are added at the end; whoever reports them may clear the list."""
        self._shelf = Shelf(directories, running)
        self._patience = _Patience(clock or Clock(), patience_ms)
        self._directories_patience = _Patience(clock or Clock(), patience_ms)
        self._file: SegmentFile | None = None
        self._sealed = False
        """A later segment is there: what the file does not hold by now it never will."""
        self._hard: set[str] = set()
        """Paths that are read block by block."""
        self._passed: set[str] = set()
        """Paths that are given up."""

    def read(self, max_events: int, max_bytes: int) -> list[Stored]:
        """What follows, in order: at most so many events and bytes of their text, but one event if there is one."""
        found: list[Stored] = []
        left = max_bytes
        while len(found) < max_events:
            file = self._file
            try:
                text = None if file is None else self._peek(file)
            except OSError as error:
                self._stumble(error)
                break
            if file is None or text is None:
                if self._advance():
                    continue
                break
            left -= len(text)
            if left < 0 and found:
                break
            stored = self._take(file, text)
            if stored is not None:
                found.append(stored)
        return found

    def seek(self, after: Position) -> None:
        """Go on behind `after` instead, forwards or backwards."""
        self.close()
        self.position = after

    def fetch(self, boot: str, first: int, last: int) -> list[Stored]:
        """The events `first` to `last` of a boot, both included, as far as they are there; `read` goes on where it was."""
        boot_no = next((place.boot_no for place in self._shelf.places() if place.boot == boot), None)
        if boot_no is None:
            return []
        other = Reader(self._shelf.directories, Position(boot_no, boot, first - 1), self._shelf.running)
        found: list[Stored] = []
        while some := other.read(_FETCH_EVENTS, SEGMENT_BYTES):
            fitting = [one for one in some if one.boot == boot and one.event.seq <= last]
            found += fitting
            if len(fitting) < len(some):
                break
        other.close()
        return found

    def close(self) -> None:
        """Let go of the file; `read` opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = None

    # Records

    def _peek(self, file: SegmentFile) -> bytes | None:
        """The next text of the open file; None if it has no more. Raises OSError."""
        try:
            return file.peek()
        finally:
            self.damaged += file.damaged
            file.damaged.clear()

    def _take(self, file: SegmentFile, text: bytes) -> Stored | None:
        """Step over the record; None where its event was given out before."""
        offset, place = file.offset, file.place
        file.skip(text)
        event = parse_event(text)
        if event is None or (place.boot == self.position.boot and event.seq <= self.position.seq):
            return None
        self._patience.renew()
        self.position = Position(place.boot_no, place.boot, event.seq)
        return Stored(place.boot_no, place.boot, event, (place.path, offset))

    # Segments

    def _advance(self) -> bool:
        """At the end of a file: true if there may be more by now, in it or in a later one, which is then open."""
        file = self._file
        following = self._following(file)
        if file is not None and not self._sealed:
            self._sealed = bool(following) or self._shelf.running not in ("", file.place.boot)
            # It may have grown between the last look into it and the one at the list; from now on it cannot.
            return self._sealed
        if not self._shelf.lost:
            self._directories_patience.renew()
        elif following and not self._directories_patience.spent(self._shelf.lost[0]):
            return False  # What comes next may lie there.
        for place in following:
            if place.path in self._passed:
                continue
            try:
                self._open(place)
            except FileNotFoundError:
                continue  # Retention was quicker.
            except OSError as error:
                if not self._patience.spent(place.path):
                    return False
                self._pass(place.path, error)
                continue
            return True
        return False

    def _following(self, file: SegmentFile | None) -> list[Place]:
        """The segments behind the open one, even if that is deleted by now."""
        places = self._shelf.places()
        if file is None:
            return after(places, self.position, self._shelf.running)
        here = file.place
        rest = after(places, Position(here.boot_no, here.boot, here.first_seq - 1), self._shelf.running)
        return [one for one in rest if one.boot != here.boot or (one.first_seq, one.rank) > (here.first_seq, here.rank)]

    def _open(self, place: Place) -> None:
        file = SegmentFile(place)
        file.stubborn = place.path in self._hard
        self.close()
        self._file, self._sealed = file, False

    # A disk that refuses

    def _stumble(self, error: OSError) -> None:
        """The open file cannot be read: opened again next time, later by what blocks it still gives, at last not at all."""
        path = self._file.place.path if self._file is not None else ""
        self.close()
        if path in self._hard:
            self._pass(path, error)
        elif self._patience.spent(path):
            self._hard.add(path)

    def _pass(self, path: str, error: OSError) -> None:
        self._passed.add(path)
        self.damaged.append(Damage(path, 0, -1, f"it cannot be read: {error.strerror}"))


class _Patience:
    """How long, and how often, one thing is tried in a row."""

    def __init__(self, clock: Clock, limit_ms: int) -> None:
        self._clock = clock
        self._limit_ms = limit_ms
        self._path = ""
        self._since_ms = 0
        self._tries = 0

    def spent(self, path: str) -> bool:
        """`path` has failed once more; true if that is enough."""
        now_ms = self._clock.mono_ms()
        if self._path != path:
            self._path, self._since_ms, self._tries = path, now_ms, 0
        self._tries += 1
        return self._tries >= _LEAST_TRIES and now_ms - self._since_ms >= self._limit_ms

    def renew(self) -> None:
        """It has worked."""
        self._path = ""
