"""Where events leave the instance: through a reporter, if anybody is to hear of them, else nowhere (runtime.md 20).

Part of every run, so it is small: whatever only an instance with sinks or probes needs is imported when there are any.
"""

from __future__ import annotations

from ww.errors import EXIT_TRY_AGAIN
from ww.instance.tasks import at_once
from ww.lifecycle.model import Done, Failed, State
from ww.supervise import procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ww.instance.crew import Crew
    from ww.instance.driver import Situation, Task
    from ww.instance.reporter import Reporter
    from ww.instance.tasks import Report
    from ww.instance.upward import Upward
    from ww.lifecycle.policy import StopBudget
    from ww.supervise.loop import Timer
    from ww.types import Callback, JsonObject

_NOT_IN_THE_WAY = (State.UP, State.STOPPING, State.STOPPED, State.ERROR)
URGE_MS = 1_000
"""How often receivers may be tried before their time because somebody asks for it."""
WAIT_MS = 500
"""How long after BOOT a start that is not UP yet has the machine for itself."""


class Outlet:
    """Has a reporter while sinks or probes are configured, from the first event on; never holds anything up.

    Only a required sink does, and the last delivery within the stop budget.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._reporter: Reporter | None = None
        self._at: Situation | None = None
        self._timer: Timer | None = None
        self._said = False
        self._upward: Upward | None = None
        self._entered: dict[str, int] = {}
        self._spent_ms: dict[str, int] = {}
        self.view: Callable[[], dict[str, Any]] = dict
        """The members of the status document by which readiness is judged; set by the wiring module."""
        self._urged: dict[str, int] = {}
        self.on_killed: Callable[[], object] = bool
        """Called when a reporter was killed, and not by us: the kernel takes it first when memory is short."""

    # --- what happens -----------------------------------------------------------------------------------------------

    def written(self, seq: int) -> None:
        """Everything up to `seq` is in the journal."""
        if self._reporter is not None:
            self._reporter.position(seq)

    def recorded(self, at: Situation) -> None:
        """A state was entered and is in the journal."""
        self._at = at
        name = at.state.value if at.state is not None else ""
        self._entered[name] = self._entered.get(name, 0) + 1
        if at.previous is not None:
            self._spent_ms[at.previous.value] = self._spent_ms.get(at.previous.value, 0) + at.previous_ms
        if self._reporter is None:
            if at.state in _NOT_IN_THE_WAY:
                self._open()
            elif self._timer is None and self.wanted:
                self._timer = self._crew.system.loop.call_later(WAIT_MS, self._open)
        self.look(anew=True)

    def look(self, anew: bool = False) -> None:
        """Something by which readiness is judged may have changed; `anew`: a state was entered."""
        changed = False
        if self._upward is None and (
            self._reporter is not None
            or self._crew.settings.text("probes.file")
            or self._crew.environ.get("NOTIFY_SOCKET")
        ):
            procs.prepare("ww.instance.upward")
            from ww.instance.upward import Upward

            self._upward = Upward(self._crew, self.view, self._left_ms)
        if self._upward is not None:
            changed = self._upward.look()
        if self._reporter is not None and (changed or anew):
            self._reporter.state(self.state())

    def measured(self, health: JsonObject) -> None:
        """A health event was journalled."""
        self.look()
        if self._reporter is not None:
            self._reporter.health(health)

    def _left_ms(self) -> int:
        budget = self._at.budget if self._at is not None else None
        return budget.left(self._crew.system.clock.mono_ms()) if budget is not None else 0

    def reloaded(self) -> None:
        """The configuration was merged anew: the reporter is started anew where it would be told something else."""
        if self._crew.journal is not None:
            self._crew.journal.max_bytes = self._crew.settings.number("journal.max_bytes")
        if self._reporter is not None:
            self._reporter.refresh(self.wanted)
        else:
            self._begin()
        self.look()

    def drain(self, sink: str | None) -> JsonObject:
        """The answer to whoever waits until the sink, or each of them (None), has everything: it is tried now.

        Who asks more often than once a second hears the same, and the receivers nothing of it.
        """
        names = sorted(self._sinks())
        if sink is not None and sink not in names:
            known = ", ".join(names) or "there is none"
            words = f"there is no sink {sink[:80]} that is in use; the sinks are: {known}"
            return {"ok": False, "code": "unknown_sink", "message": words}
        now = self._crew.system.clock.mono_ms()
        wanted = names if sink is None else [sink]
        due = [name for name in wanted if name not in self._urged or now - self._urged[name] >= URGE_MS]
        if self._reporter is None or not wanted:
            return {"ok": True, "woken": False}
        woken = [self._reporter.urge(name) for name in due]
        if all(woken):
            self._urged.update(dict.fromkeys(due, now))
        return {"ok": True, "woken": all(woken)}

    def kill(self) -> None:
        """At once and without a last delivery."""
        if self._reporter is not None:
            self._reporter.kill()

    # --- actions ----------------------------------------------------------------------------------------------------

    def reach(self, done: Report) -> Task:
        """The REACH action: wait until each required sink was reached."""
        names = [name for name, sink in self._sinks().items() if sink.get("required")]
        if not names:
            return at_once(done)
        self._begin()
        if self._reporter is None:
            words = "there is no journal that a reporter could deliver from, and a sink is required"
            return at_once(done, Failed(EXIT_TRY_AGAIN, words))
        return _Reaching(self._crew, self._reporter, names, done)

    def flush(self, budget: StopBudget, done: Report) -> Task:
        """The FLUSH action: one last delivery, then there is no reporter any more."""
        if self._reporter is None and not self._crew.data.in_use:
            self._begin()
        if self._reporter is None:
            return at_once(done)
        wanted_ms = self._crew.settings.ms("reporter.flush_s")
        within_ms = budget.for_flush(self._crew.system.clock.mono_ms(), wanted_ms)
        return _Flushing(self._reporter, within_ms, done)

    # --- views ------------------------------------------------------------------------------------------------------

    def pids(self) -> set[int]:
        """The reporter: it is no stray, and ends last."""
        return {self._reporter.pid} if self._reporter is not None and self._reporter.pid else set()

    @property
    def synced(self) -> bool:
        """Whether every event that there is survives a power loss, by the reporter's word."""
        journal = self._crew.journal
        return self._reporter is not None and journal is not None and self._reporter.synced_seq >= journal.seq

    def sample(self) -> JsonObject:
        """What the reporter measured last, if that is fresh; else nothing."""
        found = self._reporter.sample() if self._reporter is not None else {}
        spool, journal = found.get("spool"), self._crew.journal
        if isinstance(spool, dict) and journal is not None:
            found["spool"] = {**spool, "dropped": journal.dropped}
        return found

    def report(self) -> JsonObject | None:
        """What `ww status` says of it; None where there is none."""
        return self._reporter.report() if self._reporter is not None else None

    def state(self) -> JsonObject:
        """What the reporter is told of the present state."""
        at, clock, journal = self._at, self._crew.system.clock, self._crew.journal
        entered_ms = at.entered_ms if at is not None else clock.mono_ms()
        return {
            "state": at.state.value if at is not None and at.state is not None else None,
            "previous": at.previous.value if at is not None and at.previous is not None else None,
            "seq": journal.seq if journal is not None else 0,
            "ready": self._upward is not None and self._upward.ready,
            "words": self._upward.words if self._upward is not None else "",
            "was_up": State.UP.value in self._entered,
            "entered": dict(self._entered),
            "spent_ms": dict(self._spent_ms),
            "since_ms": clock.wall_ms() - (clock.mono_ms() - entered_ms),
            "restarts": at.restarts if at is not None else 0,
        }

    # --- its beginning ----------------------------------------------------------------------------------------------

    def _sinks(self) -> dict[str, Any]:
        """The sinks that are configured and not switched off."""
        configured = self._crew.settings.section("sinks")
        return {name: sink for name, sink in configured.items() if sink.get("enabled", True)}

    @property
    def wanted(self) -> bool:
        """Whether the configuration gives a reporter something to do."""
        return bool(self._sinks()) or self._serves()

    def _serves(self) -> bool:
        return self._crew.settings.section("probes").get("http.port") is not None

    def _open(self) -> None:
        """Everything on the way to UP comes first, or takes its time: now a reporter is in nobody's way."""
        if self.wanted:
            self._crew.system.loop.call_soon(self._begin)

    def _begin(self) -> None:
        """Start the reporter, if there is none yet and anybody wants one."""
        journal = self._crew.journal
        if self._reporter is not None or journal is None or not self.wanted or self._crew.data.in_use:
            return
        if journal.directory is None:
            if not self._said and self._sinks():
                self._said = True
                self._crew.system.voice.warn("events are kept in memory alone, so no sink gets any")
            if not self._serves():
                return
        procs.prepare("ww.instance.reporter")
        from ww.instance.reporter import Reporter

        self._reporter = Reporter(self._crew, journal, self.state)
        self.look()
        self._reporter.start()


class _Reaching:
    """Waits for the required sinks `names`."""

    def __init__(self, crew: Crew, reporter: Reporter, names: list[str], done: Report) -> None:
        self._reporter = reporter
        self._names = names
        self._done: Report | None = done
        self._limit_ms = crew.settings.ms("reporter.required_timeout_s")
        self._timer: Timer = crew.system.loop.call_later(self._limit_ms, self._time_is_up)
        crew.system.voice.info(f"waiting until required sinks are reached: {', '.join(names)}")
        reporter.on_reached = self._look

    def cancel(self, grace_ms: int, gone: Callback) -> None:  # noqa: ARG002
        """Wait no longer."""
        self._over()
        gone()

    def _look(self) -> None:
        if all(self._reporter.reached.get(name) == "" for name in self._names):
            done = self._over()
            if done is not None:
                done(Done())

    def _time_is_up(self) -> None:
        missing = [name for name in self._names if self._reporter.reached.get(name) != ""]
        why = [f"ww.sinks.{name}: {self._reporter.reached.get(name) or 'nothing was heard of it'}" for name in missing]
        words = f"no required sink may be missing, and not reached within {self._limit_ms / 1000:g} s: {'; '.join(why)}"
        done = self._over()
        if done is not None:
            done(Failed(EXIT_TRY_AGAIN, words, detail={"reason": "sinks", "sinks": list(missing)}))

    def _over(self) -> Report | None:
        self._timer.cancel()
        self._reporter.on_reached = None
        done, self._done = self._done, None
        return done


class _Flushing:
    """Waits for the last delivery."""

    def __init__(self, reporter: Reporter, within_ms: int, done: Report) -> None:
        self._reporter = reporter
        self._done: Report | None = done
        reporter.end(within_ms, self._ended)

    def cancel(self, grace_ms: int, gone: Callback) -> None:  # noqa: ARG002
        """Nobody wants to wait for it any more."""
        self._done = None
        self._reporter.kill()
        gone()

    def _ended(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(Done())
