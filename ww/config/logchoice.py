"""How a configuration that is refused wanted its log: the refusal itself must reach who reads it. For the compile child."""

from __future__ import annotations

from ww.config.merge import plain
from ww.config.secrets import is_reference
from ww.config.settings import KEY, declared, load_schema, pick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ww.config.model import Layer
    from ww.types import Json


def log_of(layers: Iterable[Layer]) -> dict[str, Any]:
    """`{"format": …, "level": …}` of a configuration that is refused: what its usable layers say where that is valid.

    The reason why an instance does not start must reach a collector that reads JSON.
    """
    merged: Json = {}
    for layer in layers:
        if not is_reference(layer.value):
            merged = plain(merged, layer.value)
    given = pick(merged, [KEY], {})
    chosen = {}
    for name, part in declared(load_schema()):
        section, _, last = name.partition(".")
        if section == "log":
            value = pick(given, [section, last], part["default"])
            chosen[last] = value if value in part["enum"] else part["default"]
    return chosen
