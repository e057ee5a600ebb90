"""Which layer set each leaf of the result, and what it overrode. Arrays and empty objects are leaves."""

from __future__ import annotations

from ww.config.model import same
from ww.config.query import format_path
from ww.config.secrets import MASK, is_reference
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ww.config.model import Path
    from ww.types import Json

    KeyPath = tuple[str, ...]


class Setting(Value):
    """What `layer` made of the value at `path`."""

    __slots__ = ("path", "layer", "value")

    def __init__(self, path: KeyPath, layer: str, value: Json) -> None:
        self.path = path
        self.layer = layer
        self.value = value


def leaves(value: Json, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Json]]:
    """Every leaf with its path. A reference to a secret is one leaf; so is an empty object, except the root."""
    if isinstance(value, dict) and not is_reference(value) and (value or not path):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif path:
        yield path, value


class Provenance:
    """Grows layer by layer: after each merge it is told the layer and the result."""

    __slots__ = ("_now", "_history")

    def __init__(self) -> None:
        self._now: dict[KeyPath, Json] = {}
        self._history: dict[KeyPath, list[Setting]] = {}

    def add(self, layer: str, value: Json, merged: Json) -> None:
        """`layer`, holding `value`, was merged, and the result is `merged`."""
        if not self._history and value is merged:
            self._now = dict(leaves(merged))
            self._history = {path: [Setting(path, layer, item)] for path, item in self._now.items()}
            return
        given = dict(leaves(value))
        before, self._now = self._now, dict(leaves(merged))
        history = {}
        replaced = _replaced(before.keys() - self._now.keys(), self._now.keys())
        for path, item in self._now.items():
            known = self._history.get(path, [])
            if path not in before:
                known = [entry for old in replaced.get(path, ()) for entry in self._history[old]]
            elif (before[path] is item or same(before[path], item)) and not (path in given and same(given[path], item)):
                history[path] = known
                continue
            history[path] = [*known, Setting(path, layer, item)]
        self._history = history

    def settings(self) -> Iterator[tuple[KeyPath, list[Setting]]]:
        """Each leaf of the result with its settings, oldest first; the last one is in force."""
        yield from self._history.items()

    def setter(self, path: Path) -> str:
        """The layer that set `path` last, or something in it or around it; "" if no layer did."""
        keys = _keys(path)
        near = [
            history[-1].layer
            for known, history in self._history.items()
            if known[: len(keys)] == keys or keys[: len(known)] == known
        ]
        return near[-1] if near else ""

    def report(self, hidden: Callable[[Path], bool]) -> list[dict[str, Json]]:
        """Plain data for a file. Values at `hidden` paths, and literals that a secret replaced or that replaced one, are masked."""
        return [_entry(path, history, hidden) for path, history in self._history.items()]


def _replaced(gone: Iterable[KeyPath], new: Iterable[KeyPath]) -> dict[KeyPath, list[KeyPath]]:
    """For each new leaf the old leaves whose place it took: one above it, or those below it."""
    fresh = set(new)
    found: dict[KeyPath, list[KeyPath]] = {}
    for old in gone:
        for cut in range(1, len(old)):
            if old[:cut] in fresh:
                found.setdefault(old[:cut], []).append(old)
    lost = set(gone)
    for path in fresh:
        for cut in range(1, len(path)):
            if path[:cut] in lost:
                found.setdefault(path, []).append(path[:cut])
    return {path: sorted(olds) for path, olds in found.items()}


def _keys(path: Path) -> KeyPath:
    keys = []
    for part in path:
        if not isinstance(part, str):
            break
        keys.append(part)
    return tuple(keys)


def _entry(path: KeyPath, history: list[Setting], hidden: Callable[[Path], bool]) -> dict[str, Json]:
    secret = any(is_reference(setting.value) for setting in history)

    def shown(setting: Setting) -> Json:
        if is_reference(setting.value):
            return setting.value
        return MASK if secret or hidden(setting.path) else setting.value

    overrode: list[dict[str, Json]] = [
        {"path": format_path(setting.path), "layer": setting.layer, "value": shown(setting)}
        for setting in reversed(history[:-1])
        if not same(setting.value, {})
    ]
    last = history[-1]
    return {"path": format_path(path), "layer": last.layer, "value": shown(last), "overrode": overrode}
