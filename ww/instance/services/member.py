"""What is known of one service process across its lives: phase, history, and why it last ended."""

from __future__ import annotations

from ww.clock import stamp
from ww.lifecycle.policy import RestartHistory, RestartPolicy
from ww.lifecycle.services import RUNNING, Phase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.instance.services.definition import Definition
    from ww.instance.services.process import Ended, Life
    from ww.instance.services.reason import Reason
    from ww.supervise.loop import Timer
    from ww.types import JsonObject


class Member:
    """One service in the supervisor's books.

    again: it is being stopped in order to be started again. held: it ended in maintenance. retiring: it is stopped
    for good because a reload took it away; removed: it is not even in the configuration any more. told: the last
    signal that was passed on to its present life. announced: the instance knows already that it is coming back.
    came_after: what stood before it when it was last started, which is what its stop goes by. lived: one of its lives
    had a program.
    """

    __slots__ = (
        "definition",
        "next_definition",
        "phase",
        "since_ms",
        "ready_since_ms",
        "life",
        "history",
        "restarts",
        "last",
        "delay_ms",
        "timer",
        "again",
        "held",
        "retiring",
        "removed",
        "told",
        "announced",
        "came_after",
        "lived",
    )

    def __init__(self, definition: Definition, now_ms: int) -> None:
        self.definition = definition
        self.next_definition: Definition | None = None
        self.phase = Phase.STOPPED if definition.enabled else Phase.DISABLED
        self.since_ms = now_ms
        self.ready_since_ms: int | None = None
        self.life: Life | None = None
        self.history = RestartHistory()
        self.restarts = 0
        self.last: Reason | None = None
        self.delay_ms = 0
        self.timer: Timer | None = None
        self.again = False
        self.held = False
        self.retiring = False
        self.removed = False
        self.told = 0
        self.announced = False
        self.came_after: tuple[str, ...] = ()
        self.lived = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.name

    def to(self, phase: Phase, now_ms: int) -> None:
        """Stand otherwise, from `now_ms` on."""
        self.phase = phase
        self.since_ms = now_ms
        if phase is Phase.READY:
            self.ready_since_ms = now_ms
        elif phase is Phase.STARTING:
            self.ready_since_ms = None
            self.told = 0
            self.announced = False

    def define(self, definition: Definition, now_ms: int) -> None:
        """Be this from now on; nothing of it runs."""
        self.definition = definition
        self.next_definition = None
        if definition.enabled == (self.phase is Phase.DISABLED):
            self.to(Phase.STOPPED if definition.enabled else Phase.DISABLED, now_ms)

    def take_next(self) -> None:
        """Be what the last reload made of it."""
        if self.next_definition is not None:
            self.definition, self.next_definition = self.next_definition, None

    def stop_timer(self) -> None:
        """Wait no longer before the next start."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def start_now(self, now_ms: int) -> None:
        """It does not run: have it started by the next `recover`, as what the last reload made of it."""
        self.stop_timer()
        self.take_next()
        self.delay_ms = 0
        self.held = False
        self.to(Phase.BACKOFF, now_ms)

    def retire(self, now_ms: int) -> None:
        """A reload disabled it or took it away: it is stopped, then no more than known."""
        self.stop_timer()
        self.held = self.again = False
        self.retiring = self.phase in RUNNING
        if not self.retiring:
            self.take_next()
            self.to(Phase.DISABLED, now_ms)

    def policy(self, general: RestartPolicy) -> RestartPolicy:
        """`general` with this service's own numbers."""
        own = self.definition.watch
        return RestartPolicy(
            general.backoff_ms if own.backoff_ms is None else own.backoff_ms,
            general.backoff_max_ms,
            general.jitter,
            general.reset_after_ms,
            general.window_ms,
            general.limit if own.limit is None else own.limit,
            general.warmup,
        )

    def detail(self, ended: Ended, reason: Reason) -> JsonObject:
        """The reason record: for the event, exit.json and `ww status`."""
        detail: JsonObject = {"reason": reason.name, "service": self.name, "restarts": self.restarts}
        if ended.exit is not None:
            detail["exit_code"] = ended.exit.code
            detail["signal"] = ended.exit.signal
        if ended.last_lines:
            detail["last_lines"] = list(ended.last_lines)
        return detail

    def report(self, now_ms: int) -> JsonObject:
        """Its row in `ww status`."""
        last = self.last
        return {
            "name": self.name,
            "type": "oneshot" if self.definition.rules.oneshot else "service",
            "state": self.phase.value,
            "essential": self.definition.rules.essential,
            "pid": self.life.pid or None if self.life is not None else None,
            "for_s": round((now_ms - self.since_ms) / 1000, 3),
            "restarts": self.restarts,
            "status": self.life.status if self.life is not None else "",
            "last": {"reason": last.name, "words": last.words, "at": stamp(last.wall_ms)} if last else None,
        }
