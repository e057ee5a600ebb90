"""Masks secret values in whatever is about to be recorded (issue: masked in every log, event and error)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def mask_value(value: object, mask: Callable[[str], str]) -> object:
    """`value` with `mask` applied to every string in it, keys included."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(key) if isinstance(key, str) else key: mask_value(item, mask) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(item, mask) for item in value]
    return value
