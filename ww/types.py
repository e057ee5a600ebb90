"""Values that every layer may hold; imports nothing of ww and nothing but builtins.

`dataclasses` and `typing` cost PID 1 more to import than the rest of it together (runtime.md 4),
so values are small classes with `__slots__` that share equality and a readable repr from here.
`enum` costs 3 ms of the 20 that a start may take, because it pulls in seven modules: what is used of it is here too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from enum import Enum as Enum  # noqa: PLC0414 - the alias is what exports it

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


if not TYPE_CHECKING:

    class _Members(type):
        """Makes one object of each text in the body of an `Enum`."""

        __members__: dict[str, object] = {}

        def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, object]) -> type:
            """The class, with a member for every public name that is bound to a text."""
            texts = {key: value for key, value in body.items() if key[0] != "_" and isinstance(value, str)}
            rest = {key: value for key, value in body.items() if key not in texts}
            made = super().__new__(mcs, name, bases, {"__slots__": (), **rest})
            made.__members__ = {}
            for key, value in texts.items():
                member = object.__new__(made)
                member.name, member.value = key, value
                made.__members__[key] = member
                setattr(made, key, member)
            return made

        def __call__(cls, value: str) -> object:
            """The member with this value. Raises ValueError."""
            for member in cls.__members__.values():
                if member.value == value:
                    return member
            raise ValueError(f"{value!r} is not a valid {cls.__name__}")

        def __iter__(cls) -> Iterator[object]:
            """All members, as they stand in the body."""
            return iter(cls.__members__.values())

        def __len__(cls) -> int:
            """How many there are."""
            return len(cls.__members__)

    class Enum(metaclass=_Members):
        """What the runtime uses of `enum.Enum`, as type checkers take it to be: members with a name and a value."""

        __slots__ = ("name", "value")

        def __repr__(self) -> str:
            return f"<{type(self).__name__}.{self.name}: {self.value!r}>"

        def __str__(self) -> str:
            return f"{type(self).__name__}.{self.name}"
