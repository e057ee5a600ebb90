"""From `ww.sinks.NAME` to a delivery that can be started; what cannot be is said in words with the path of the setting."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ww.config.secrets import is_reference, resolve
from ww.config.sinktypes import BUILT_IN, Unusable, filled
from ww.sinks.base import Context, Sink
from ww.sinks.delivery.answers import short, words_of
from ww.sinks.delivery.complaints import LineLimit
from ww.sinks.delivery.deadletters import DeadLetters
from ww.sinks.delivery.options import options_of
from ww.sinks.delivery.ports import AdviceBox, Ports
from ww.sinks.delivery.thread import Delivery
from ww.sinks.late import LateSink
from ww.sinks.registry import sink_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ww.events.position import Position
    from ww.events.wire import Boot
    from ww.home.layout import Layout
    from ww.sinks.base import Origin, SinkType
    from ww.sinks.delivery.ports import Bookmarks, Source
    from ww.types import Json


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all sinks of one reporter share."""

    origin: Origin
    present: Boot
    layout: Layout
    environ: Mapping[str, str]
    journal: str | None
    """The journal's first directory, below which rejected events are kept; None: there is none."""
    source: Callable[[Position], Source]
    """A reader of the journal behind a position, a new one for each sink."""
    bookmarks: Bookmarks
    say: Callable[[str, str], None]
    """One line to the container log: its level (`info`, `warn`, `error`) and words."""
    mask: Callable[[str], str]
    declare: Callable[[Mapping[str, Json]], None]
    """Has a gap event journalled."""
    reached: Callable[[str, bool, str], None]
    """A required sink, by name, was reached or was not, and why."""


def set_up(name: str, given: Mapping[str, Json], around: Surroundings) -> Delivery | Unusable:
    """The delivery of `ww.sinks.NAME`, a valid one; Unusable says, in a whole sentence, why there can be none.

    A plugin is not imported here, but by the delivery's own thread.
    """
    options = options_of(name, given)
    advised = AdviceBox()
    context = _context(name, around, advised)
    sink: Sink | Unusable
    if options.type in BUILT_IN:
        sink = make_sink(name, given, context, around.layout.etc)
    else:
        sink = LateSink(lambda: make_sink(name, given, context, around.layout.etc))
    if isinstance(sink, Unusable):
        return Unusable(around.mask(sink.words))
    ports = Ports(
        source=around.source(around.bookmarks.get(name)),
        bookmarks=around.bookmarks,
        letters=DeadLetters(around.journal, name, options.dead_letter_bytes, around.say),
        present=around.present,
        say=around.say,
        mask=around.mask,
        declare=around.declare,
        reached=around.reached,
        advised=advised,
    )
    return Delivery(sink, options, ports)


def make_sink(name: str, given: Mapping[str, Json], context: Context, etc: str) -> Sink | Unusable:
    """The sink alone, without a delivery around it: for commands that try one."""
    found = sink_type(str(given.get("type")), etc)
    if isinstance(found, Unusable):
        return Unusable(f"ww.sinks.{name}.type: {found.words}")
    return _made(name, found, given, context)


def _made(name: str, found: SinkType, given: Mapping[str, Json], context: Context) -> Sink | Unusable:
    try:
        made: object = found.make(filled(given, found.schema), context)
    except ValueError as error:
        return Unusable(f"ww.sinks.{name}: {error}")
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
        return Unusable(f"ww.sinks.{name}: the sink cannot be made: {words_of(error)}")
    if not isinstance(made, Sink):
        return Unusable(f"ww.sinks.{name}: the sink cannot be made: it is no Sink but a {type(made).__name__}")
    return made


def secret_reader(layout: Layout, environ: Mapping[str, str]) -> Callable[[Json], str]:
    """What `Context.secret` is: the text of a value that may be a reference, read now. It raises SecretError."""

    def read(value: Json) -> str:
        if is_reference(value):
            reference: Any = value
            return resolve(reference, layout, environ)
        return "" if value is None else str(value)

    return read


def places(layout: Layout) -> Callable[[str], str]:
    """What `Context.place` is; it raises ValueError for a path that leads upwards."""

    def place(path: str) -> str:
        if ".." in path.split("/"):
            raise ValueError(f"path {path!r} leads out of where it begins: write it without ..")
        return f"{layout.root}{path}" if path.startswith("/") else f"{layout.data}/{path}"

    return place


def _context(name: str, around: Surroundings, advised: AdviceBox) -> Context:
    lines = LineLimit(time.monotonic)

    def log(words: str) -> None:
        for allowed in lines.allowed(short(words)):
            around.say("info", around.mask(f"sink {name}: {allowed}"))

    return Context(
        name=name,
        origin=around.origin,
        secret=secret_reader(around.layout, around.environ),
        advise=advised.put,
        log=log,
        place=places(around.layout),
    )
