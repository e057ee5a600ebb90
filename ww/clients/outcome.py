"""How a call to somebody's server can end otherwise than well: a closed set, the same for every store.

    ClientError
    ├── Unavailable      nothing was done; the same call may work later, or elsewhere
    ├── Refused          nothing was done, and the server said why (`why`)
    └── UnknownOutcome   a write was sent and its answer lost: it was done, or not, or will be

A client never turns one into another and never tries a write again after `UnknownOutcome`: only the caller knows
whether doing it twice is harmless.
"""

from __future__ import annotations

from enum import Enum


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


class ClientError(Exception):
    """Base of the three; the text says which server, and what it said or did not say."""


class Unavailable(ClientError):
    """Nobody could be reached, or nobody who could do it."""


class Refused(ClientError):
    """The server answered, and did nothing."""

    def __init__(self, why: Why, words: str) -> None:
        super().__init__(words)
        self.why = why


class UnknownOutcome(ClientError):
    """The write may have been done."""
