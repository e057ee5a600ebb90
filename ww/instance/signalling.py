"""Does what a signal is to do, by the table."""

from __future__ import annotations

from ww.instance.driver import Cause
from ww.instance.hookset import hook_files
from ww.instance.services.definition import WRAPPED
from ww.instance.signaltable import STOPPING, SignalTable
from ww.lifecycle.model import Failed, Trigger
from ww.supervise import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.crew import Crew
    from ww.instance.hookrun import HookRun
    from ww.instance.servicing import Servicing
    from ww.lifecycle.model import Outcome
    from ww.types import Callback


class Signalling:
    """Does what the table says. `feed` gets triggers, `reload` is asked for a reload."""

    def __init__(
        self, crew: Crew, servicing: Servicing, wrapping: bool, feed: Callable[[Trigger, Cause], None], reload: Callback
    ) -> None:
        self._crew = crew
        self._servicing = servicing
        self._feed = feed
        self._reload = reload
        self._wrapping = wrapping
        self._table = SignalTable({}, wrapping)
        self._hook: HookRun | None = None
        self._hooks_waiting: list[str] = []

    def configured(self) -> list[str]:
        """The configuration is known: listen to what it names. Returns what is wrong with it."""
        table = SignalTable(self._crew.settings.signals, self._wrapping)
        if not table.problems:
            self._table = table
            signals.listen(table.deeds)
        return table.problems

    def received(self, number: int) -> None:
        """A signal has arrived."""
        deed = self._table.deed(number)
        name = signals.name(number)
        if deed.verb == "forward":
            self._forward(number, deed.number)
        elif deed.verb == "stop":
            self._stop(number)
        elif deed.verb == "restart":
            self._feed(Trigger.RESTART, Cause(f"{name} received", {"reason": "asked", "signal": name}))
        elif deed.verb == "reload":
            self._crew.system.voice.info(f"{name} received: reloading")
            self._reload()
        elif deed.verb == "hook":
            if name not in self._hooks_waiting:  # a burst of one signal is one more run
                self._hooks_waiting.append(name)
            self._next_hook()
        else:
            self._crew.system.voice.info(f"{name} received: ignored")

    def _stop(self, number: int) -> None:
        name = signals.name(number)
        self._feed(Trigger.STOP, Cause(f"{name} received", {"signal": name}, signal=number))

    def _forward(self, number: int, as_number: int) -> None:
        told = self._servicing.supervisor.signal(as_number, (WRAPPED,) if self._wrapping else None)
        words = f"{signals.name(number)} received"
        if told:
            rewritten = f" as {signals.name(as_number)}" if as_number != number else ""
            self._crew.system.voice.debug(f"{words}: passed on{rewritten} to {', '.join(told)}")
        elif number in STOPPING:
            self._stop(number)
        else:
            self._crew.system.voice.info(f"{words}: there is no service to pass it on to")

    def _next_hook(self) -> None:
        """One at a time: a burst of signals is no burst of hooks."""
        if self._hook is not None or not self._hooks_waiting:
            return
        name = self._hooks_waiting.pop(0)
        files = hook_files(self._crew.layout.usr, "signal")
        if not files:
            self._crew.system.voice.warn(f"{name} received: there is no hook {self._crew.layout.usr}/signal")
        limits = self._crew.settings.hook("signal")
        self._hook = self._crew.run_hook("signal", files, (name.removeprefix("SIG"),), limits, self._ran, state="")

    def _ran(self, outcome: Outcome) -> None:
        self._hook = None
        if isinstance(outcome, Failed):
            self._crew.system.voice.warn(f"{outcome.words}; ignored")
        self._next_hook()
