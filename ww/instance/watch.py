"""The WATCH task of UP: `monitor` at once and every interval, then `pushstats`; unhealthy is told, never decided here.

WW-21: the first check comes right after UP. A failing monitor's output is kept, no pushstats is run for it (WWA-6).
"""

from __future__ import annotations

from ww.clib import BadJson, json_dumps, json_loads
from ww.lifecycle.model import Done, Failed
from ww.lifecycle.policy import HealthCount, count_health

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ww.clock import Clock
    from ww.instance.driver import Cause
    from ww.instance.hooklimits import WatchPolicy
    from ww.instance.hookrun import HookRun
    from ww.lifecycle.model import Outcome
    from ww.supervise.loop import Loop, Timer
    from ww.types import Callback, JsonObject

    class WatchPort(Protocol):
        """What the watch asks of its surroundings."""

        had_monitor: bool
        """Whether the image ever had a monitor: one that is missing now may come back."""

        def run_monitor(self, done: Callable[[Outcome], None]) -> HookRun | None:
            """Start the monitor hook, or None if there is none."""

        def run_pushstats(self, health: JsonObject, done: Callable[[Outcome], None]) -> HookRun:
            """Start the pushstats hook with this health."""

        def health(self, healthy: bool, monitor: JsonObject, failure: str) -> JsonObject:
            """Record a health event; returns what it holds for pushstats."""

        def beat(self) -> bool:
            """Record a health event without a monitor, if anybody hears of it."""

        def unhealthy(self, cause: Cause) -> None:
            """The failure threshold is reached."""

        def complain(self, words: str) -> None:
            """Say something in the log."""


class Watch:
    """Runs until it is cancelled; there is never more than one monitor at a time."""

    def __init__(self, loop: Loop, clock: Clock, port: WatchPort, policy: Callable[[], WatchPolicy]) -> None:
        self._loop = loop
        self._clock = clock
        self._port = port
        self._policy = policy
        self._count = HealthCount()
        self._run: HookRun | None = None
        self._timer: Timer | None = None
        self._missing = False
        self._up_ms = clock.mono_ms()
        self._began_ms = self._up_ms

    def start(self) -> Watch:
        """Look for the first time, at once."""
        self._look()
        return self

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """Look no more, and end what is being run."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        run, self._run = self._run, None
        if run is None:
            gone()
        else:
            run.cancel(grace_ms, gone)

    def _look(self) -> None:
        self._timer = None
        self._began_ms = self._clock.mono_ms()
        self._run = self._port.run_monitor(self._looked)
        if self._run is not None:
            self._missing = False
        elif self._port.had_monitor:
            # While an image is being edited a file is absent or blank for a moment.
            if not self._missing:
                self._missing = True
                self._port.complain("the hook monitor has gone or is blank: nothing is watched until it is back")
            self._port.beat()
            self._again()
        elif self._port.beat():
            self._again()

    def _looked(self, outcome: Outcome) -> None:
        run, self._run = self._run, None
        ok = isinstance(outcome, Done)
        self._count = count_health(self._count, self._policy().health, ok, self._clock.mono_ms() - self._up_ms)
        if isinstance(outcome, Failed):
            self._failed(outcome)
            return
        monitor, complaint = read_health(run.outputs if run else [])
        if complaint:
            self._port.complain(complaint)
        health = self._port.health(self._count.healthy, monitor, "")
        self._run = self._port.run_pushstats(health, self._pushed)

    def _failed(self, outcome: Failed) -> None:
        from ww.instance.driver import Cause

        threshold = self._policy().health.failure_threshold
        self._port.health(healthy=False, monitor={}, failure=outcome.words)
        if self._count.failures >= threshold:
            times = f" ({self._count.failures} times)" if threshold > 1 else ""
            self._again()  # in maintenance nothing comes of it; a restart cancels it
            self._port.unhealthy(Cause(f"{outcome.words}{times}", {"reason": "monitor", **outcome.detail}))
            return
        self._port.complain(f"{outcome.words}; {self._count.failures} of {threshold} failures before a restart")
        self._again()

    def _pushed(self, outcome: Outcome) -> None:
        self._run = None
        if isinstance(outcome, Failed):
            self._port.complain(f"{outcome.words}; ignored")
        self._again()

    def _again(self) -> None:
        due = self._began_ms + self._policy().interval_ms
        self._timer = self._loop.call_at(max(due, self._clock.mono_ms()), self._look)


MOST_DEEP = 32
"""How many levels the health of a monitor may have; more is no health, and would be more than others can read."""
_TEXT_CHARACTERS = 4096
MOST_BYTES = 48 << 10
"""How long health may be as JSON: an event of 64 KiB has to hold what ww measures besides."""


def read_health(outputs: list[str]) -> tuple[JsonObject, str]:
    """The health that the monitor's files printed, merged by key, and a complaint or "".

    What is not a JSON object, is nested deeper than 32 levels, or holds half a character (a lone surrogate), is kept
    as `{"output": text}`, and so is what is longer than 48 KiB: exit 0 means healthy, whatever was printed.
    """
    health: JsonObject = {}
    complaint = ""
    for output in outputs:
        text = output.strip()
        if not text:
            continue
        value = _object(text)
        if value is not None:
            health.update(value)
        else:
            health["output"] = text[:_TEXT_CHARACTERS].encode("utf-8", "replace").decode()
            complaint = "monitor succeeded and did not print one JSON object; its output is kept as text"
    if sum(map(len, outputs)) > MOST_BYTES // 4:  # a character is four bytes at most
        text = json_dumps(health)
        if len(text.encode("utf-8", "replace")) > MOST_BYTES:
            health = {"output": text[:_TEXT_CHARACTERS]}
            complaint = f"monitor succeeded and printed more than {MOST_BYTES >> 10} KiB of health; the beginning is kept as text"
    return health, complaint


def _object(text: str) -> JsonObject | None:
    try:
        value = json_loads(text)
    except (BadJson, RecursionError):
        return None
    if not isinstance(value, dict) or is_deeper(value, MOST_DEEP):
        return None
    try:
        json_dumps(value).encode()
    except UnicodeEncodeError:
        return None
    return value


def is_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects are nested in more than `levels`; one level at a time, so that no depth is too much."""
    level = [value]
    for _ in range(levels):
        nested = [inner for inner in level if isinstance(inner, dict | list)]
        if not nested:
            return False
        level = [item for inner in nested for item in (inner.values() if isinstance(inner, dict) else inner)]
    return any(isinstance(inner, dict | list) for inner in level)
