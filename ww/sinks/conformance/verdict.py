"""What was found about a sink: faults with names, the guarantee that is left, and the report for people and programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ww.sinks.base import Guarantee

if TYPE_CHECKING:
    from ww.types import JsonObject

BROKEN = "broken"

LOSES = "loses"
DUPLICATES = "duplicates"
REORDERS = "reorders"
LATE = "late"
ANSWERS = "answers"
PARTIAL = "partial"
GIVES_UP = "gives up"
HOLDS_UP = "holds up"
STAYS_DOWN = "stays down"
RAISES = "raises"
SIGNATURE = "signature"
LEAKS = "leaks"
BLIND = "blind"
GOES_BACK = "goes back"
REFUSES = "refuses"

TO_DO = {
    LOSES: "Answer Accepted only when the receiver has said that it holds the event; until then RetryAfter.",
    DUPLICATES: "Send the key (boot, seq) along and let the receiver keep one of each; or claim at least once.",
    REORDERS: "Hand the events on in the order of the batch, one batch after the other.",
    LATE: "Give every call that can wait a time limit made from the deadline; what is not done by then is RetryAfter.",
    ANSWERS: "Return one of Accepted, RetryAfter and Rejected for each item, in the order of the batch.",
    PARTIAL: "Read the receiver's answer for each event: Rejected for those that it refused, Accepted for the others.",
    GIVES_UP: "Rejected is for ever: answer RetryAfter while the receiver is away, busy, full or refuses credentials.",
    HOLDS_UP: "What the receiver will never take is Rejected, with its reason; RetryAfter holds up all that follows.",
    STAYS_DOWN: "Let go of a connection that failed and make a new one at the next delivery.",
    RAISES: "Catch what the receiver's library raises, by name; close() and idle() raise nothing.",
    SIGNATURE: "Write it as docs/writing-a-sink.md has it, with these arguments and no others that have to be given.",
    LEAKS: "Leave the settings and the secret out of __repr__, of messages and of what libraries log.",
    BLIND: "Let reach() try, and say in words why it cannot.",
    GOES_BACK: "Compare boot and sequence with what is there before you write; never put an older state over a newer one.",
    REFUSES: "A receiver that is well takes these events: see the reason.",
}
"""Every fault by its name, and what the author does about it."""

EXCUSED = {
    Guarantee.AT_LEAST_ONCE: frozenset({DUPLICATES}),
    Guarantee.BEST_EFFORT: frozenset({DUPLICATES, LOSES}),
}
"""What a claim does not promise."""

_RANK = {Guarantee.BEST_EFFORT: 1, Guarantee.AT_LEAST_ONCE: 2, Guarantee.EFFECTIVELY_ONCE: 3}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: its name is a key of TO_DO."""

    name: str
    scenario: str
    what: str


@dataclass(slots=True)
class Result:
    """What became of one scenario. `skipped` says why it was not tried, `said` what was seen where all is well."""

    name: str
    said: str = ""
    skipped: str = ""
    faults: list[Fault] = field(default_factory=list)
    seconds: float = 0.0
    hopeless: bool = False
    """A receiver that is well does not get what it should: there is nothing more to be found out."""
    excused: frozenset[str] = frozenset()
    """Faults that the sink has never promised not to have."""

    @property
    def against(self) -> list[Fault]:
        """What speaks against the claim."""
        return [fault for fault in self.faults if fault.name not in self.excused or _breaks(fault)]

    @property
    def outcome(self) -> str:
        """`not tried`, `fault`, `allowed` (only what was never promised is missing) or `well`."""
        if self.skipped:
            return "not tried"
        return "fault" if self.against else "allowed" if self.faults else "well"


@dataclass(slots=True)
class Report:
    """What was found about one sink."""

    sink: str
    claimed: Guarantee
    results: list[Result]
    keeps_state: bool = False
    """The receiver holds the latest state and not the events."""

    @property
    def found(self) -> Guarantee | None:
        """The best guarantee that nothing seen speaks against; None: broken."""
        names = {fault.name for result in self.results for fault in result.faults}
        if names - {LOSES, DUPLICATES} or any(_breaks(fault) for fault in self._all()):
            return None
        if self.keeps_state:
            return None if names else Guarantee.CURRENT_STATE
        if LOSES in names:
            return Guarantee.BEST_EFFORT
        return Guarantee.AT_LEAST_ONCE if DUPLICATES in names else Guarantee.EFFECTIVELY_ONCE

    @property
    def holds(self) -> bool:
        """Whether the sink keeps at least what it claims."""
        found = self.found
        if found is None or Guarantee.CURRENT_STATE in (found, self.claimed):
            return found is self.claimed
        return _RANK[found] >= _RANK[self.claimed]

    @property
    def faults(self) -> list[Fault]:
        """All that is wrong, as measured by the claim: what was never promised is no fault."""
        return [fault for result in self.results for fault in result.against]

    @property
    def not_tried(self) -> list[str]:
        """Scenarios that say nothing about the sink, as the bench could not do them."""
        return [result.name for result in self.results if result.skipped]

    def _all(self) -> list[Fault]:
        return [fault for result in self.results for fault in result.faults]

    def document(self) -> JsonObject:
        """The report for programs, format 1."""
        found = self.found
        return {
            "format": 1,
            "sink": self.sink,
            "claimed": self.claimed.value,
            "found": found.value if found else BROKEN,
            "holds": self.holds,
            "not_tried": list(self.not_tried),
            "scenarios": [_scenario(result) for result in self.results],
            "faults": [
                {"fault": fault.name, "scenario": fault.scenario, "what": fault.what, "do": TO_DO[fault.name]}
                for fault in self.faults
            ],
        }


def _scenario(result: Result) -> JsonObject:
    said = result.skipped or result.said
    return {"name": result.name, "outcome": result.outcome, "said": said, "seconds": round(result.seconds, 3)}


def _breaks(fault: Fault) -> bool:
    """Nobody promises so little that events may be lost while all is well."""
    return fault.name == LOSES and fault.scenario == "quiet"
