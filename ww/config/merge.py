"""Layers into one object: objects merge, anything else replaces (WW-9); strategies of the image's schema by jsonmerge.

The plain way needs no library. It equals jsonmerge's own default wherever that one is defined (a property test), and
goes on where it is not: an object over something else replaces it, and a reference to a secret is never mixed with
what it replaces.
"""

from __future__ import annotations

from ww.config.secrets import is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.types import Json

    Merge = Callable[[dict[str, Json], dict[str, Json]], dict[str, Json]]


class MergeFailed(ValueError):
    """A strategy cannot be carried out on these values; `path` is where."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


def plain(base: Json, over: Json) -> Json:
    """`over` on top of `base`; neither is changed. null is a value."""
    if not mixes(base, over):
        return over
    result = dict(base)  # type: ignore[arg-type]
    for key, value in over.items():  # type: ignore[union-attr]
        result[key] = plain(result[key], value) if key in result else value
    return result


def mixes(base: object, over: object) -> bool:
    """Whether the two are merged key by key, rather than one replacing the other."""
    return isinstance(base, dict) and isinstance(over, dict) and not is_reference(base) and not is_reference(over)
