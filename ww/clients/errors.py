"""How a call to somebody's server can end otherwise than well: a closed set, the same for every client.

    ClientError
    ├── Unavailable        nothing was done; the same call may work later, or elsewhere
    │   ├── Unreachable      no connection was made
    │   └── TlsFault         the two do not trust each other
    ├── Refused            nothing was done, and the server said why (`why`)
    └── UnknownOutcome     it was sent and its answer lost: it was done, or not, or will be
        ├── TimedOut         the deadline came first
        └── Broken           the connection ended in the middle

A client never tries a write again after `UnknownOutcome`: only the caller knows whether doing it twice is harmless. The
text of each is for people, names the server, and holds no secret.
"""

from __future__ import annotations

from enum import Enum

from ww.errors import WwError


class Why(Enum):
    """What a server had against a call."""

    AUTH = "not allowed"
    MISSING = "not there"
    EXISTS = "there already"
    VERSION = "changed meanwhile"
    NOT_EMPTY = "not empty"
    TOO_LARGE = "too large"
    FULL = "the server is full"
    COMPACTED = "no longer kept"
    INVALID = "not understood"


class ClientError(WwError):
    """Base of them all."""


class Unavailable(ClientError):
    """Nobody could be reached, or nobody who could do it."""


class Unreachable(Unavailable):
    """No connection was made: nothing was sent."""


class TlsFault(Unavailable):
    """The two do not trust each other: nothing was sent."""


class Refused(ClientError):
    """The server answered, and did nothing."""

    def __init__(self, why: Why, words: str) -> None:
        super().__init__(words)
        self.why = why


class UnknownOutcome(ClientError):
    """It may have been done."""


class TimedOut(UnknownOutcome):
    """The deadline came first: it may have been received."""


class Broken(UnknownOutcome):
    """The connection ended in the middle: it may have been received."""
