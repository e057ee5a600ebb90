"""Inputs to one checked configuration: parse, merge, validate, and every problem of it in one list."""

from __future__ import annotations

from ww.config import libraries, settings
from ww.config.merge import MergeFailed, plain
from ww.config.model import Layer, problem, same
from ww.config.provenance import Provenance
from ww.config.query import Found, format_path, lookup, to_text
from ww.config.secrets import MASK, Masker, is_reference, misspelt, references
from ww.config.sources import at_path, parse, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ww.config.inputs import Inputs
    from ww.config.merge import Merge
    from ww.config.model import Path, Problem
    from ww.config.precompiled import Known
    from ww.config.sinkcheck import Sinks
    from ww.config.sources import Sources
    from ww.config.validate import Fault
    from ww.types import Json


class Compiled:
    """A configuration, where each part of it comes from, and what is wrong with it; usable if `problems` is empty."""

    __slots__ = ("cfg", "layers", "provenance", "problems", "warnings", "hidden", "_replaced")

    def __init__(self, sources: Sources) -> None:
        self.cfg: dict[str, Json] = {}
        self.layers = sources.layers
        self.provenance = Provenance()
        self.problems: list[Problem] = list(sources.problems)
        self.warnings: list[Problem] = list(sources.warnings)
        self.hidden: set[Path] = set()
        self._replaced = {
            path
            for layer in sources.layers
            if layer.may_refer()
            for path, item in walk(layer.value)
            if path and is_reference(item)
        }

    def is_hidden(self, path: Path) -> bool:
        """Whether the image's schema marks `path`, or something above it, `"writeOnly"`."""
        return bool(self.hidden) and any(path[: len(marked)] == marked for marked in self.hidden)

    def is_private(self, path: Path) -> bool:
        """Whether `path` is hidden, or a layer has a reference to a secret there: what replaced it is a secret too."""
        return self.is_hidden(path) or any(path[: len(known)] == known for known in self._replaced)

    def hidden_texts(self) -> list[str]:
        """Every hidden value of every layer as text, for a masker; references and what they name are not among them."""
        if not self.hidden:
            return []
        return sorted({to_text(item) for path, item in self._scalars() if self.is_hidden(path)})

    def private_texts(self) -> list[str]:
        """Private values as they may stand in a message."""
        texts = []
        for path, item in self._scalars():
            if self.is_private(path):
                texts += [str(item), repr(item).strip("'\"")]
        return texts

    def _scalars(self) -> Iterator[tuple[Path, str | int | float]]:
        for layer in self.layers:
            named: Path = ()
            for path, item in walk(layer.value):
                if is_reference(item):
                    named = (*path, next(iter(item)))  # type: ignore[arg-type]
                elif isinstance(item, str | int | float) and not isinstance(item, bool) and path != named:
                    yield path, item

    def exposed(self) -> list[Path]:
        """Hidden values that stand in the configuration as they are, rather than as a reference."""
        found = []
        for path in sorted(self.hidden, key=format_path):
            at = lookup(self.cfg, path)
            if isinstance(at, Found) and not is_reference(at.value) and not same(at.value, None):
                found.append(path)
        return found

    def secrets(self) -> list[dict[str, str]]:
        """Every reference to a secret."""
        return list(references(self.cfg)) if self._replaced else []


def build(inputs: Inputs, etc: str = "") -> Compiled:
    """Compile `inputs`; faults of one step do not hide those of another where both can be told apart.

    `etc` is where an image has its table of sink plugins.
    """
    sources = parse(inputs)
    result = Compiled(sources)
    complete = not result.problems
    schema = sources.schema
    known = _known(inputs)
    usable = schema is not None and (known is not None or _check_schema(schema, result))
    _merge(sources.layers, _chosen_merge(schema, known) if schema is not None and usable else plain, result)
    if schema is not None and usable and (known is None or known.hides):
        from ww.config.writeonly import write_only

        result.hidden = _all_hidden(schema.value, sources.layers, write_only(schema.value, result.cfg), write_only)
    if settings.KEY in result.cfg:
        _check_settings(sources.layers, result, etc)
    if schema is not None and usable and complete:
        _check_values(schema, known, sources.layers, result)
    if not result.problems:
        _warn_of_exposed(result)
    return result


_TOKEN = (settings.KEY, "probes", "http", "token")
"""The only setting outside of sinks that names a secret; its schema takes nothing else."""


def _known(inputs: Inputs) -> Known | None:
    if inputs.schema is None:
        return None
    from ww.config.precompiled import load

    return load(inputs.schema.file, inputs.schema.data)


def _all_hidden(schema: Any, layers: list[Layer], marked: set[Path], find: Any) -> set[Path]:
    """Hidden paths of the result and of each layer, since an overridden password is a password too."""
    return marked.union(*(find(schema, layer.value) for layer in layers))


def _check_schema(schema: Layer, result: Compiled) -> bool:
    from ww.config.steering import KNOWN, unknown_strategies

    libraries.reach()
    from ww.config.validate import schema_fault

    found = [
        at_path(f"there is no merge strategy {name!r}; the strategies are {', '.join(KNOWN)}", schema, path)
        for path, name in unknown_strategies(schema.value)
    ]
    fault = schema_fault(schema.value)
    if fault is not None:
        found.append(at_path(fault.message, schema, fault.path))
    result.problems += found
    return not found


def _chosen_merge(schema: Layer, known: Known | None) -> Merge:
    if known is not None and not known.steers:
        return plain  # type: ignore[return-value]
    from ww.config import steering

    derived = steering.merge_schema(schema.value)
    if not steering.steers(derived):
        return plain  # type: ignore[return-value]
    libraries.reach()
    from ww.config.strategies import merger

    return merger(derived)


def _merge(layers: list[Layer], merge: Any, result: Compiled) -> None:
    for number, layer in enumerate(layers):
        try:
            result.cfg = merge(result.cfg, layer.value) if number else layer.value
        except MergeFailed as failed:
            result.problems.append(at_path(str(failed), layer, failed.path))
            return
        result.provenance.add(layer.name, layer.value, result.cfg)


def _check_settings(layers: list[Layer], result: Compiled, etc: str) -> None:
    """The `ww` key against the shipped schema, and each sink against that of its type."""
    given = result.cfg[settings.KEY]
    sinks = _sinks(given, etc)
    if sinks is not None:
        result.hidden.update(*(sinks.hidden(layer) for layer in (result.cfg, *(layer.value for layer in layers))))
    if any(isinstance(lookup(layer.value, _TOKEN), Found) for layer in layers):
        result.hidden.add(_TOKEN)
    _check_references(given, sinks, result)
    from ww.config.precompiled import accepts_settings

    found: list[tuple[Path, Fault | str]] = []
    if not accepts_settings(given):
        libraries.reach()
        from ww.config.validate import faults

        found += [((settings.KEY, *fault.path), fault) for fault in faults(given, settings.load_schema())]
    if sinks is not None:
        found += sinks.faults()
    masker = Masker(result.private_texts() if found else ())
    told: set[Path] = set()
    for path, fault in found:
        if (near := _meant_reference(path, result, told)) is not None:
            result.problems += near
            continue
        words = fault if isinstance(fault, str) else _private_words(fault, "setting of ww", path, result)
        result.problems.append(_placed(masker.mask(words), layers, path, result))


def _check_references(given: Json, sinks: Sinks | None, result: Compiled) -> None:
    """References to secrets in the settings of ww stand only where a sink may have them."""
    for path, item in walk(given, (settings.KEY,)):
        if path == _TOKEN or path[:-1] == _TOKEN:
            continue
        if is_reference(item) and (sinks is None or not sinks.may_refer(path)):
            message = "a reference to a secret cannot be used in the settings of ww; write the value"
            if path[1:2] == ("sinks",):
                message = "a reference to a secret cannot be used for this setting; write the value"
            result.problems.append(_placed(message, result.layers, path, result))


def _meant_reference(path: Path, result: Compiled, told: set[Path]) -> list[Problem] | None:
    """The one problem with what should be a reference at or above a refused `path`, and none once it was told.

    None where there is nothing like that.
    """
    for length in range(len(path), 0, -1):
        at = lookup(result.cfg, path[:length])
        words = misspelt(at.value) if isinstance(at, Found) else ""
        if words:
            known = path[:length] in told
            told.add(path[:length])
            return [] if known else [_placed(words, result.layers, path[:length], result)]
    return None


def _sinks(given: Json, etc: str) -> Sinks | None:
    if not (isinstance(given, dict) and given.get("sinks")):
        return None
    from ww.config.sinkcheck import Sinks

    return Sinks(given, etc)


def _check_values(schema: Layer, known: Known | None, layers: list[Layer], result: Compiled) -> None:
    """The result against the image's schema, which need not know of the key `ww`."""
    declares = settings.KEY in schema.value.get("properties", {})  # type: ignore[operator]
    judged = result.cfg if declares else {key: item for key, item in result.cfg.items() if key != settings.KEY}
    if known is not None and known.accepts is not None and known.accepts(judged):
        return
    libraries.reach()
    from ww.config.validate import faults

    masker = Masker(result.private_texts())
    told: set[Path] = set()
    for fault in faults(judged, schema.value):
        if (near := _meant_reference(fault.path, result, told)) is not None:
            result.problems += near
            continue
        words = masker.mask(_private_words(fault, "key in the image's cfg_schema.json", fault.path, result))
        result.problems.append(_placed(words, layers, fault.path, result))


def _private_words(fault: Fault, kind: str, path: Path, result: Compiled) -> str:
    """What is wrong at `path`, of a secret only by which keyword."""
    return f"{MASK} does not satisfy {fault.keyword}" if result.is_private(path) else _fault_words(fault, kind)


def _fault_words(fault: Fault, kind: str) -> str:
    if fault.message:
        return fault.message
    near = fault.meant()
    return f"there is no such {kind}" + (f"; did you mean {near}?" if near else "")


def placed(message: str, compiled: Compiled, path: Path) -> Problem:
    """A problem with the value at `path` of a configuration, at the place that set it."""
    return _placed(message, compiled.layers, path, compiled)


def _placed(message: str, layers: list[Layer], path: Path, result: Compiled) -> Problem:
    """A problem with the merged value at `path`, at the place in the layer that set it."""
    setter = result.provenance.setter(path)
    for layer in layers:
        if layer.name == setter:
            return at_path(message, layer, path)
    return problem(message, path=format_path(path))


def _warn_of_exposed(result: Compiled) -> None:
    for path in result.exposed():
        message = 'a value that the schema marks "writeOnly" stands in cfg.json, which is 0600 for it; '
        message += 'name it by {"$secret": "NAME"} instead'
        found = problem(message, path=format_path(path))
        found["layer"] = result.provenance.setter(path) or "configuration"
        result.warnings.append(found)
