"""What can go wrong between a client and somebody else's server, in words for people and without any secret.

Of the four, `Unreachable` and `TlsFault` say that nothing was sent; after `TimedOut` and `Broken` it may have arrived.
"""

from __future__ import annotations

from ww.errors import WwError


class ServerError(WwError):
    """Nothing usable came back."""


class Unreachable(ServerError):
    """No connection was made: nothing was sent."""


class TlsFault(ServerError):
    """The two do not trust each other: nothing was sent."""


class TimedOut(ServerError):
    """The deadline came first: it may have been received."""


class Broken(ServerError):
    """The connection ended in the middle: it may have been received."""
