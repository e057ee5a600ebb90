"""Sinks that are broken, one fault each, and the good one that they are made from: what the conformance kit must tell."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from ww.sinks.base import Accepted, Answer, Context, Guarantee, Item, Rejected, RetryAfter, Sink, SinkType
from ww.sinks.conformance.bench import DENIED, DOWN, PARTIAL, REFUSE, SLOW, Bench, Key

if TYPE_CHECKING:
    from ww.types import Json

TOKEN = "t0ken-of-the-bench"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path", "token"],
    "properties": {
        "path": {"type": "string", "description": "The directory of the receiver."},
        "token": {"type": "string", "writeOnly": True, "description": "Its token."},
    },
}


class Refused(Exception):
    """The receiver of this file does not take it."""


class Receiver:
    """A directory: the file `events` has a line for each event, a file with the name of a fault makes it so."""

    def __init__(self, path: str, dedupe: bool = True) -> None:
        self.path = path
        self.dedupe = dedupe

    def check(self, token: str = TOKEN) -> None:
        if self.has(DOWN):
            raise ConnectionError("nobody listens")
        if self.has(DENIED) or token != TOKEN:
            raise PermissionError("401")
        if self.has(REFUSE):
            raise BlockingIOError("429")

    def has(self, fault: str) -> bool:
        return os.path.exists(f"{self.path}/{fault}")

    def put(self, item: Item) -> bool:
        """Whether it is new."""
        if f"{item.boot} {item.seq}" in self._lines(PARTIAL):
            raise Refused("422")
        if self.dedupe and (item.boot, item.seq) in self.stored():
            return False
        with open(f"{self.path}/events", "a") as file:
            file.write(f"{item.boot} {item.seq}\n")
        return True

    def stored(self) -> list[Key]:
        return [(line.split()[0], int(line.split()[1])) for line in self._lines("events")]

    def _lines(self, name: str) -> list[str]:
        try:
            with open(f"{self.path}/{name}") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []


class Good(Sink):
    """Does everything right."""

    dedupe = True

    def __init__(self, settings: Mapping[str, Json], context: Context) -> None:
        self.settings = settings
        self.context = context
        self.receiver = Receiver(str(settings["path"]), self.dedupe)

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        try:
            self.receiver.check(self.context.secret(self.settings["token"]))
        except OSError as error:
            return self.failed(batch, error)
        if self.receiver.has(SLOW):
            self.wait(deadline)
            return [RetryAfter(None, "too slow")] * len(batch)
        return [self.put(item) for item in batch]

    def wait(self, deadline: float) -> None:
        threading.Event().wait(max(0.0, deadline - time.monotonic()))

    def failed(self, batch: Sequence[Item], error: OSError) -> Sequence[Answer]:
        return [RetryAfter(1.0, str(error))] * len(batch)

    def put(self, item: Item) -> Answer:
        try:
            return Accepted(duplicate=not self.receiver.put(item))
        except Refused as error:
            return Rejected(str(error))

    def reach(self, deadline: float) -> str:
        try:
            self.receiver.check(self.context.secret(self.settings["token"]))
        except OSError as error:
            return str(error)
        return ""


class Hasty(Good):
    """Accepts before it stores."""

    before: threading.Thread | None = None

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        if self.receiver.has(PARTIAL) or self.receiver.has(SLOW) or self.reach(deadline):
            return super().deliver(batch, deadline)
        later = threading.Thread(target=self.store, args=(batch, self.before), daemon=True)
        self.before = later
        later.start()
        return [Accepted()] * len(batch)

    def store(self, batch: Sequence[Item], before: threading.Thread | None) -> None:
        """One batch after the other."""
        if before is not None:
            before.join()
        threading.Event().wait(0.05)
        for item in batch:
            self.put(item)


class Doubler(Good):
    """Lets the receiver keep everything it is sent."""

    dedupe = False


class Deaf(Good):
    """Waits for as long as it takes."""

    def wait(self, deadline: float) -> None:
        give_up = time.monotonic() + 5
        while self.receiver.has(SLOW) and time.monotonic() < give_up:
            threading.Event().wait(0.05)


class Optimist(Good):
    """Reads the status of the whole and not that of each event."""

    def put(self, item: Item) -> Answer:
        super().put(item)
        return Accepted()


class Pessimist(Good):
    """One refused event takes all others with it."""

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        answers = super().deliver(batch, deadline)
        refused = [answer for answer in answers if isinstance(answer, Rejected)]
        return refused[:1] * len(batch) if refused else answers


class Stubborn(Good):
    """Tries for ever what is refused for ever."""

    def put(self, item: Item) -> Answer:
        answer = super().put(item)
        return RetryAfter(None, answer.reason) if isinstance(answer, Rejected) else answer


class Talker(Good):
    """Logs its request when it fails."""

    def failed(self, batch: Sequence[Item], error: OSError) -> Sequence[Answer]:
        self.context.log(f"{error}: Authorization: Bearer {self.context.secret(self.settings['token'])}")
        return super().failed(batch, error)


class Printer(Good):
    """Prints its secret when it is shown."""

    def __repr__(self) -> str:
        return f"Printer({self.context.secret(self.settings['token'])})"


class Shuffler(Good):
    """The last one first."""

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        return [*reversed(super().deliver([*reversed(batch)], deadline))]


class Miscounter(Good):
    """One answer for all."""

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        return super().deliver(batch, deadline)[:1]


class Quitter(Good):
    """A receiver that is away is one that does not want it."""

    def failed(self, batch: Sequence[Item], error: OSError) -> Sequence[Answer]:
        return [Rejected(str(error))] * len(batch)


class Sulker(Good):
    """Once offended, never again."""

    offended = False

    def failed(self, batch: Sequence[Item], error: OSError) -> Sequence[Answer]:
        self.offended = True
        return super().failed(batch, error)

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        answers = super().deliver(batch, deadline) if not self.offended else []
        return [RetryAfter(None, "still offended")] * len(batch) if self.offended else answers


class Thrower(Good):
    """Raises where it should answer, and at its end."""

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        if len(batch) == 10:
            raise KeyError("status")
        return super().deliver(batch, deadline)

    def close(self, deadline: float) -> None:
        raise ConnectionError("already closed")


class Sunny(Good):
    """Never looks whether anybody is there."""

    def reach(self, deadline: float) -> str:
        return ""


class State(Good):
    """Keeps the latest state, as it should."""

    def put(self, item: Item) -> Answer:
        stored = self.receiver.stored()
        if item.kind == "state" and (not stored or stored[-1] < (item.boot, item.seq)):
            self.write(item)
        return Accepted()

    def write(self, item: Item) -> None:
        with open(f"{self.receiver.path}/new", "w") as file:
            file.write(f"{item.boot} {item.seq}\n")
        os.replace(f"{self.receiver.path}/new", f"{self.receiver.path}/events")


class Regressor(State):
    """Writes whatever state comes."""

    def put(self, item: Item) -> Answer:
        if item.kind == "state":
            self.write(item)
        return Accepted()


class GoodBench(Bench):
    """A directory as a receiver."""

    type: ClassVar[SinkType] = SinkType("good", Guarantee.EFFECTIVELY_ONCE, SCHEMA, Good, "")
    faults: ClassVar[Sequence[str]] = (DOWN, SLOW, REFUSE, DENIED, PARTIAL)
    settle_s = 0.3

    def settings(self) -> Mapping[str, Json]:
        return {"path": self.directory, "token": {"$secret": "token"}}

    def secrets(self) -> Mapping[str, str]:
        return {"token": TOKEN}

    def stored(self) -> Sequence[Key]:
        return Receiver(self.directory).stored()

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:
        with open(f"{self.directory}/{fault}", "w") as file:
            file.write("".join(f"{boot} {seq}\n" for boot, seq in keys))

    def heal(self) -> None:
        for fault in self.faults:
            if os.path.exists(f"{self.directory}/{fault}"):
                os.unlink(f"{self.directory}/{fault}")


def _bench(sink: type[Good], guarantee: Guarantee = Guarantee.EFFECTIVELY_ONCE) -> type[Bench]:
    made = SinkType(sink.__name__.lower(), guarantee, SCHEMA, sink, sink.__doc__ or "")
    faults = () if issubclass(sink, State) else GoodBench.faults
    return type(f"{sink.__name__}Bench", (GoodBench,), {"type": made, "faults": faults})


HastyBench = _bench(Hasty)
DoublerBench = _bench(Doubler)
HonestDoublerBench = _bench(Doubler, Guarantee.AT_LEAST_ONCE)
DeafBench = _bench(Deaf)
OptimistBench = _bench(Optimist)
PessimistBench = _bench(Pessimist)
StubbornBench = _bench(Stubborn)
TalkerBench = _bench(Talker)
PrinterBench = _bench(Printer)
ShufflerBench = _bench(Shuffler)
MiscounterBench = _bench(Miscounter)
QuitterBench = _bench(Quitter)
SulkerBench = _bench(Sulker)
ThrowerBench = _bench(Thrower)
SunnyBench = _bench(Sunny)
StateBench = _bench(State, Guarantee.CURRENT_STATE)
RegressorBench = _bench(Regressor, Guarantee.CURRENT_STATE)
