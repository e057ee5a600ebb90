"""Local `$ref`s of a schema."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def target(root: object, ref: str) -> dict[str, Any]:
    """What a local pointer leads to; {} for any other reference, which validation reports if it is wrong."""
    if ref != "#" and not ref.startswith("#/"):
        return {}
    if "%" in ref:
        from urllib.parse import unquote

        ref = unquote(ref)
    found: Any = root
    for part in ref.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return {}
    return found if isinstance(found, dict) else {}
