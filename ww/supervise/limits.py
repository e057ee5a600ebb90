"""Resource limits of a child by name (`nofile`, `core` …): looked at before anything starts, set in the child."""

from __future__ import annotations

import errno
import resource

UNLIMITED = -1
_PREFIX = "RLIMIT_"


def problem(limits: dict[str, tuple[int, int]]) -> str | None:
    """Why nobody could set `limits`; None where somebody could."""
    known = sorted(name[len(_PREFIX) :].lower() for name in dir(resource) if name.startswith(_PREFIX))
    for name, (soft, hard) in limits.items():
        if name.lower() not in known:
            return f"there is no limit called {name!r}; there are {', '.join(known)}"
        if min(soft, hard) < UNLIMITED:
            return f"limit {name}: {min(soft, hard)} is no number of its kind, nor -1 for unlimited"
        if hard != UNLIMITED and (soft == UNLIMITED or soft > hard):
            return f"limit {name}: the soft one ({words(soft)}) is above the hard one ({words(hard)})"
    return None


def words(number: int) -> str:
    """A limit for a person."""
    return "unlimited" if number == UNLIMITED else str(number)


def describe(name: str, limit: tuple[int, int]) -> str:
    """What is being set, and what stands in its way."""
    (soft, hard), (_, present) = limit, resource.getrlimit(_number(name))
    above = present != UNLIMITED and (hard == UNLIMITED or hard > present)
    why = f", above our own hard limit ({words(present)})" if above else ""
    return f"limit {name} {words(soft)}:{words(hard)}{why}"


def apply(name: str, limit: tuple[int, int]) -> None:
    """Set one limit of this process. Raises OSError, or OverflowError for a number that no machine has."""
    try:
        resource.setrlimit(_number(name), limit)
    except ValueError:
        # What `problem` has passed can only be a hard limit that we may not raise.
        raise OSError(errno.EPERM, "not permitted") from None


def _number(name: str) -> int:
    number: int = getattr(resource, _PREFIX + name.upper())
    return number
