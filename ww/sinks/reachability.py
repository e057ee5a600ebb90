"""Whether the sinks of a configuration can be reached from here, all of them at once; nothing is delivered."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ww.config.compiled import build
from ww.config.inputs import collect
from ww.config.secrets import Masker, SecretError, load_masker, references
from ww.config.settings import fill
from ww.config.sinktypes import Unusable
from ww.errors import ConfigError
from ww.sinks.base import Context, Origin
from ww.sinks.delivery.answers import words_of
from ww.sinks.setup import make_sink, places, secret_reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ww.home.layout import Layout
    from ww.sinks.base import Sink

REACHED = "reached"
NOT_REACHED = "not reached"
UNUSABLE = "unusable"
DISABLED = "disabled"
_GRACE_S = 0.5


@dataclass(slots=True)
class Reached:
    """One configured sink; `result` is one of the four words above, `why` says why it is so, or what else is to be known."""

    name: str
    type: str
    required: bool
    result: str
    why: str = ""
    seconds: float = 0.0


def reach_all(layout: Layout, environ: Mapping[str, str], sets: Sequence[str], timeout_s: float) -> list[Reached]:
    """Try every sink of the configuration at `layout`, each for `timeout_s`. Raises ConfigError where it is invalid."""
    compiled = build(collect(layout, environ, sets))
    if compiled.problems:
        raise ConfigError(compiled.problems)
    settings: Any = fill(compiled.cfg)
    sinks: dict[str, dict[str, Any]] = settings["sinks"]
    masker = load_masker(references(compiled.cfg.get("ww")), layout, environ, compiled.hidden_texts())
    tries = [_Try(name, given, layout, environ, masker) for name, given in sorted(sinks.items())]
    for one in tries:
        one.begin(timeout_s)
    return [one.end() for one in tries]


class _Try:
    """One sink, in a thread of its own: a call that does not come back holds up no other."""

    def __init__(
        self, name: str, given: dict[str, Any], layout: Layout, environ: Mapping[str, str], masker: Masker
    ) -> None:
        self._given = given
        self._layout = layout
        self._environ = environ
        self._masker = masker
        self._words: str | None = None
        self._said: list[str] = []
        self._deadline = 0.0
        required = bool(given.get("required", False))
        self.found = Reached(name, str(given.get("type")), required, NOT_REACHED)
        self._thread = threading.Thread(target=self._run, name=f"reach-{name}", daemon=True)

    def begin(self, timeout_s: float) -> None:
        """Start it."""
        self._deadline = time.monotonic() + timeout_s
        if self._given.get("enabled", True):
            self._thread.start()
        else:
            self.found.result = DISABLED

    def end(self) -> Reached:
        """What came of it."""
        if self.found.result == DISABLED:
            return self.found
        self._thread.join(max(0.0, self._deadline + _GRACE_S - time.monotonic()))
        if self._words is None and self.found.result == NOT_REACHED:
            self._words = "no answer within the time limit"
        self.found.why = self._masker.mask(self._words or "; ".join(self._said))
        return self.found

    def _run(self) -> None:
        started = time.monotonic()
        context = Context(
            name=self.found.name,
            origin=Origin("ww", "sinks-check", "", {}, os.path.dirname(self._layout.secrets)),
            secret=secret_reader(self._layout, self._environ),
            advise=_nothing,
            log=self._said.append,
            place=places(self._layout),
        )
        try:
            made = make_sink(self.found.name, self._given, context, self._layout.etc)
            if isinstance(made, Unusable):
                self.found.result = UNUSABLE
                self._words = made.words
                return
            words = self._reach(made)
        except SecretError as error:
            words = str(error)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            words = words_of(error)
        self.found.seconds = time.monotonic() - started
        self.found.result = NOT_REACHED if words else REACHED
        self._words = words

    def _reach(self, sink: Sink) -> str:
        try:
            return str(sink.reach(self._deadline))
        finally:
            sink.close(self._deadline)


def _nothing(_: object) -> None:
    """What a sink says on the way is not what was asked."""
