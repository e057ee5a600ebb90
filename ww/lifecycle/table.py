"""The lifecycle as one table: what each trigger does in each state; a missing entry is the error.

The diagram in docs/lifecycle.md is generated from TRANSITIONS; nothing else in ww changes a state.
`None` is the time before BOOT: the configuration is compiled, the hooks are checked and the data is locked.
"""

from __future__ import annotations

from ww.lifecycle.model import Action, Kind, State, Trigger
from ww.types import Value


class Enter(Value):
    """Go to `state` and start its plan."""

    __slots__ = ("state",)

    def __init__(self, state: State) -> None:
        self.state = state


class Heal(Value):
    """Go to RESTARTING while the restart budget lasts, else to ERROR."""

    __slots__ = ()


class Recover(Value):
    """Go to RESTARTING for the services that died, and for their dependents, alone."""

    __slots__ = ()


class Widen(Value):
    """Restart the whole instance, where only services are being started again; ignored where that is under way."""

    __slots__ = ()


class Hurry(Value):
    """Stay, and spend no more of the stop budget on waiting (a second TERM forces)."""

    __slots__ = ()


class Abandon(Value):
    """Stay, give up the action under way, and end with exit code 70: a bug must not stop the way down."""

    __slots__ = ()


class Ignore(Value):
    """Stay; `why` goes to the log."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


Edge = Enter | Heal | Recover | Widen | Hurry | Abandon | Ignore

_STOP = Enter(State.STOPPING)
_ERROR = Enter(State.ERROR)
_NOT_YET = Ignore("the instance is not up yet, there is nothing to restart")
_GOING_DOWN = Ignore("the instance is already going down")
_SERVICES: dict[Trigger, Edge] = {Trigger.DIED: Recover(), Trigger.GAVE_UP: _ERROR, Trigger.FINISHED: _STOP}

TRANSITIONS: dict[State | None, dict[Trigger, Edge]] = {
    None: {
        Trigger.DONE: Enter(State.BOOT),
        Trigger.FAILED: _ERROR,
        Trigger.RESTART: _NOT_YET,
        Trigger.STOP: _STOP,
        Trigger.BUG: _STOP,
    },
    State.BOOT: {
        Trigger.FRESH: Enter(State.FIRSTBOOT),
        Trigger.MARKED: Enter(State.UPGRADING),
        Trigger.FAILED: _ERROR,
        Trigger.RESTART: _NOT_YET,
        Trigger.STOP: _STOP,
        Trigger.BUG: _STOP,
    },
    State.FIRSTBOOT: {
        Trigger.DONE: Enter(State.UPGRADING),
        Trigger.FAILED: _ERROR,
        Trigger.RESTART: _NOT_YET,
        Trigger.STOP: _STOP,
        Trigger.BUG: _STOP,
    },
    State.UPGRADING: {
        Trigger.DONE: Enter(State.WARMUP),
        Trigger.FAILED: _ERROR,
        Trigger.RESTART: _NOT_YET,
        Trigger.STOP: _STOP,
        Trigger.BUG: _STOP,
    },
    State.WARMUP: {
        Trigger.DONE: Enter(State.UP),
        Trigger.FAILED: _ERROR,
        Trigger.UNHEALTHY: Heal(),
        **_SERVICES,
        Trigger.RESTART: _NOT_YET,
        Trigger.STOP: _STOP,
        Trigger.BUG: _STOP,
    },
    State.UP: {
        Trigger.UNHEALTHY: Heal(),
        **_SERVICES,
        Trigger.RESTART: Enter(State.RESTARTING),
        Trigger.STOP: _STOP,
        Trigger.BUG: _STOP,
    },
    State.RESTARTING: {
        Trigger.DONE: Enter(State.UP),
        Trigger.FAILED: Heal(),
        Trigger.UNHEALTHY: Heal(),
        **_SERVICES,
        Trigger.RESTART: Widen(),
        Trigger.STOP: _STOP,
        Trigger.BUG: _STOP,
    },
    State.STOPPING: {
        Trigger.DONE: Enter(State.STOPPED),
        Trigger.UNHEALTHY: _GOING_DOWN,
        Trigger.DIED: _GOING_DOWN,
        Trigger.GAVE_UP: _GOING_DOWN,
        Trigger.FINISHED: _GOING_DOWN,
        Trigger.RESTART: _GOING_DOWN,
        Trigger.STOP: _GOING_DOWN,
        Trigger.FORCE: Hurry(),
        Trigger.BUG: Abandon(),
    },
    State.STOPPED: {
        Trigger.UNHEALTHY: _GOING_DOWN,
        Trigger.DIED: _GOING_DOWN,
        Trigger.GAVE_UP: _GOING_DOWN,
        Trigger.FINISHED: _GOING_DOWN,
        Trigger.RESTART: _GOING_DOWN,
        Trigger.STOP: _GOING_DOWN,
        Trigger.FORCE: Hurry(),
        Trigger.BUG: Abandon(),
    },
    State.ERROR: {
        Trigger.UNHEALTHY: _GOING_DOWN,
        Trigger.DIED: _GOING_DOWN,
        Trigger.GAVE_UP: _GOING_DOWN,
        Trigger.FINISHED: _GOING_DOWN,
        Trigger.RESTART: _GOING_DOWN,
        Trigger.STOP: _GOING_DOWN,
        Trigger.FORCE: Hurry(),
        Trigger.BUG: Abandon(),
    },
}


def _hook(name: str, tolerant: bool = False) -> Action:
    return Action(Kind.HOOK, name, tolerant)


_RECORD = Action(Kind.RECORD)
_NOTIFY = Action(Kind.NOTIFY, "lifecycle", tolerant=True)
_INTERRUPTED = Action(Kind.INTERRUPTED, tolerant=True)
_READY = (Action(Kind.SERVICES_READY), _hook("warmup"))
_SERVICES_UP = (Action(Kind.SNAPSHOT), _hook("svcup"), Action(Kind.ADOPT), Action(Kind.SERVICES_UP), *_READY)
_SERVICES_DOWN = (Action(Kind.SERVICES_DOWN, tolerant=True), _hook("svcdown", tolerant=True))
_EVERYTHING_DOWN = (_INTERRUPTED, *_SERVICES_DOWN, Action(Kind.SWEEP_ALL, tolerant=True))
_FLUSH = Action(Kind.FLUSH, tolerant=True)

PLANS: dict[State | None, tuple[Action, ...]] = {
    None: (Action(Kind.COMPILE), Action(Kind.HOOKS), Action(Kind.LOCK)),
    State.BOOT: (_RECORD, Action(Kind.REACH), _NOTIFY, _hook("boot"), Action(Kind.INSPECT)),
    State.FIRSTBOOT: (_RECORD, _NOTIFY, Action(Kind.ATTEMPT), _hook("firstboot"), Action(Kind.MARK)),
    State.UPGRADING: (
        _RECORD,
        _NOTIFY,
        Action(Kind.BACKUP),
        _hook("upgrade"),
        Action(Kind.STEPS),
        Action(Kind.STORE_VERSION),
        Action(Kind.RELEASE),
    ),
    State.WARMUP: (_RECORD, _NOTIFY, *_SERVICES_UP),
    State.UP: (_RECORD, _NOTIFY, Action(Kind.WATCH)),
    State.RESTARTING: (
        _RECORD,
        _NOTIFY,
        _INTERRUPTED,
        *_SERVICES_DOWN,
        Action(Kind.SWEEP_SERVICES, tolerant=True),
        Action(Kind.BACKOFF),
        *_SERVICES_UP,
    ),
    State.STOPPING: (_RECORD, _NOTIFY, Action(Kind.DRAIN, tolerant=True), *_EVERYTHING_DOWN),
    State.STOPPED: (_RECORD, _NOTIFY, _FLUSH),
    State.ERROR: (_RECORD, _NOTIFY, *_EVERYTHING_DOWN, _FLUSH),
}
"""What each state does, in order. A notification precedes the state's own hook (WW-17)."""

RECOVERY = (_RECORD, Action(Kind.RECOVER), _NOTIFY, _INTERRUPTED, *_READY)
"""RESTARTING where only service processes died: the replacement is started before anybody is told, and nothing else
is restarted. The event is written first, as ever; `lifecycle` still precedes the state's own hook, warmup."""

_NOTHING_WAS_STARTED = (_RECORD, _NOTIFY, _INTERRUPTED, Action(Kind.SWEEP_ALL, tolerant=True))

EARLY_ENDS: dict[State, tuple[Action, ...]] = {
    State.STOPPING: _NOTHING_WAS_STARTED,
    State.ERROR: (*_NOTHING_WAS_STARTED, _FLUSH),
}
"""The end of a start that never reached BOOT. It runs no svcdown: the services that a svcdown would find by their
pidfiles can only be those of another instance, which is alive and well."""
