"""The service processes as an instance sees them: actions of its plans on one side, triggers of its machine on the other."""

from __future__ import annotations

import os

from ww.errors import EXIT_CONFIG
from ww.instance.driver import Cause
from ww.instance.hookenv import hook_environment
from ww.instance.hookset import hook_files
from ww.instance.services.definition import WRAPPED, Definitions, read_definitions
from ww.instance.services.supervisor import Supervisor
from ww.instance.tasks import at_once
from ww.lifecycle.model import Done, Failed, State, Trigger
from ww.lifecycle.services import SATISFIED
from ww.supervise import procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.crew import Crew
    from ww.instance.driver import Situation, Task
    from ww.instance.services.definition import Definition, Launch
    from ww.instance.services.process import Life, Listener
    from ww.instance.tasks import Report
    from ww.lifecycle.policy import RestartPolicy
    from ww.types import Callback, JsonObject

PROCESS = "WW_PROCESS"
"""The variable that tells a service process its own name."""


class Servicing:
    """Owns the supervisor and is its port. `wrapped` is the command of `ww run -- COMMAND`."""

    def __init__(self, crew: Crew, wrapped: Launch | None, feed: Callable[[Trigger, Cause], None]) -> None:
        self._crew = crew
        self._wrapped = wrapped
        self._feed = feed
        self._at: Situation | None = None
        self.on_change: Callback = _nobody
        self.supervisor = Supervisor(crew.system, self)

    @property
    def wrapping(self) -> bool:
        """Whether this is `ww run -- COMMAND`."""
        return self._wrapped is not None

    def entered(self, at: Situation) -> None:
        """A state was entered."""
        self._at = at

    def read(self) -> Definitions:
        """The services of the image and its configuration, as they are now."""
        crew = self._crew
        settings = crew.settings
        found = read_definitions(crew.layout.usr, settings.services, settings.service_defaults, self._wrapped)
        if any(service.launch.user is not None for service in found.services):
            procs.prepare("ww.supervise.identity")
        if any(service.readiness is not None for service in found.services):
            procs.prepare("ww.instance.services.readiness")
        return found

    # --- actions ---------------------------------------------------------------------------------------------------

    def up(self, done: Report) -> Task:
        """SERVICES_UP: read the definitions anew and begin to start them."""
        definitions = self.read()
        if definitions.problems:
            return at_once(done, Failed(EXIT_CONFIG, "; ".join(definitions.problems)))
        self.supervisor.define(definitions.services)
        self.supervisor.up()
        return at_once(done)

    def recover(self, done: Report) -> Task:
        """RECOVER: begin to start what died."""
        self.supervisor.recover()
        return at_once(done)

    def ready(self, done: Report) -> Task:
        """SERVICES_READY."""
        waiting = _Waiting(self.supervisor)
        self.supervisor.wait_ready(lambda: done(Done()))
        return waiting

    def down(self, at: Situation, done: Report) -> Task:
        """SERVICES_DOWN, within the stop budget where there is one; svcdown keeps a share of it."""
        waiting = _Waiting(self.supervisor)

        def left_ms() -> int | None:
            if at.budget is None:
                return None
            work = at.budget.for_work(self._crew.system.clock.mono_ms())
            return work * 3 // 4 if hook_files(self._crew.layout.usr, "svcdown") else work

        self.supervisor.down(left_ms, lambda: done(Done()))
        return waiting

    # --- the port of the supervisor ----------------------------------------------------------------------------------

    def died(self, words: str, detail: JsonObject) -> None:
        """See Port."""
        self._feed(Trigger.DIED, Cause(words, dict(detail)))

    def gave_up(self, words: str, detail: JsonObject, exit_code: int) -> None:
        """See Port."""
        # What a wrapped command does is its own affair; only one that could not be run is ours to report.
        own_end = self.wrapping and detail.get("service") == WRAPPED and detail.get("reason") in ("exit", "signal")
        self._feed(Trigger.GAVE_UP, Cause(words, dict(detail), exit_code, own_end=own_end))

    def finished(self, words: str, detail: JsonObject, exit_code: int) -> None:
        """See Port."""
        self._feed(Trigger.FINISHED, Cause(words, dict(detail), exit_code))

    def begin(self, definition: Definition, listener: Listener) -> Life:
        """See Port."""
        from ww.instance.services.process import Life

        crew = self._crew
        return Life(crew.system, definition, self._environment(definition), crew.place, listener).start()

    def _environment(self, definition: Definition) -> dict[str, str]:
        """The hooks' contract, and the name of the process; a wrapped command keeps its own environment besides."""
        crew = self._crew
        base = crew.own_env if definition.launch.terminal else crew.base_env
        state = self._at.state.value if self._at and self._at.state else ""
        env = hook_environment(base, crew.layout, crew.run, crew.identity(), crew.versions, state, 1)
        return {**env, PROCESS: definition.name}

    def policy(self) -> RestartPolicy:
        """See Port."""
        return self._crew.settings.restart()

    def spread(self) -> float:
        """See Port."""
        return int.from_bytes(os.urandom(2), "big") / 32767.5 - 1

    def healing(self) -> bool:
        """See Port."""
        return self._crew.healing

    def ending(self) -> bool:
        """See Port."""
        return self._at is not None and self._at.state in (State.STOPPING, State.STOPPED, State.ERROR)

    def notice(self, words: str, detail: JsonObject) -> None:
        """See Port."""
        self._crew.recorder.notice("service", words, detail)

    def changed(self) -> None:
        """See Port."""
        self.on_change()

    # --- views -------------------------------------------------------------------------------------------------------

    def report(self) -> list[JsonObject]:
        """The rows of `ww status`."""
        now = self._crew.system.clock.mono_ms()
        return [member.report(now) for member in self.supervisor.members.values()]

    def failed(self, name: str) -> str:
        """Why service `name` is not up although it was asked for; "" if it is, or there is none."""
        member = self.supervisor.members.get(name)
        if member is None or member.phase in SATISFIED:
            return ""
        return f"service {name} is {member.phase.value}: {member.last.words if member.last else 'not yet ready'}"


class _Waiting:
    """Somebody waits for the supervisor; the services themselves are not touched when he is interrupted."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """Wait no longer; without grace the wait for an end becomes a KILL."""
        self._supervisor.forget_waiters()
        if grace_ms or not self._supervisor.going_down:
            gone()
        else:
            self._supervisor.wait_down(gone)
            self._supervisor.force()


def _nobody() -> None:
    """Nobody has asked to be told yet."""
