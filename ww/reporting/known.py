"""What the reporter knows of its instance: everything that the probes answer comes from here. Any thread may ask."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.types import JsonObject

SILENCE_S = 3.0
"""Beyond two ticks of the line: how long PID 1 may be silent and still count as heard."""
TICK_S = (1.0, 30.0)
"""How often PID 1 is heard at least, by the interval of the monitor within these bounds."""


class Known:
    """`interval_s` is that of the monitor. What PID 1 says comes in by `heard`, from one thread."""

    def __init__(self, hello: JsonObject, interval_s: float) -> None:
        self.hello: dict[str, Any] = dict(hello)
        self.state: dict[str, Any] = {}
        """What PID 1 said last of the state (readiness with it)."""
        self.health: dict[str, Any] = {}
        """The last health event."""
        self.sample: dict[str, Any] = {}
        """The last measurements."""
        self.sinks: Callable[[], JsonObject] = dict
        """How each sink stands."""
        self._patience_s = 2 * min(TICK_S[1], max(TICK_S[0], interval_s)) + SILENCE_S
        self._heard_at = time.monotonic()
        self._gone = False

    def lost(self) -> None:
        """PID 1 has hung up: nothing that it said holds any more."""
        self._gone = True

    def heard(self, message: JsonObject) -> None:
        """PID 1 said this."""
        self._heard_at = time.monotonic()
        if message.get("t") == "state":
            self.state = message
            if message.get("state") != "UP":
                self.health = {}  # what was said before a restart is no word about what runs now
        elif message.get("t") == "health":
            self.health = message

    def live(self) -> tuple[bool, str]:
        """Whether PID 1 is heard."""
        if self._gone:
            return False, "ww run has gone"
        silent_s = time.monotonic() - self._heard_at
        if silent_s > self._patience_s:
            return False, f"nothing was heard of ww run for {silent_s:.0f} s"
        return True, "ww run is heard"

    def ready(self) -> tuple[bool, str]:
        """What PID 1 judged last, as long as it is heard."""
        live, words = self.live()
        if not live:
            return False, words
        return bool(self.state.get("ready")), str(self.state.get("words") or "starting")

    def started(self) -> tuple[bool, str]:
        """Whether it has been UP since `ww run` was started."""
        if self.state.get("was_up"):
            return True, "it has been UP in this boot"
        return False, f"it has not been UP in this boot: {self.state.get('words') or 'starting'}"
