"""Wiring of the reporter: the line to PID 1, the spool, the sinks; runs until PID 1 ends it or has gone (runtime.md 20, 21).

The first thread reads the line and answers it, whatever the others do; a second one waits until no other reporter
works on these events and builds the rest; each sink has one of its own, and so has the keeper of the spool.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from ww.clib import json_loads
from ww.config.libraries import reach
from ww.config.settings import fill
from ww.instance.settings import Settings
from ww.reporting import process
from ww.reporting.alone import wait_until_alone
from ww.reporting.dialogue import Dialogue
from ww.reporting.known import Known
from ww.reporting.line import Line
from ww.reporting.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ww.reporting.backlog import SpoolFigures
    from ww.reporting.keeper import KeeperThread
    from ww.sinks.delivery.thread import Delivery
    from ww.sinks.setup import Surroundings
    from ww.sinks.unmade import Unmade
    from ww.types import JsonObject

PROTOCOL = 1
LAST_WORDS_S = 1.0
"""What is delivered when PID 1 has gone without a word takes no longer."""
CLOSE_SHARE = 0.2
"""The end of the last delivery, in which sinks let go of their receivers."""
KEEP_SHARE = 0.5
"""The end of that, in which the cursors are saved."""


def main() -> int:
    """Be the reporter; the exit code."""
    process.settle()
    line = Line()
    messages = line.messages()
    hello = greeting(messages)
    if hello is None:
        return 0
    if hello.get("t") != "hello" or hello.get("v") != PROTOCOL:
        process.say("error", f"the first message of ww run is none that this reporter knows: {str(hello)[:80]}")
        return 1
    settings = settings_of(hello)
    process.limit_memory(int(settings["reporter"]["memory_bytes"]))
    reach()  # once, and before there are threads: whoever came second would go on while the first is at it
    known = Known(hello, float(settings["monitor"]["interval_s"]))
    dialogue = Dialogue(line, lambda: build(line, hello, settings))
    known.sinks = dialogue.stats
    if settings["probes"].get("http.port") is not None:
        from ww.reporting.serving import serve

        serve(known, settings["probes"], process.say)
    sampler = Sampler(measurer(hello, dialogue), known, lambda sample: _tell(line, sample), _warn)
    sampler.start()
    dialogue.start()
    for message in messages:
        known.heard(message)
        dialogue.heard(message)
        if message["t"] == "ping":
            sampler.wake()
        if dialogue.over:
            return 0
    known.lost()
    process.end_within(LAST_WORDS_S)
    dialogue.finish(time.monotonic() + LAST_WORDS_S)
    return 0


def greeting(messages: Iterator[JsonObject]) -> JsonObject | None:
    """The first message, put together where it came in pieces; None if PID 1 has gone before."""
    pieces: list[str] = []
    for message in messages:
        if message.get("t") != "piece":
            return {**json_loads("".join(pieces)), **message} if pieces else message  # type: ignore[dict-item]
        pieces.append(str(message["text"]))
    return None


def settings_of(hello: JsonObject) -> dict[str, Any]:
    """The sections of the settings; from the compiled configuration where they were too long for the line."""
    given = hello.get("settings")
    if isinstance(given, dict):
        return given
    with open(str(hello["cfg"]), encoding="utf-8") as file:
        cfg = json_loads(file.read())
    return Settings(fill(cfg if isinstance(cfg, dict) else {}), {}).of_reporter()


def measurer(hello: JsonObject, dialogue: Dialogue) -> Callable[[], JsonObject]:
    """What measures the instance; how much waits in the spool belongs to it."""
    from ww.reporting.measure import Measures

    measures = Measures(int(str(hello["pid1"])), str(hello["data"]))

    def sample() -> JsonObject:
        spool = dialogue.spool()
        return {**measures.sample(), **({"spool": spool} if spool else {})}

    return sample


def build(line: Line, hello: JsonObject, settings: dict[str, Any]) -> Deliveries:
    """The parts, connected, as soon as no other reporter works on these events."""
    directories = _texts(hello["directories"])
    if not directories:
        return Deliveries(None, [], [], None)
    wait_until_alone(directories[0])
    from ww.clock import Clock
    from ww.config.sinktypes import Unusable
    from ww.events.keeper import Keeper, Ports
    from ww.events.retention import Limits
    from ww.events.spool import Cursors, Reader
    from ww.reporting.backlog import SpoolFigures
    from ww.reporting.keeper import KeeperThread
    from ww.sinks.setup import set_up
    from ww.sinks.unmade import Unmade

    cursors = Cursors(directories, say=_warn)
    around = surroundings(line, hello, directories, cursors)
    sinks = {name: sink for name, sink in settings["sinks"].items() if sink.get("enabled", True)}
    deliveries: list[Delivery] = []
    unmade: list[Unmade] = []
    for name, sink in sinks.items():
        made = set_up(name, sink, around)
        if isinstance(made, Unusable):
            process.say("error", made.words)
            around.reached(name, False, made.words)
            unmade.append(Unmade(name, sink["type"], made.words, cursors.get(name), str(hello["boot"])))
        else:
            deliveries.append(made)
    journal = settings["journal"]
    limits = Limits(int(journal["max_bytes"]), int(float(journal["max_age_s"]) * 1000))
    ports = Ports(around.declare, lambda seq: _tell(line, {"t": "synced", "seq": seq}), _warn)
    keeper = Keeper(directories, str(hello["boot"]), cursors, limits, ports, Clock(), counted=not hello.get("shared"))
    keeper.configure(list(sinks))
    spool = SpoolFigures(lambda after: Reader(directories, after, str(hello["boot"])), cursors)
    return Deliveries(KeeperThread(keeper, _warn), deliveries, unmade, spool)


def surroundings(line: Line, hello: JsonObject, directories: list[str], cursors: Any) -> Surroundings:
    """What all sinks share."""
    from ww.config.secrets import load_masker
    from ww.events.spool import Reader
    from ww.events.wire import Boot
    from ww.home.layout import Layout
    from ww.sinks.base import Origin
    from ww.sinks.setup import Surroundings

    service, instance, boot = str(hello["service"]), str(hello["instance"]), str(hello["boot"])
    labels: Any = hello["labels"]
    secrets: Any = hello["secrets"]
    hidden = _texts(hello["hidden"])
    layout = Layout(str(hello["root"]))

    def mask(text: str) -> str:
        # Read anew each time: a secret file may be replaced while the instance runs.
        return load_masker(secrets, layout, os.environ, hidden).mask(text) if secrets or hidden else text

    return Surroundings(
        origin=Origin(service, instance, boot, labels, str(hello["run"] or "")),
        present=Boot(service, instance, boot),
        layout=layout,
        environ=os.environ,
        journal=directories[0],
        source=lambda after: Reader(directories, after, boot),
        bookmarks=cursors,
        say=process.say,
        mask=mask,
        declare=lambda gap: _tell(line, {"t": "gap", "data": dict(gap)}),
        reached=lambda name, ok, words: _tell(line, {"t": "required", "name": name, "ok": ok, "words": words}),
    )


class Deliveries:
    """The sinks at work, and the keeper of the spool beside them; see `ww.reporting.dialogue.Work`."""

    def __init__(
        self,
        keeper: KeeperThread | None,
        deliveries: list[Delivery],
        unmade: list[Unmade],
        spool: SpoolFigures | None,
    ) -> None:
        self._spool = spool
        self._keeper = keeper
        self._deliveries = deliveries
        self._unmade = unmade

    def _all(self) -> list[Delivery | Unmade]:
        return [*self._deliveries, *self._unmade]

    def start(self) -> None:
        """Begin to keep and to deliver."""
        if self._keeper is not None:
            self._keeper.start()
        for delivery in self._deliveries:
            delivery.start()

    def wake(self, seq: int) -> None:
        """PID 1 has written up to `seq`."""
        if self._keeper is not None:
            self._keeper.position(seq)
        for delivery in self._all():
            delivery.wake(seq)

    def urge(self, sink: str) -> None:
        """Try now what is left for this sink."""
        for delivery in self._deliveries:
            if delivery.name == sink:
                delivery.urge()

    def stats(self) -> JsonObject:
        """How each sink stands, by name."""
        return {one.name: one.stats() for one in self._all()}

    def spool(self) -> JsonObject:
        """How much waits for the slowest sink; nothing where there is no sink."""
        waiting = {one.name: one.depth for one in self._all()}
        return self._spool.figures(waiting) if self._spool is not None and waiting else {}

    def finish(self, deadline: float) -> int:
        """Deliver, close every sink, sync and remember, all of it by `deadline`; how many events are left."""
        from ww.sinks.delivery.thread import flush_all

        if self._keeper is not None:
            _beside(self._keeper.flush, deadline)
        left = flush_all(self._deliveries, deadline - CLOSE_SHARE * max(0.0, deadline - time.monotonic()))
        # One that does not close takes nothing from the time in which is remembered what the others have.
        closed_by = deadline - KEEP_SHARE * max(0.0, deadline - time.monotonic())
        for closing in [_beside(one.stop, closed_by) for one in self._deliveries]:
            closing.join(max(0.0, closed_by - time.monotonic()))
        if self._keeper is not None:
            self._keeper.stop(deadline)
        return max([left, *(one.depth for one in self._unmade)])


def _beside(work: Any, deadline: float) -> threading.Thread:
    thread = threading.Thread(target=work, args=(deadline,), daemon=True)
    thread.start()
    return thread


def _warn(words: str) -> None:
    process.say("warn", words)


def _tell(line: Line, message: JsonObject) -> None:
    """What PID 1 does not take just now it can do without, or is told again."""
    line.send(message)


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
