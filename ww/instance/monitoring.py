"""Watching an instance that is UP: the monitor, what it says, and whether anything comes of it (maintenance: nothing)."""

from __future__ import annotations

from ww.clib import json_dumps
from ww.clock import stamp
from ww.instance.hookset import HookFile, hook_files
from ww.instance.tasks import Instant
from ww.lifecycle.model import Trigger
from ww.supervise import procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.crew import Crew
    from ww.instance.driver import Cause, Task
    from ww.instance.hooklimits import WatchPolicy
    from ww.instance.hookrun import HookRun
    from ww.lifecycle.model import Outcome
    from ww.types import JsonObject


class Monitoring:
    """The port of the watch. `feed` gets what has to be healed; `measure` gives ww's own figures."""

    def __init__(self, crew: Crew, feed: Callable[[Trigger, Cause], None], measure: Callable[[], JsonObject]) -> None:
        self._crew = crew
        self._feed = feed
        self._measure = measure
        self._held: Cause | None = None
        self.last_health: JsonObject | None = None
        """The last sample, for `ww status`."""
        self.had_monitor = False
        """Whether the image had a monitor at any time of this life."""

    def start(self) -> Task:
        """The WATCH action."""
        watched = self.had_monitor or _files_of(self._crew.layout.usr, "monitor")
        if not watched and not self._crew.outlet.wanted:
            return Instant()  # nothing is watched, and nobody hears of it, until the next UP
        procs.prepare("ww.instance.watch")
        from ww.instance.watch import Watch

        return Watch(self._crew.system.loop, self._crew.system.clock, self, self._policy).start()

    def run_monitor(self, done: Callable[[Outcome], None]) -> HookRun | None:
        """Run `monitor` with its output captured, if there is one."""
        files = _files_of(self._crew.layout.usr, "monitor")
        if not files:
            return None
        self.had_monitor = True
        return self._crew.run_hook("monitor", files, (), self._crew.settings.hook("monitor"), done, state="UP")

    def run_pushstats(self, health: JsonObject, done: Callable[[Outcome], None]) -> HookRun:
        """Run `pushstats JSON`."""
        files = _files_of(self._crew.layout.usr, "pushstats")
        limits = self._crew.settings.hook("pushstats")
        return self._crew.run_hook("pushstats", files, (json_dumps(health),), limits, done, state="UP")

    def health(self, healthy: bool, monitor: JsonObject, failure: str) -> JsonObject:
        """Journal one sample; what pushstats gets is the monitor's object and ww's own figures under `ww`."""
        measured = self._record(healthy, monitor, failure)
        at = stamp(self._crew.system.clock.wall_ms())
        self.last_health = {"healthy": healthy, "at": at, "failure": failure, "monitor": monitor}
        self._crew.outlet.measured({**self.last_health, "healthy": healthy})
        return {**monitor, "ww": measured}

    def beat(self) -> bool:
        """A sample without a monitor, where anybody hears of it; else False.

        Whoever believes an instance only for a while has to hear from one that has no monitor too: it says that the
        services run, which is all that is known.
        """
        if not self._crew.outlet.wanted:
            return False
        self._record(healthy=True, monitor={}, failure="")
        return True

    def _record(self, healthy: bool, monitor: JsonObject, failure: str) -> JsonObject:
        """Journal one sample; ww's own figures."""
        measured = self._measure()
        data: JsonObject = {
            "healthy": healthy,
            "monitor": monitor,
            "ww": measured,
            "interval_ms": self._policy().interval_ms,
        }
        if failure:
            data["failure"] = failure
        if not self._crew.healing:
            data["maintenance"] = True
        self._crew.recorder.health(data)
        return measured

    def unhealthy(self, cause: Cause) -> None:
        """The watch has seen enough; in maintenance it goes on looking."""
        if self._crew.healing:
            self._feed(Trigger.UNHEALTHY, cause)
        else:
            self.complain(f"{cause.words}; left as it is in maintenance")

    def pidfile_died(self, pidfile: str, words: str) -> None:
        """A daemon that a pidfile declares essential has ended, which is told only once."""
        from ww.instance.driver import Cause

        cause = Cause(words, {"reason": "daemon", "pidfile": pidfile})
        if self._crew.healing:
            self._feed(Trigger.UNHEALTHY, cause)
            return
        self._held = cause
        self.complain(f"{words}; left as it is in maintenance")
        self._crew.recorder.notice("maintenance", words, {"reason": "daemon", "pidfile": pidfile})

    def heal_again(self) -> bool:
        """Maintenance is over: True where the whole instance is restarted for what died in it."""
        held, self._held = self._held, None
        if held is not None:
            self._feed(Trigger.UNHEALTHY, held)
        return held is not None

    def forget(self) -> None:
        """The services go down: what died in maintenance comes back with them."""
        self._held = None

    def complain(self, words: str) -> None:
        """A sentence of the watch for the log."""
        self._crew.system.voice.warn(words)

    def _policy(self) -> WatchPolicy:
        """`ww.monitor` as it is by now: a reload makes other settings."""
        return self._crew.settings.watch()


def _files_of(usr: str, name: str) -> list[HookFile]:
    """The files of a hook; a directory that cannot be listed now (no descriptor is left) is a problem of that hook."""
    try:
        return hook_files(usr, name)
    except OSError as error:
        return [HookFile(f"{usr}/{name}", f"cannot look for the hook {usr}/{name}: {error.strerror}")]
