"""What people ask of a running instance, and what they are told: the port of the control socket."""

from __future__ import annotations

from ww import __version__
from ww.clock import stamp
from ww.instance.driver import Cause
from ww.lifecycle.model import State, Trigger
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ww.instance.crew import Crew
    from ww.instance.driver import Driver
    from ww.instance.perform import Performance
    from ww.instance.reload import Reload
    from ww.instance.servicing import Servicing
    from ww.instance.signalling import Signalling
    from ww.types import JsonObject

    Answer = Callable[[JsonObject], None]

STATUS_FORMAT = 1
_GOING_DOWN = (State.STOPPING, State.STOPPED, State.ERROR)


class Parts(Value):
    """The parts of the instance that are asked; made by the wiring module."""

    __slots__ = ("crew", "driver", "performance", "servicing", "signalling")

    def __init__(
        self, crew: Crew, driver: Driver, performance: Performance, servicing: Servicing, signalling: Signalling
    ) -> None:
        self.crew = crew
        self.driver = driver
        self.performance = performance
        self.servicing = servicing
        self.signalling = signalling


class Commands:
    """`status` and `perform`: see `ww.instance.control.ControlPort`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._reload: Reload | None = None
        self._reload_wanted = False
        self._unapplied: dict[str, Any] | None = None
        self._waiting: list[tuple[int, str, Answer]] = []

    # --- views -----------------------------------------------------------------------------------------------------

    def status(self) -> JsonObject:
        """The status document (docs/operations.md)."""
        crew, at = self._parts.crew, self._parts.driver.situation
        now = crew.system.clock.mono_ms()
        identity = crew.identity()
        running = self._parts.driver.action_words
        document: JsonObject = {
            "format": STATUS_FORMAT,
            "service": identity.service,
            "instance": identity.instance,
            "boot": identity.boot,
            "pid": crew.pid,
            "version": __version__,
            "state": at.state.value if at.state else None,
            "previous": at.previous.value if at.previous else None,
            "since": stamp(crew.system.clock.wall_ms() - (now - at.entered_ms)),
            "for_s": round((now - at.entered_ms) / 1000, 3),
            "uptime_s": crew.uptime_s(),
            "restarts": at.restarts,
            "maintenance": not crew.healing,
            "reason": at.reason(),
            "image_version": crew.versions.image,
            "data_version": crew.versions.data,
            "labels": dict(crew.settings.labels),
            "action": running,
            "monitored": self._parts.performance.monitoring.had_monitor,
            "health": self._parts.performance.monitoring.last_health,
            "services": list(self._parts.servicing.report()),
            "reporter": crew.outlet.report(),
            "stop": None,
        }
        if at.budget is not None:
            document["stop"] = {
                "budget_s": at.budget.total_ms / 1000,
                "left_s": round(at.budget.left(now) / 1000, 3),
                "waiting_for": self._held_up_by(running),
            }
        masked = crew.mask(document)
        return masked if isinstance(masked, dict) else document

    def _held_up_by(self, running: str) -> str:
        going = [str(row["name"]) for row in self._parts.servicing.report() if row["state"] == "stopping"]
        return f"{running}: {', '.join(going)}" if going else running

    # --- requests --------------------------------------------------------------------------------------------------

    def perform(self, op: str, request: JsonObject, done: Answer) -> None:
        """Do what is asked; the answer comes at once, or when it is done where `wait` is true."""
        wait = bool(request.get("wait"))
        if op == "stop":
            if self._parts.driver.situation.state not in _GOING_DOWN:
                self._parts.driver.feed(Trigger.STOP, Cause("ww stop", {"reason": "asked"}))
            done({"ok": True})
        elif op == "restart":
            name = request.get("name")
            self._restart(name if isinstance(name, str) else None, wait, done)
        elif op == "maintenance":
            self._maintenance(bool(request.get("on")), done)
        elif op == "drain":
            sink = request.get("sink")
            done(self._parts.crew.outlet.drain(sink if isinstance(sink, str) else None))
        else:
            self.reload(lambda answer: self._reloaded(answer, wait, done))

    def changed(self) -> None:
        """A state was entered: answer those who wait for the end of a restart."""
        state = self._parts.driver.situation.state
        if state is State.UP:
            now = self._parts.crew.system.clock.mono_ms()
            for since_ms, name, done in self._take_waiting():
                failed = self._parts.servicing.failed(name)
                done(
                    _refused("ended", failed)
                    if failed
                    else {"ok": True, "state": state.value, "took_ms": now - since_ms}
                )
        elif state in _GOING_DOWN:
            words = f"the instance went to {state.value}: {self._parts.driver.situation.reason()}"
            for _, _, done in self._take_waiting():
                done(_refused("ended", words))
        if self._parts.driver.restarting_all:
            self._unapplied = None
        self._reload_if_wanted()
        ends = state in _GOING_DOWN or self._parts.driver.restarting_all
        if self._reload is not None and not self._reload.applying and ends:
            self._reload.cancel(f"interrupted: the instance went to {state.value if state else ''}")

    def _take_waiting(self) -> list[tuple[int, str, Answer]]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _restart(self, name: str | None, wait: bool, done: Answer) -> None:
        state = self._parts.driver.situation.state
        supervisor = self._parts.servicing.supervisor
        if name is None:
            widening = state is State.RESTARTING and not self._parts.driver.restarting_whole
            refusal = "" if state is State.UP or widening else _busy(state)
        else:
            refusal = "" if state in (State.WARMUP, State.UP, State.RESTARTING) else _busy(state)
            if supervisor.going_down or self._parts.driver.restarting_all:
                refusal = refusal or "a restart is under way"
        if refusal:
            done(_refused("busy", refusal))
            return
        if name is not None and name not in supervisor.running_names():
            known = ", ".join(supervisor.running_names()) or "there is none"
            done(_refused("unknown_service", f"there is no service {name} to restart; the services are: {known}"))
            return
        self._answer_later(wait, done, name or "")
        if name is None:
            self._parts.driver.feed(Trigger.RESTART, Cause("ww restart", {"reason": "asked"}))
        else:
            concerned = sorted(supervisor.restart([name], "ww restart"))
            words = f"ww restart {name}"
            self._parts.driver.feed(Trigger.DIED, Cause(words, {"reason": "asked", "service": name, "with": concerned}))

    def _answer_later(self, wait: bool, done: Answer, name: str = "") -> None:
        if wait:
            self._waiting.append((self._parts.crew.system.clock.mono_ms(), name, done))
        else:
            done({"ok": True})

    def _maintenance(self, on: bool, done: Answer) -> None:
        crew = self._parts.crew
        if crew.healing == (not on):
            done({"ok": True, "maintenance": on})
            return
        crew.healing = not on
        words = "maintenance is on: what fails is seen and not healed" if on else "maintenance is off: healing again"
        crew.system.voice.warn(words)
        crew.recorder.notice("maintenance", words, {"on": on})
        ended = [] if on or self._parts.performance.monitoring.heal_again() else self._parts.servicing.supervisor.heal()
        if ended:
            cause = Cause("maintenance is over", {"reason": "asked", "services": sorted(ended)})
            self._parts.driver.feed(Trigger.DIED, cause)
        done({"ok": True, "maintenance": on})

    def reload(self, done: Answer) -> None:
        """Merge the configuration again, run the reload hook, restart what has changed."""
        state = self._parts.driver.situation.state
        if state is not State.UP or self._reload is not None:
            done(_refused("busy", "a reload is under way" if self._reload else _busy(state)))
            return

        def over(answer: JsonObject) -> None:
            self._reload = None
            # What was merged and not taken over is taken over by the next one, though nothing changes then.
            self._unapplied = None if answer.get("ok") else reload.unapplied
            self._parts.crew.outlet.reloaded()
            done(answer)
            self._reload_if_wanted()

        parts = self._parts
        from ww.instance.reload import Reload

        self._reload = Reload(parts.crew, parts.servicing, parts.signalling, parts.driver.feed, over)
        self._reload.unapplied = self._unapplied
        reload = self._reload
        reload.start()

    def reload_by_signal(self) -> None:
        """Nobody waits for the answer; while it cannot be done just now, it is done as soon as it can."""
        state = self._parts.driver.situation.state
        if state is not State.UP or self._reload is not None:
            self._reload_wanted = state not in _GOING_DOWN
            self._parts.crew.system.voice.info(
                f"reload: {_busy(state) if state is not State.UP else 'one is under way'}: later"
            )
            return
        self.reload(lambda _answer: None)

    def _reload_if_wanted(self) -> None:
        if self._reload_wanted and self._reload is None and self._parts.driver.situation.state is State.UP:
            self._reload_wanted = False
            self._parts.crew.system.loop.call_soon(self.reload_by_signal)

    def _reloaded(self, answer: JsonObject, wait: bool, done: Answer) -> None:
        restarts = answer.get("ok") and answer.get("restarted")
        if wait and restarts and self._parts.driver.situation.state is not State.UP:
            self._answer_later(wait, lambda later: done({**answer, **later}))
        else:
            done(answer)


def _busy(state: State | None) -> str:
    if state is State.RESTARTING:
        return "a restart is under way"
    if state in _GOING_DOWN:
        return "the instance is going down"
    return f"the instance is not up yet, it is in {state.value}" if state else "the instance is starting"


def _refused(code: str, message: str) -> JsonObject:
    return {"ok": False, "code": code, "message": message}
