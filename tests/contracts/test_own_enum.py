"""Our small Enum does what `enum.Enum` does, as far as the runtime uses it."""

from __future__ import annotations

import enum

import pytest

from ww.lifecycle.model import Kind, State, Trigger
from ww.lifecycle.services import Phase
from ww.types import Enum


class Ours(Enum):
    """A word in two colours."""

    RED = "red"
    BLUE = "deep blue"


class Theirs(enum.Enum):
    RED = "red"
    BLUE = "deep blue"


@pytest.mark.rule("D-pid1-stdlib")
def test_members_are_what_those_of_the_standard_library_are() -> None:
    for name in ("RED", "BLUE"):
        ours, theirs = getattr(Ours, name), getattr(Theirs, name)
        assert (ours.name, ours.value) == (theirs.name, theirs.value)
        assert Ours(theirs.value) is ours
        assert Ours.__members__[name] is ours
        assert str(ours) == str(theirs).replace("Theirs", "Ours")
        assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
        assert isinstance(ours, Ours)
        assert ours == ours  # noqa: PLR0124 - identity is equality
        assert ours != ours.value
        assert {ours: 1}[Ours(theirs.value)] == 1
    assert [member.name for member in Ours] == [member.name for member in Theirs]
    assert len(Ours) == len(Theirs)
    assert Ours.RED != Ours.BLUE
    assert Ours.__doc__ == "A word in two colours."


@pytest.mark.rule("D-pid1-stdlib")
@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_what_is_no_value_is_refused_in_the_same_words(kind: type[Ours]) -> None:
    with pytest.raises(ValueError, match=f"'green' is not a valid {kind.__name__}"):
        kind("green")


@pytest.mark.rule("D-pid1-stdlib")
@pytest.mark.parametrize("kind", [State, Trigger, Kind, Phase])
def test_no_two_members_share_a_value(kind: type[Ours]) -> None:
    assert len({member.value for member in kind}) == len(kind) > 4
