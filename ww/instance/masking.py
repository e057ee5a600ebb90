"""Masks secret values in whatever is about to be recorded (issue: masked in every log, event and error)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


MOST_DEEP = 64
TOO_DEEP = "(nested too deep to be recorded)"


def mask_value(value: object, mask: Callable[[str], str], levels: int = MOST_DEEP) -> object:
    """`value` with `mask` applied to every string in it, keys included; what is nested deeper than `levels` is left out."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict | list | tuple) and not levels:
        return TOO_DEEP
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
        masked = mask(text)
        return value if masked == text else masked
    if isinstance(value, dict):
        return {
            mask(key) if isinstance(key, str) else key: mask_value(item, mask, levels - 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [mask_value(item, mask, levels - 1) for item in value]
    return value
