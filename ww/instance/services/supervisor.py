"""All service processes of an instance: started by readiness, stopped in reverse, brought back when they die.

It does what `ww.lifecycle.services` decides, and tells the instance what happened through a port. Nothing is started
again before the instance said so (`recover`): the event is written first.
"""

from __future__ import annotations

from ww.instance.services.ends import Ends
from ww.instance.services.member import Member
from ww.instance.services.reason import Reasons
from ww.lifecycle.services import (
    RUNNING,
    SATISFIED,
    SETTLED,
    Phase,
    hopeless,
    startable,
    stop_share_ms,
    stoppable,
    to_restart,
)
from ww.supervise.oom import OomCounter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import Protocol

    from ww.instance.services.definition import Definition
    from ww.instance.services.process import Ended, Life, Listener
    from ww.instance.system import System
    from ww.lifecycle.policy import RestartPolicy
    from ww.lifecycle.services import Rules
    from ww.types import Callback, JsonObject

    class Port(Protocol):
        """What the services need of their instance; every call comes from the loop."""

        def died(self, words: str, detail: JsonObject) -> None:
            """Something is to be started again: enter RESTARTING, and call `recover`."""

        def gave_up(self, words: str, detail: JsonObject, exit_code: int) -> None:
            """An essential service failed for good."""

        def finished(self, words: str, detail: JsonObject, exit_code: int) -> None:
            """An essential service ended as it was meant to."""

        def begin(self, definition: Definition, listener: Listener) -> Life:
            """Start one life; `listener` hears of it later, never from inside this call."""

        def policy(self) -> RestartPolicy:
            """`ww.restart`."""

        def spread(self) -> float:
            """A random number in [-1, 1]."""

        def healing(self) -> bool:
            """False in maintenance."""

        def ending(self) -> bool:
            """True when the instance goes down, though the services were not told yet."""

        def notice(self, words: str, detail: JsonObject) -> None:
            """A service ended, and no state changes by it."""

        def changed(self) -> None:
            """A service stands otherwise than before."""


class Supervisor:
    """Made once for an instance. `members` is keyed by name, in start order."""

    def __init__(self, system: System, port: Port) -> None:
        self._system = system
        self._port = port
        self.reasons = Reasons(system.clock, OomCounter())
        self._ends = Ends(system, port, self.reasons, self._dependents_of, self.recover)
        self._down = True
        self._left_ms: Callable[[], int | None] = _no_limit
        self._waiting_ready: list[Callback] = []
        self._waiting_down: list[Callback] = []
        self.members: dict[str, Member] = {}

    # --- what the plans ask --------------------------------------------------------------------------------------

    def define(self, definitions: Sequence[Definition]) -> None:
        """The services from now on; what is known of one that stays is kept. Nothing may be running."""
        known = self.members
        self.members = {}
        for definition in definitions:
            member = known.get(definition.name) or Member(definition, self._now())
            member.define(definition, self._now())
            self.members[definition.name] = member

    def up(self) -> None:
        """Start every enabled service, each when what it comes after is ready."""
        self._down = False
        self.reasons.look()
        for member in self._enabled():
            if member.phase not in RUNNING:
                member.to(Phase.WAITING, self._now())
        self._proceed()

    def recover(self) -> None:
        """RESTARTING was entered: start again what died, and stop what has to be started again with it."""
        for member in self._enabled():
            if member.phase is Phase.BACKOFF and member.timer is None:
                self._start_after(member, member.delay_ms)
        self._proceed()

    def wait_ready(self, done: Callback) -> None:
        """Call `done` once when nothing is being started or stopped any more."""
        self._waiting_ready.append(done)
        self._proceed()

    def down(self, left_ms: Callable[[], int | None], done: Callback) -> None:
        """Stop all in reverse order, within what `left_ms` says is left (None: each in its own time), then call `done`."""
        self._down = True
        self._left_ms = left_ms
        self._waiting_down.append(done)
        for member in self.members.values():
            member.again = member.held = False
            member.stop_timer()
            if member.phase in (Phase.WAITING, Phase.BACKOFF):
                member.to(Phase.STOPPED, self._now())
            elif member.phase is Phase.STOPPING and member.life is not None:
                member.life.stop(self._grace(member))
        self._proceed()

    @property
    def going_down(self) -> bool:
        """Whether all are to be down."""
        return self._down

    def running_names(self) -> list[str]:
        """Every service that is not disabled."""
        return [member.name for member in self._enabled()]

    def wait_down(self, done: Callback) -> None:
        """Call `done` once when nothing runs any more."""
        self._waiting_down.append(done)

    def forget_waiters(self) -> None:
        """Whoever waited for something does so no longer."""
        self._waiting_ready.clear()
        self._waiting_down.clear()

    def force(self) -> None:
        """KILL what still runs; the order does not matter any more."""
        for member in self.members.values():
            if member.life is not None:
                member.to(Phase.STOPPING, self._now())
                member.life.stop(0)
        self._proceed()

    # --- what people ask -----------------------------------------------------------------------------------------

    def restart(self, names: Collection[str], words: str) -> set[str]:
        """Mark `names` and their dependents to go down and up again; `recover` does it. Returns all that is concerned."""
        marked = set()
        for name in (*names, *to_restart(self._rules(), self._phases(), names)):
            member = self.members[name]
            marked.add(name)
            if member.phase in RUNNING:
                member.again = True
                member.last = self.reasons.plain("asked", words)
            else:
                member.start_now(self._now())
            member.held = False
        return marked

    def reload(self, definitions: Sequence[Definition], touched: Collection[str], words: str) -> set[str]:
        """Take other definitions while services run. Returns what `recover` has to start, stop or restart.

        touched: names whose configuration keys changed. New ones are started, those that are gone or disabled are
        stopped, changed ones are restarted with their dependents; all others never notice.
        """
        from ww.instance.services.takeover import take_over

        self.members, restart, concerned = take_over(self.members, definitions, touched, self._now())
        return concerned | self.restart(restart, words)

    def signal(self, signum: int, names: Collection[str] | None = None) -> list[str]:
        """Pass a signal on to all that run, or to `names`; returns who got it."""
        told = []
        for member in self.members.values():
            if (names is None or member.name in names) and member.life is not None and member.life.signal(signum):
                member.told = signum
                told.append(member.name)
        return told

    def heal(self) -> list[str]:
        """Maintenance is over: mark what ended meanwhile; returns its names, for `recover`."""
        held = [member.name for member in self._enabled() if member.held]
        self.restart(held, "maintenance is over")
        return held

    # --- what happens --------------------------------------------------------------------------------------------

    def is_ready(self, life: Life) -> None:
        """See Listener."""
        member = self.members.get(life.definition.name)
        if member is None or member.life is not life or member.phase is not Phase.STARTING:
            return
        member.to(Phase.READY, self._now())
        took = member.since_ms - life.started_ms
        self._system.voice.info(f"service {member.name} is ready after {took} ms", service=member.name)
        self._proceed()

    def is_failing(self, life: Life, ended: Ended) -> None:
        """See Listener."""
        member = self.members.get(life.definition.name)
        if member is None or member.life is not life or self._down or member.again or member.retiring:
            return
        self._ends.failing(member, ended)
        self._proceed()

    def has_ended(self, life: Life, ended: Ended) -> None:
        """See Listener."""
        member = self.members.get(life.definition.name)
        if member is None or member.life is not life:
            return
        member.life = None
        if member.again and not self._down:
            member.again = False
            self._ends.overtaken(member, ended)
            member.take_next()
            member.to(Phase.WAITING, self._now())
        elif self._down or member.retiring or ended.reason == "asked":
            self._ends.asked(member, ended)
        else:
            self._ends.unasked(member, ended)
        self._proceed()

    def _dependents_of(self, member: Member) -> list[Member]:
        return [self.members[name] for name in to_restart(self._rules(), self._phases(), {member.name})]

    # --- going on ------------------------------------------------------------------------------------------------

    def _proceed(self) -> None:
        """Whatever can be started or stopped now; then tell who waits."""
        if self._down:
            self._stop_next({member.name for member in self.members.values()})
        else:
            self._stop_next({member.name for member in self.members.values() if member.again or member.retiring})
            self._give_up_hopeless()
            for name in startable(self._rules(), self._phases()):
                self._start(self.members[name])
        self._forget_removed()
        self._port.changed()
        self._wake()

    def _wake(self) -> None:
        if self._waiting_down and not any(member.phase in RUNNING for member in self.members.values()):
            waiting, self._waiting_down = self._waiting_down, []
            _call_all(waiting)
        if self._waiting_ready and not self._down and all(self._is_settled(one) for one in self._enabled()):
            waiting, self._waiting_ready = self._waiting_ready, []
            _call_all(waiting)

    def _is_settled(self, member: Member) -> bool:
        """Whether nobody need wait for it: it is up, or will not be without somebody's doing, or may be down."""
        if member.again:
            return False
        if member.phase in SETTLED or member.held:
            return True
        if member.phase is Phase.BACKOFF:
            return not member.definition.rules.essential
        befores = [self.members[name] for name in member.definition.rules.after if name in self.members]
        waits = [one for one in befores if one.phase not in SATISFIED and one.phase is not Phase.WAITING]
        return member.phase is Phase.WAITING and any(self._is_settled(one) for one in waits)

    def _stop_next(self, names: Collection[str]) -> None:
        for name in stoppable(self._order(), self._phases(), names):
            member = self.members[name]
            grace = self._grace(member)
            member.to(Phase.STOPPING, self._now())
            if member.life is not None:
                member.life.swept_later = self._down
                member.life.stop(grace)

    def _grace(self, member: Member) -> int:
        own = member.definition.stop.limit_ms
        left = self._left_ms() if self._down else None
        return own if left is None else min(own, stop_share_ms(self._order(), self._phases(), member.name, left))

    def _start(self, member: Member) -> None:
        member.to(Phase.STARTING, self._now())
        member.came_after = member.definition.rules.after
        member.life = self._port.begin(member.definition, self)
        pid = member.life.pid
        if pid:
            self._system.voice.info(f"service {member.name} runs as pid {pid}", service=member.name, pid=pid)

    def _start_after(self, member: Member, delay_ms: int) -> None:
        def due() -> None:
            member.timer = None
            member.held = not self._port.healing()
            member.to(Phase.STOPPED if member.held else Phase.WAITING, self._now())
            self._proceed()

        if delay_ms:
            member.timer = self._system.loop.call_later(delay_ms, due)
        else:
            member.to(Phase.WAITING, self._now())

    def _give_up_hopeless(self) -> None:
        while lost := hopeless(self._rules(), self._phases()):
            name, before = lost[0]
            self._ends.hopeless(self.members[name], before)

    def _forget_removed(self) -> None:
        for member in [one for one in self.members.values() if one.retiring and one.phase not in RUNNING]:
            member.retire(self._now())
        for name in [name for name, one in self.members.items() if one.removed and one.phase not in RUNNING]:
            del self.members[name]

    def _enabled(self) -> Iterator[Member]:
        return (member for member in self.members.values() if member.phase is not Phase.DISABLED)

    def _order(self) -> dict[str, tuple[str, ...]]:
        """What each came after when it was started: what a reload says counts from the next start."""
        return {name: member.came_after for name, member in self.members.items()}

    def _rules(self) -> list[Rules]:
        return [member.definition.rules for member in self.members.values()]

    def _phases(self) -> dict[str, Phase]:
        return {name: member.phase for name, member in self.members.items()}

    def _now(self) -> int:
        return self._system.clock.mono_ms()


def _call_all(callbacks: list[Callback]) -> None:
    for callback in callbacks:
        callback()


def _no_limit() -> int | None:
    return None
