"""The words of the lifecycle: states, triggers, actions and outcomes (product.md, vocabulary)."""

from __future__ import annotations

from ww.types import Enum, Value


class State(Enum):
    """The nine states that an instance declares (WW-27, WW-28; STOPPING is ours)."""

    BOOT = "BOOT"
    FIRSTBOOT = "FIRSTBOOT"
    UPGRADING = "UPGRADING"
    WARMUP = "WARMUP"
    UP = "UP"
    RESTARTING = "RESTARTING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    ERROR = "ERROR"


class Trigger(Enum):
    """What can happen to an instance; the value is how the diagram words it."""

    DONE = "done"
    FRESH = "data is fresh"
    MARKED = "data is initialised"
    FAILED = "failed for good"
    UNHEALTHY = "unhealthy"
    DIED = "a service process died"
    GAVE_UP = "a service gave up"
    FINISHED = "a service finished"
    RESTART = "restart asked"
    STOP = "stop asked"
    FORCE = "stop asked again"
    BUG = "internal error"


class Kind(Enum):
    """What an action does; each is performed by exactly one task of `ww.instance`."""

    COMPILE = "compile the configuration"
    HOOKS = "check the hooks"
    LOCK = "lock the data"
    RECORD = "record the state"
    REACH = "reach the required sinks"
    NOTIFY = "run lifecycle"
    HOOK = "run a hook"
    INSPECT = "inspect the data"
    ATTEMPT = "record the attempt"
    MARK = "write the marker"
    BACKUP = "back up before the upgrade"
    STEPS = "run upgrade steps"
    STORE_VERSION = "store the version"
    RELEASE = "release shared data"
    SNAPSHOT = "note what runs before the services"
    ADOPT = "find the daemons of svcup"
    SERVICES_UP = "start the services"
    RECOVER = "start what died again"
    SERVICES_READY = "wait until the services are ready"
    SERVICES_DOWN = "stop the services"
    BACKOFF = "wait before the next try"
    INTERRUPTED = "wait for what was interrupted"
    DRAIN = "let balancers drain"
    SWEEP_SERVICES = "end what the services left"
    SWEEP_ALL = "end everything left"
    FLUSH = "deliver the last events"
    WATCH = "watch"


class Action(Value):
    """One step of a plan.

    hook:      the hook to run, for `Kind.HOOK`.
    tolerant:  a failure is recorded and the plan goes on; going down always does, going up never.
    """

    __slots__ = ("kind", "hook", "tolerant")

    def __init__(self, kind: Kind, hook: str = "", tolerant: bool = False) -> None:
        self.kind = kind
        self.hook = hook
        self.tolerant = tolerant

    def words(self) -> str:
        """How logs and `held up by` name this action."""
        return f"hook {self.hook}" if self.hook else self.kind.value


class Done(Value):
    """The action did what it should."""

    __slots__ = ()


class Found(Value):
    """INSPECT looked at the data: `trigger` is FRESH or MARKED and ends the plan."""

    __slots__ = ("trigger",)

    def __init__(self, trigger: Trigger) -> None:
        self.trigger = trigger


class Failed(Value):
    """The action failed for good.

    exit_code:  what the run ends with if this failure ends it (errors.py).
    words:      what happened, where, and what to do, as one sentence for people.
    hook:       the hook that failed, or "".
    detail:     further facts for the event and exit.json (exit status, signal, last lines).
    """

    __slots__ = ("exit_code", "words", "hook", "detail")

    def __init__(self, exit_code: int, words: str, hook: str = "", detail: dict[str, object] | None = None) -> None:
        self.exit_code = exit_code
        self.words = words
        self.hook = hook
        self.detail = detail or {}


Outcome = Done | Found | Failed
