"""The values of a compile: a layer, a problem with it, what the layers add up to."""

from __future__ import annotations

from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.types import Json

    Problem = dict[str, str | int]
    Path = tuple[str | int, ...]

MAX_DEPTH = 100
"""How deep objects and arrays may nest: more is a mistake, and would overrun the stack of a reader."""


ESCAPE = "\\u"
"""How JSON writes a character that may be anything, half of a surrogate pair as well; a text without it means what it shows."""


class Layer(Value):
    """One parsed layer: its name in messages, its file ("" if none), its JSON text ("" if it has none), its value."""

    __slots__ = ("name", "file", "text", "value")

    def __init__(self, name: str, file: str, text: str, value: dict[str, Json]) -> None:
        self.name = name
        self.file = file
        self.text = text
        self.value = value

    def may_refer(self) -> bool:
        """Whether a reference to a secret may be in it: its name holds a $, and a look at the text is cheaper than a walk."""
        return not self.text or "$" in self.text or ESCAPE in self.text


def problem(
    message: str,
    layer: Layer | None = None,
    *,
    path: str = "",
    line: int = 0,
    column: int = 0,
) -> Problem:
    """A problem as `ConfigError` carries it; what is not known is left out."""
    found: Problem = {"layer": layer.name if layer is not None else "configuration", "message": message}
    if layer is not None and layer.file:
        found["file"] = layer.file
    if line:
        found["line"] = line
        found["column"] = column
    if path:
        found["path"] = path
    return found


def same(one: Json, other: Json) -> bool:
    """Equality as JSON sees it: true is not 1, and 1 is not 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other
