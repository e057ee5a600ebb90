"""What ww itself says in the container log, and the pumps that carry what hooks say."""

from __future__ import annotations

from ww.clock import Clock
from ww.supervise.logs import Formatter, Pump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.supervise.logs import ContainerLog
    from ww.supervise.loop import Loop, Timer

HELD_LINES = 200
HELD_MS = 2_000
"""How many lines, and for how long, wait for the configuration to say how the log is written."""


class Voice:
    """Lines of source `ww`, at levels debug, info, warning, error; every one of them masked.

    The first lines are held back until `use` tells their format: a collector of JSON could not read them otherwise.
    An error, too many of them or too long a wait releases them in the default format. `quiet`: warnings and errors
    alone, unless the settings ask for more.
    """

    def __init__(self, loop: Loop, clock: Clock, log: ContainerLog, quiet: bool = False) -> None:
        self._loop = loop
        self._clock = clock
        self._log = log
        self.chosen = False
        """Whether the settings have said how the log is written."""
        self._level = "warning" if quiet else "info"
        self._format = "plain"
        self._held: list[tuple[int, str, str, dict[str, object]]] | None = []
        self._timer: Timer | None = None
        self.mask: Callable[[str], str] = str

    def debug(self, text: str, **fields: object) -> None:
        """For whoever asked for `ww.log.level: debug`."""
        if self._level == "debug":
            self._say("debug", text, fields)

    def info(self, text: str, **fields: object) -> None:
        """What happens."""
        if self._level != "warning":
            self._say("info", text, fields)

    def warn(self, text: str, **fields: object) -> None:
        """What a person should look at."""
        self._say("warning", text, fields)

    def error(self, text: str, **fields: object) -> None:
        """What ends the instance, or may; it never waits."""
        self._say("error", text, fields)
        self.release()

    def use(self, log_format: str, level: str) -> None:
        """Take the format and level (""; as it was) of the compiled settings, and say what was held back."""
        self.chosen = True
        self._format = log_format
        self._log.formatter = Formatter(log_format, self._clock)
        self._level = level or self._level
        self.release()

    def release(self) -> None:
        """Say what was held back, each line at the time when it was said; from now on nothing waits."""
        held, self._held = self._held, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        formatter = self._log.formatter
        for wall_ms, level, text, fields in held or ():
            self._log.formatter = Formatter(self._format, _Then(wall_ms))
            self._log.line(level, self.mask(text), **fields)
        self._log.formatter = formatter

    def pump(self, fd: int, source: str, stream: str) -> Pump:
        """A pump that logs what comes out of `fd` as lines of `source`."""
        return Pump(self._loop, fd, source, self._log, stream=stream)

    def _say(self, level: str, text: str, fields: dict[str, object]) -> None:
        if self._held is None:
            # `line` has room of its own behind a full buffer: what a hook floods must not push out what we say.
            self._log.line(level, self.mask(text), **fields)
            return
        self._held.append((self._clock.wall_ms(), level, text, fields))
        if self._timer is None:
            self._timer = self._loop.call_later(HELD_MS, self.release)
        if len(self._held) >= HELD_LINES:
            self.release()


class _Then(Clock):
    """The moment at which a line was said."""

    __slots__ = ("_wall_ms",)

    def __init__(self, wall_ms: int) -> None:
        self._wall_ms = wall_ms

    def wall_ms(self) -> int:
        return self._wall_ms
