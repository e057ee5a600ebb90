"""Performs actions: the one `match` from what the machine wants to the task that does it."""

from __future__ import annotations

import os

from ww.clib import SIGNALS
from ww.errors import EXIT_CONFIG
from ww.events.syncing import sync as sync_journal
from ww.instance.hookset import any_hook, hook_files, hook_problems, step_names
from ww.instance.monitoring import Monitoring
from ww.instance.strays import Strays
from ww.instance.tasks import FileJob, Instant, Pause, at_once
from ww.lifecycle.model import Action, Done, Failed, Kind, State, Trigger
from ww.lifecycle.policy import LAST_MS, StopBudget
from ww.supervise import procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.crew import Crew
    from ww.instance.driver import Cause, Situation, Task
    from ww.instance.hookrun import HookRun
    from ww.instance.hookset import HookFile
    from ww.instance.servicing import Servicing
    from ww.instance.signalling import Signalling
    from ww.instance.tasks import Report
    from ww.instance.upgrade import Upgrade
    from ww.lifecycle.machine import Decision
    from ww.lifecycle.model import Outcome
    from ww.lifecycle.policy import RestartPolicy
    from ww.types import Callback, JsonObject


class Performance:
    """The real `Performer` of `ww run`.

    `leave(exit_code)` is called when the last plan has run; `feed` gets what the watch and the pidfiles see.
    """

    def __init__(
        self,
        crew: Crew,
        servicing: Servicing,
        signalling: Signalling,
        feed: Callable[[Trigger, Cause], None],
        leave: Callable[[int], None],
    ) -> None:
        self._crew = crew
        self._servicing = servicing
        self._signalling = signalling
        self._feed = feed
        self._leave = leave
        self._at: Situation | None = None
        self._action_no = 0
        self._hooks_ms: dict[str, int] = {}
        self.on_state: Callback = _nobody
        """Called when a state was recorded."""
        self.monitoring = Monitoring(crew, feed, self._measure)
        crew.outlet.on_killed = servicing.supervisor.reasons.look
        self.strays = Strays(crew.system, self.monitoring.pidfile_died, crew.outlet.pids)

    # --- the port of the driver -------------------------------------------------------------------------------

    def start(self, action: Action, situation: Situation, done: Report) -> Task:
        """Start one action of a plan."""
        self._action_no += 1
        self._crew.system.voice.debug(f"action {self._action_no}: {action.words()}", action=self._action_no)
        return self._start(action, situation, done)

    def _start(self, action: Action, at: Situation, done: Report) -> Task:  # noqa: C901, PLR0911, PLR0912
        crew = self._crew
        match action.kind:
            case Kind.COMPILE:
                return crew.compile(done)
            case Kind.HOOKS:
                return at_once(done, self._check_hooks())
            case Kind.LOCK:
                return crew.lock_data(done)
            case Kind.RECORD:
                return self._record(at, done)
            case Kind.REACH:
                return crew.outlet.reach(done)
            case Kind.FLUSH:
                return crew.outlet.flush(_budget(at), done)
            case Kind.NOTIFY:
                return self._notify(at, done)
            case Kind.HOOK:
                return self._hook(action.hook, at, done)
            case Kind.INSPECT:
                return at_once(done, crew.data.inspect())
            case Kind.ATTEMPT:
                return crew.data.record_attempt(done)
            case Kind.MARK:
                return crew.data.mark(crew.versions.image, done)
            case Kind.BACKUP:
                return self._back_up(done)
            case Kind.STEPS:
                return self._upgrade().steps(done) if step_names(crew.layout.usr) else at_once(done)
            case Kind.STORE_VERSION:
                return crew.data.store_version(crew.versions.image, done)
            case Kind.RELEASE:
                crew.data.release_shared()
                return at_once(done)
            case Kind.SNAPSHOT:
                self.strays.snapshot()
                return at_once(done)
            case Kind.ADOPT:
                self.strays.adopt(crew.pidfiles())
                return at_once(done)
            case Kind.SERVICES_UP:
                return self._servicing.up(done)
            case Kind.RECOVER:
                return self._servicing.recover(done)
            case Kind.SERVICES_READY:
                return self._servicing.ready(done)
            case Kind.SERVICES_DOWN:
                return self._servicing.down(at, done)
            case Kind.BACKOFF:
                return self._back_off(at, done)
            case Kind.DRAIN:
                return self._drain(at, done)
            case Kind.SWEEP_SERVICES:
                return self.strays.sweep_services(crew.settings.hook("svcdown").grace_ms, done).start()
            case Kind.SWEEP_ALL:
                return self._sweep_all(_budget(at), done)
            case Kind.WATCH:
                return self.monitoring.start()
            case Kind.INTERRUPTED:
                raise AssertionError("the driver itself waits for what it interrupted")

    def entered(self, decision: Decision, situation: Situation) -> None:
        """Prepare for a new state."""
        self._at = situation
        self._servicing.entered(situation)
        self._crew.refresh_versions()
        if decision.state is State.UP:
            self.monitoring.last_health = None  # what was said before a restart is no word about what runs now
        if Action(Kind.SERVICES_DOWN, tolerant=True) in decision.actions:
            self.monitoring.forget()
            self.strays.forget()
        if decision.state in (State.STOPPING, State.ERROR):
            self._crew.system.loop.call_later(_budget(situation).left(self._now()), self._last_step)

    def tell(self, words: str) -> None:
        """A sentence of the driver for the log."""
        self._crew.system.voice.info(words)

    def settings_known(self) -> RestartPolicy:
        """The restart policy of the settings."""
        return self._crew.settings.restart()

    def stop_budget(self, cause: Cause, now_ms: int) -> StopBudget:
        """`ww.stop` of the settings; on SIGINT nobody wants to wait for a drain (decisions, Lifecycle)."""
        drain = 0 if cause.signal == SIGNALS.SIGINT else self._crew.settings.ms("stop.drain_s")
        return StopBudget(now_ms, self._crew.settings.ms("stop.budget_s"), drain)

    def ended(self, exit_code: int, situation: Situation) -> None:
        """Nothing is left to do: sync what was written, and say how it ended meanwhile."""
        syncing = self._sync(exit_code, _budget(situation).left(self._now()))
        try:
            if situation.collected:
                self._crew.system.voice.warn("on the way down: " + "; ".join(situation.collected))
            self._crew.recorder.end(situation, self._crew.run, self._crew.settings.text("termination_log"))
        finally:
            if not syncing:
                self._leave(exit_code)

    # --- actions that need more than a line --------------------------------------------------------------------

    def _measure(self) -> JsonObject:
        """What PID 1 can tell cheaply (decisions, "Files of an instance": more is the reporter's)."""
        return {
            "uptime_s": self._crew.uptime_s(),
            "restarts": self._at.restarts if self._at else 0,
            "daemons_ended": self.strays.ended,
            "processes": self.strays.count(),
            "oom_kills": self._servicing.supervisor.reasons.look(),
            **self._crew.outlet.sample(),
        }

    def _sync(self, exit_code: int, left_ms: int) -> bool:
        """Begin to make the journal survive a power loss too (runtime.md 19), and leave when the disk has taken it.

        False: there is nothing to sync, or no time for it.
        """
        directory = self._crew.last_journal_directory()
        if directory is None or not left_ms or self._crew.outlet.synced:
            return False
        loop = self._crew.system.loop
        loop.call_later(min(left_ms, LAST_MS), lambda: self._leave(exit_code))
        FileJob(
            self._crew.system,
            f"sync the journal in {directory}",
            lambda: sync_journal(directory),
            lambda _outcome: self._leave(exit_code),
        )
        return True

    def _last_step(self) -> None:
        """The end of the budget: what still holds the stop up is named and killed (every deadline has a last step)."""
        at = self._at
        if at is None:
            return
        try:
            state = at.state.value if at.state else "the start"
            left = ", ".join(f"{proc.comm} (pid {proc.pid})" for proc in _left()) or "nothing"
            words = f"the stop budget is spent and the instance is still in {state}: killing what is left: {left}"
            self._crew.system.voice.error(words)
            self._crew.recorder.end(at, self._crew.run, self._crew.settings.text("termination_log"), words)
        finally:
            self.strays.kill_all()
            self._leave(at.exit_code)

    def _sweep_all(self, budget: StopBudget, done: Report) -> Task:
        if not procs.proc_is_ours():  # whoever cannot name processes spares none
            self._crew.outlet.kill()
        return self.strays.sweep_all(budget.for_sweep(self._now()), done).start()

    def _record(self, at: Situation, done: Report) -> Task:
        durations, self._hooks_ms = self._hooks_ms, {}
        self._crew.recorder.state(at, self._crew.origin(), durations, self._crew.run)
        self._crew.outlet.recorded(at)
        self.on_state()
        return at_once(done)

    def _notify(self, at: Situation, done: Report) -> Task:
        state = at.state.value if at.state else ""
        if self._crew.data.in_use:
            return at_once(done)  # the holder of the data is the instance; its registry must not hear our failure
        limit = self._crew.settings.hook("lifecycle")
        if at.budget is not None:
            now = self._now()
            left = at.budget.for_goodbye(now) if at.state is State.STOPPED else at.budget.for_announcement(now)
            if not left:
                return at_once(done)
            limit = limit.within(left, "ww.stop.budget_s")
        files = hook_files(self._crew.layout.usr, "lifecycle")
        return self._timed(
            "lifecycle",
            files,
            done,
            lambda over: self._crew.run_hook("lifecycle", files, (state,), limit, over, state=state),
        )

    def _hook(self, name: str, at: Situation, done: Report) -> Task:
        crew = self._crew
        limit = crew.settings.hook(name)
        if name == "svcdown":
            limit = crew.settings.svcdown(at.budget.for_work(self._now()) if at.budget else None)
            if not limit.limit_ms and hook_files(crew.layout.usr, name):
                return at_once(done, Failed(EXIT_CONFIG, "svcdown was not run: no time is left for it", name))
        arguments = (crew.versions.data, crew.versions.image) if name == "upgrade" else ()
        attempt = crew.data.attempts() if name == "firstboot" else 1
        files = hook_files(crew.layout.usr, name)
        state = at.state.value if at.state else ""
        return self._timed(
            name,
            files,
            done,
            lambda over: crew.run_hook(name, files, arguments, limit, over, state=state, attempt=max(attempt, 1)),
        )

    def _timed(self, name: str, files: list[HookFile], done: Report, begin: Callable[[Report], HookRun]) -> Task:
        if not files:
            self._hooks_ms[name] = 0
            # Never from inside whoever fed the trigger, as no hook ends there.
            self._crew.system.loop.call_soon(lambda: done(Done()))
            return Instant()

        def over(outcome: Outcome) -> None:
            self._hooks_ms[name] = run.took_ms
            if isinstance(outcome, Failed):
                tolerated = "" if name not in ("lifecycle", "svcdown") else "; going on"
                self._crew.system.voice.warn(f"{outcome.words}{tolerated}")
            done(outcome)

        run = begin(over)
        return run

    def _check_hooks(self) -> Failed | None:
        usr = self._crew.layout.usr
        definitions = self._servicing.read()
        problems = hook_problems(usr) + definitions.problems + self._signalling.configured()
        if problems:
            return Failed(EXIT_CONFIG, "; ".join(problems), detail={"problems": problems})
        hooked = any_hook(usr)
        if self._servicing.wrapping and not hooked:
            self._crew.data.leave()
        if not definitions.services and not hooked:
            words = f"there is neither a hook nor a service in {usr}: nothing will be started, watched or stopped"
            self._crew.system.voice.warn(words)
        return None

    def _back_up(self, done: Report) -> Task:
        usr = self._crew.layout.usr
        if not step_names(usr) and not hook_files(usr, "backup"):
            return at_once(done)
        return self._upgrade().back_up(self._crew.system.clock.wall_ms(), self._crew.system.voice.info, done)

    def _upgrade(self) -> Upgrade:
        from ww.instance.upgrade import Upgrade

        crew = self._crew

        def run(name: str, files: list[HookFile], arguments: tuple[str, ...], attempt: int, done: Report) -> HookRun:
            limits = crew.settings.hook(name)
            return crew.run_hook(name, files, arguments, limits, done, state="UPGRADING", attempt=attempt)

        return Upgrade(crew.layout.usr, crew.data, crew.versions.data, crew.versions.image, run)

    def _back_off(self, at: Situation, done: Report) -> Task:
        if not at.delay_ms:
            return at_once(done)
        self._crew.system.voice.info(f"waiting {at.delay_ms / 1000:g} s before the services are started again")
        return Pause(self._crew.system, at.delay_ms, done)

    def _drain(self, at: Situation, done: Report) -> Task:
        pause = _budget(at).for_drain(self._now()) if at.previous is State.UP else 0
        if not pause:
            return at_once(done)
        self._crew.system.voice.info(f"draining for {pause / 1000:g} s")
        return Pause(self._crew.system, pause, done)

    def _now(self) -> int:
        return self._crew.system.clock.mono_ms()


def _nobody() -> None:
    """Nobody has asked to be told yet."""


def _left() -> list[procs.Proc]:
    """What lives of this instance."""
    if not procs.proc_is_ours():
        return []
    try:
        return [proc for proc in procs.descendants(procs.scan(), os.getpid()) if proc.alive]
    except procs.CannotLook:
        return []


def _budget(at: Situation) -> StopBudget:
    if at.budget is None:
        raise AssertionError("a shutdown has a budget")
    return at.budget
