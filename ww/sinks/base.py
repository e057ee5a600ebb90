"""Sink API v1: what a sink is, what it is given, and what it may answer (decisions, "Sink API v1").

A plugin registers a `SinkType` under the entry point group `ww.sinks`. One thread of the reporter opens the sink and then
calls it, never two at once. Whatever the answers do not cover is the engine's: order, batches, retry with jitter, the
circuit breaker, the byte rate, the dead-letter folder and the cursor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from ww.config import sinktypes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ww.types import Json

API_VERSION = sinktypes.API_VERSION
ENTRY_POINTS = sinktypes.ENTRY_POINTS


class Guarantee(Enum):
    """What a sink promises about the events that it has accepted."""

    EFFECTIVELY_ONCE = "effectively once"
    """Sent until it is stored; stored once, because the receiver knows the key of each event."""
    AT_LEAST_ONCE = "at least once"
    """Sent until it is taken; after a failure an event may be there twice."""
    BEST_EFFORT = "best effort"
    """Sent; nobody says whether it arrived."""
    CURRENT_STATE = "current state"
    """The present state is kept there, not the events: it is right again as soon as the receiver can be reached."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event, as every sink sees it.

    `event` is the CloudEvent and may not be changed; `text` is the same as JSON in UTF-8, encoded once for all sinks.
    (`boot`, `seq`) is its key for ever: a receiver that keeps it stores nothing twice.
    """

    boot: str
    seq: int
    kind: str
    """`state`, `health`, `gap` or `notice`: the journal's word."""
    event: Mapping[str, Json]
    text: bytes
    current: bool = True
    """Whether it belongs to the boot that is running now; what is left of earlier boots comes first."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """It is where it belongs, or was there already (`duplicate`). It is not sent again."""

    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Not now. `seconds` is what the receiver asked for; None: it said nothing, the engine's backoff decides.

    `too_large`: it is not the moment, it is the size. The batch is halved at once, and an event that is too large alone
    is rejected: never say it of a receiver that is full or busy.
    """

    seconds: float | None = None
    reason: str = ""
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never: the receiver will not take this event however often it is sent. It goes to the dead-letter folder."""

    reason: str


Answer = Accepted | RetryAfter | Rejected


@dataclass(frozen=True, slots=True)
class Advice:
    """What a receiver asked of its sender; None leaves things as they are.

    `want` are ranges of sequences of one boot that the receiver misses: (boot, first, last), both included. They are
    sent again as far as the journal still has them, once each; what it no longer has is declared by a gap event.
    """

    max_events: int | None = None
    max_bytes: int | None = None
    interval_s: float | None = None
    """The health cadence that the receiver would like."""
    stop: bool = False
    """The receiver wants nothing more from this instance (410)."""
    want: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose events these are."""

    service: str
    instance: str
    boot: str
    labels: Mapping[str, str] = field(default_factory=dict)
    run: str = ""
    """The run directory, for files of the sink's own; "" if there is none."""


def _as_it_is(path: str) -> str:
    return path


@dataclass(frozen=True, slots=True)
class Context:
    """What a sink may use besides its settings."""

    name: str
    """The sink's name in `ww.sinks`."""
    origin: Origin
    secret: Callable[[Json], str]
    """The text of a setting that may be a reference (`{"$secret": …}`), read now: call it each time it is needed, so
    that a rotated secret is taken over. Raises ww.config.secrets.SecretError, which the engine treats as RetryAfter."""
    advise: Callable[[Advice], None]
    log: Callable[[str], None]
    """One line to the container log; masked and rate-limited there."""
    place: Callable[[str], str] = _as_it_is
    """Where a file lies that the settings name: an absolute path below the instance's root, any other below its /data.
    Raises ValueError, which `make` lets pass, for one with `..` in it."""


class Sink(ABC):
    """One configured receiver. Every call has a deadline, a value of `time.monotonic()`, and must be back by then.

    What is raised counts as RetryAfter() for the whole batch, and is logged with the sink's name.
    """

    idle_s: float | None = None
    """Call `idle` when so many seconds have passed without a delivery (a lease has to be kept); None: never."""

    @abstractmethod
    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """Deliver, and answer for each item in the batch's order. Items come in the order of boot and sequence."""

    def reach(self, deadline: float) -> str:  # noqa: ARG002
        """Whether the receiver can be reached, without sending an event: "" if so, else why not, in words."""
        return ""

    def idle(self, deadline: float) -> None:  # noqa: B027
        """Nothing to deliver for `idle_s`."""

    def close(self, deadline: float) -> None:  # noqa: B027
        """The reporter ends; let go of connections. What was accepted is not lost by a close that fails."""


class Make(Protocol):
    """Makes a sink from its validated settings (type and delivery options included). Connects to nothing yet.

    Raises ValueError, in words, for what the schema cannot see.
    """

    def __call__(self, settings: Mapping[str, Json], context: Context) -> Sink:
        """The sink."""


@dataclass(frozen=True, slots=True)
class SinkType:
    """What a plugin registers under `ww.sinks`, or this package for its own types."""

    name: str
    guarantee: Guarantee
    schema: Mapping[str, Json]
    """JSON Schema (2020-12) of its own settings: an object with `properties`, each with `description` and, where there
    is one, `default`; secrets are marked `"writeOnly": true`. The delivery options are added by the engine."""
    make: Make
    summary: str
    api: int = API_VERSION
