"""What ww itself says in the container log, and the pumps that carry what hooks say."""

from __future__ import annotations

from ww.supervise.logs import Formatter, Pump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.clock import Clock
    from ww.supervise.logs import ContainerLog
    from ww.supervise.loop import Loop


class Voice:
    """Lines of source `ww`, at levels debug, info, warning, error; every one of them masked."""

    def __init__(self, loop: Loop, clock: Clock, log: ContainerLog) -> None:
        self._loop = loop
        self._clock = clock
        self._log = log
        self._show_debug = False
        self.mask: Callable[[str], str] = str

    def debug(self, text: str, **fields: object) -> None:
        """For whoever asked for `ww.log.level: debug`."""
        if self._show_debug:
            self._say("debug", text, fields)

    def info(self, text: str, **fields: object) -> None:
        """What happens."""
        self._say("info", text, fields)

    def warn(self, text: str, **fields: object) -> None:
        """What a person should look at."""
        self._say("warning", text, fields)

    def error(self, text: str, **fields: object) -> None:
        """What ends the instance, or may."""
        self._say("error", text, fields)

    def use(self, log_format: str, level: str) -> None:
        """Take the format and level of the compiled settings."""
        self._log.formatter = Formatter(log_format, self._clock)
        self._show_debug = level == "debug"

    def pump(self, fd: int, source: str, stream: str) -> Pump:
        """A pump that logs what comes out of `fd` as lines of `source`."""
        return Pump(self._loop, fd, source, self._log, stream=stream)

    def _say(self, level: str, text: str, fields: dict[str, object]) -> None:
        # `line` has room of its own behind a full buffer: what a hook floods must not push out what we say.
        self._log.line(level, self.mask(text), **fields)
