"""What ww itself says in the container log, and the pumps that carry what hooks say."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.supervise.logs import ContainerLog, Formatter, Pump
    from ww.supervise.loop import Loop


class Voice:
    """Lines of source `ww`, at levels debug, info, warning, error."""

    def __init__(self, loop: Loop, log: ContainerLog, formatter: Formatter) -> None:
        self._loop = loop
        self._log = log
        self._formatter = formatter
        self.show_debug = False

    def debug(self, text: str, **fields: object) -> None:
        """For whoever asked for `ww.log.level: debug`."""
        if self.show_debug:
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
        self._formatter.format = log_format
        self.show_debug = level == "debug"

    def pump(self, fd: int, source: str, stream: str) -> Pump:
        """A pump that logs what comes out of `fd` as lines of `source`."""
        from ww.supervise.logs import Pump

        return Pump(self._loop, fd, source, self._log, self._formatter, stream)

    def _say(self, level: str, text: str, fields: dict[str, object]) -> None:
        self._log.write(self._formatter.own(text, level, fields))
