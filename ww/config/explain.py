"""Which layer set a value, and what it overrode: from the stored provenance, for a person or as JSON."""

from __future__ import annotations

from ww.config import settings
from ww.config.query import Missing, lookup, parse_path, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.types import Json

DEFAULT = "default of ww"
"""The layer of a setting that no layer sets."""


def about(leaves: Sequence[dict[str, Json]], parts: Sequence[str | int]) -> list[dict[str, Json]]:
    """The leaves in, at or around `parts`."""
    wanted = list(parts)
    found = []
    for leaf in leaves:
        path = parse_path(str(leaf["path"]))
        size = min(len(path), len(wanted))
        if path[:size] == wanted[:size]:
            found.append(leaf)
    return found


def of_defaults(cfg: dict[str, Json]) -> list[dict[str, Json]]:
    """Every setting of ww that no layer sets, as a leaf."""
    return [
        {"path": f"{settings.KEY}.{name}", "layer": DEFAULT, "value": value, "overrode": []}
        for name, value in settings.fill(cfg).items()
        if isinstance(lookup(cfg, [settings.KEY, *name.split(".")]), Missing)
    ]


def to_words(leaves: Sequence[dict[str, Json]]) -> str:
    """Three indented lines for each leaf: the value, who set it, what that overrode."""
    lines = []
    for leaf in leaves:
        lines.append(f"{leaf['path']} = {to_text(leaf['value'], as_json=True)}")
        lines.append(f"    {DEFAULT}" if leaf["layer"] == DEFAULT else f"    set by {leaf['layer']}")
        overrode: list[dict[str, Json]] = leaf["overrode"]  # type: ignore[assignment]
        for old in overrode:
            where = f" (as {old['path']})" if old["path"] != leaf["path"] else ""
            lines.append(f"    over {to_text(old['value'], as_json=True)} by {old['layer']}{where}")
    return "\n".join(lines)
