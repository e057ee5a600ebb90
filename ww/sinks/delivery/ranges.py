"""Ranges of sequences, both ends included: what is asked for again, without what was asked for already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    Range = tuple[int, int]


def without(wanted: Range, known: Iterable[Range]) -> list[Range]:
    """The parts of `wanted` that are in none of `known`."""
    parts = [wanted]
    for first, last in known:
        left: list[Range] = []
        for low, high in parts:
            left += [part for part in ((low, min(high, first - 1)), (max(low, last + 1), high)) if part[0] <= part[1]]
        parts = left
    return parts


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same numbers in as few ranges as they need, in order."""
    result: list[Range] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def missing(wanted: Range, found: Iterable[int]) -> list[Range]:
    """The parts of `wanted` of which nothing was found."""
    return without(wanted, merged((number, number) for number in found))
