"""The WATCH task of UP: `monitor` at once and every interval, then `pushstats`; unhealthy is told, never decided here.

WW-21: the first check comes right after UP. A failing monitor's output is kept, no pushstats is run for it (WWA-6).
"""

from __future__ import annotations

from ww.clib import BadJson, json_loads
from ww.lifecycle.model import Done, Failed
from ww.lifecycle.policy import HealthCount, HealthPolicy, count_health
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ww.clock import Clock
    from ww.instance.driver import Cause
    from ww.instance.hookrun import HookRun
    from ww.lifecycle.model import Outcome
    from ww.supervise.loop import Loop, Timer
    from ww.types import Callback, JsonObject

    class WatchPort(Protocol):
        """What the watch asks of its surroundings."""

        def run_monitor(self, done: Callable[[Outcome], None]) -> HookRun | None:
            """Start the monitor hook, or None if the image has none."""

        def run_pushstats(self, health: JsonObject, done: Callable[[Outcome], None]) -> HookRun:
            """Start the pushstats hook with this health."""

        def health(self, healthy: bool, monitor: JsonObject, failure: str) -> JsonObject:
            """Record a health event; returns what it holds for pushstats."""

        def unhealthy(self, cause: Cause) -> None:
            """The failure threshold is reached."""

        def complain(self, words: str) -> None:
            """Say something in the log."""


class WatchPolicy(Value):
    """How often to look (milliseconds between the starts of two monitors) and when to believe it."""

    __slots__ = ("interval_ms", "health")

    def __init__(self, interval_ms: int, health: HealthPolicy) -> None:
        self.interval_ms = interval_ms
        self.health = health


class Watch:
    """Runs until it is cancelled; there is never more than one monitor at a time."""

    def __init__(self, loop: Loop, clock: Clock, port: WatchPort, policy: WatchPolicy) -> None:
        self._loop = loop
        self._clock = clock
        self._port = port
        self._policy = policy
        self._count = HealthCount()
        self._run: HookRun | None = None
        self._timer: Timer | None = None
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

    def _looked(self, outcome: Outcome) -> None:
        run, self._run = self._run, None
        ok = isinstance(outcome, Done)
        self._count = count_health(self._count, self._policy.health, ok, self._clock.mono_ms() - self._up_ms)
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

        threshold = self._policy.health.failure_threshold
        self._port.health(healthy=False, monitor={}, failure=outcome.words)
        if self._count.failures >= threshold:
            times = f" ({self._count.failures} times)" if threshold > 1 else ""
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
        due = self._began_ms + self._policy.interval_ms
        self._timer = self._loop.call_at(max(due, self._clock.mono_ms()), self._look)


def read_health(outputs: list[str]) -> tuple[JsonObject, str]:
    """The health that the monitor's files printed, merged by key, and a complaint or "".

    What is not a JSON object is kept as `{"output": text}`: exit 0 means healthy, whatever was printed.
    """
    health: JsonObject = {}
    complaint = ""
    for output in outputs:
        text = output.strip()
        if not text:
            continue
        try:
            value = json_loads(text)
        except (BadJson, RecursionError):
            value = None
        if isinstance(value, dict):
            health.update(value)
        else:
            health["output"] = text[:4096]
            complaint = "monitor succeeded and did not print one JSON object; its output is kept as text"
    return health, complaint
