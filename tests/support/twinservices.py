"""The verified twin of service lives: they become ready, die and end when a test says so. No process is started."""

from __future__ import annotations

from ww.clock import FakeClock
from ww.instance.services.definition import Definition, Launch, ReloadWay, StopWay, Watch
from ww.instance.services.process import Ended
from ww.instance.services.supervisor import Supervisor
from ww.instance.system import System
from ww.lifecycle.policy import RestartPolicy
from ww.lifecycle.services import Rules
from ww.supervise.exitcode import Exit
from ww.supervise.loop import Loop


def definition(name: str, after: tuple[str, ...] = (), **options: object) -> Definition:
    """A service of which only the rules matter."""
    launch = Launch((f"/{name}",), {}, None, "/", 0o022, {})
    enabled = bool(options.pop("enabled", True))
    rules = Rules(name, after, **options)  # type: ignore[arg-type]
    return Definition(
        rules, launch, None, StopWay(15, 5000, True), Watch(None, None, 0), ReloadWay(None, None), enabled
    )


class TwinLife:
    """What the supervisor sees of a life."""

    _pids = 100

    def __init__(self, definition: Definition, listener: Supervisor, now_ms: int) -> None:
        TwinLife._pids += 1
        self.definition = definition
        self._listener = listener
        self.pid = TwinLife._pids
        self.status = ""
        self.started_ms = now_ms
        self.swept_later = False
        self.asked: list[int] = []
        self.signals: list[int] = []
        self.over = False
        self.failing = False

    def stop(self, grace_ms: int, reason: str = "asked") -> None:
        self.asked.append(grace_ms)

    def signal(self, number: int) -> bool:
        self.signals.append(number)
        return True

    def become_ready(self) -> None:
        self._listener.is_ready(self)  # type: ignore[arg-type]

    def fail(self, code: int) -> None:
        """Its process has ended and others of its group live on."""
        status = Exit(code)
        self._listener.is_failing(self, Ended(status, "exit", status.words(), [], code=status.status))  # type: ignore[arg-type]

    def die(self, code: int = 1, signal: int | None = None) -> None:
        """End by itself, or as asked."""
        self.over = True
        status = Exit(None if signal else code, signal)
        reason = "asked" if self.asked and not self.failing else ("signal" if signal else "exit")
        self._listener.has_ended(self, Ended(status, reason, status.words(), [], code=status.status))  # type: ignore[arg-type]


class Silent:
    """A voice that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, text: str, **_fields: object) -> None:
        self.said.append(text)

    debug = warn = error = info


class TwinInstance:
    """The port: starts twin lives, keeps what the supervisor told it, and recovers when it is asked to (as RESTARTING does)."""

    def __init__(self, policy: RestartPolicy | None = None) -> None:
        self.clock = FakeClock()
        self.loop = Loop(self.clock)
        self.voice = Silent()
        self._policy = policy or RestartPolicy()
        self.lives: list[TwinLife] = []
        self.told: list[tuple[str, str, int]] = []
        self.details: list[dict[str, object]] = []
        self.noticed: list[str] = []
        self.heals = True
        self.ends = False
        self.recovers = True
        self.supervisor = Supervisor(System(self.loop, None, self.clock, self.voice), self)  # type: ignore[arg-type]

    def close(self) -> None:
        self.loop.close()

    def begin(self, definition: Definition, listener: Supervisor) -> TwinLife:
        life = TwinLife(definition, listener, self.clock.mono_ms())
        self.lives.append(life)
        return life

    def died(self, words: str, detail: dict[str, object]) -> None:
        self.told.append(("died", words, 0))
        self.details.append(detail)
        if self.recovers:
            self.supervisor.recover()

    def gave_up(self, words: str, detail: dict[str, object], exit_code: int) -> None:
        self.told.append(("gave up", words, exit_code))
        self.details.append(detail)

    def finished(self, words: str, detail: dict[str, object], exit_code: int) -> None:
        self.told.append(("finished", words, exit_code))
        self.details.append(detail)

    def policy(self) -> RestartPolicy:
        return self._policy

    def spread(self) -> float:
        return 0.0

    def ending(self) -> bool:
        return self.ends

    def healing(self) -> bool:
        return self.heals

    def notice(self, words: str, detail: dict[str, object]) -> None:
        self.noticed.append(words)

    def changed(self) -> None:
        """Nobody waits."""

    def life(self, name: str) -> TwinLife:
        """The newest life of a service."""
        return [life for life in self.lives if life.definition.name == name][-1]

    def running(self) -> list[str]:
        return sorted(life.definition.name for life in self.lives if not life.over)

    def pass_ms(self, ms: int) -> None:
        self.clock.advance(ms)
        self.loop.turn(wait=False)
