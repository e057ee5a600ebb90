"""Values that every layer may hold; imports nothing of ww and nothing but builtins.

`dataclasses` and `typing` cost PID 1 more to import than the rest of it together (runtime.md 4),
so values are small classes with `__slots__` that share equality and a readable repr from here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
    JsonObject = dict[str, "Json"]
    Callback = Callable[[], None]


class Value:
    """Base of immutable-by-convention records: equality, hash and repr over `__slots__`."""

    __slots__: tuple[str, ...] = ()

    def _fields(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._fields()))

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({inner})"
