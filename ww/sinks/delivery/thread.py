"""The thread of one sink around its engine. Nothing that a sink does delays another sink, the reporter or its end."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

from ww.sinks.delivery.answers import short, words_of
from ww.sinks.delivery.breaker import Circuit
from ww.sinks.delivery.engine import Engine, Timing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ww.sinks.base import Sink
    from ww.sinks.delivery.options import DeliveryOptions
    from ww.sinks.delivery.ports import Ports
    from ww.types import JsonObject

_LONGEST_REST_S = 5.0
"""Also without a word of new events the journal is looked at so often: words may be dropped on the way."""
_AFTER_BUG_S = 5.0
_STUCK_S = 1.0
"""How long after its deadline a call that has not come back is said to be stuck."""


class Delivery:
    """Delivers to one sink in a thread of its own, from `start` to `stop`. Its methods are for one other thread."""

    def __init__(self, sink: Sink, options: DeliveryOptions, ports: Ports) -> None:
        self.name = options.name
        self._sink = sink
        self._options = options
        self._ports = ports
        self._engine = Engine(sink, options, ports, Timing(time.monotonic, random.random))
        self._news = threading.Condition()
        self._fresh = False
        self._stop_at: float | None = None
        self._newest = 0
        self._said_stuck = 0.0
        self._thread = threading.Thread(target=self._run, name=f"sink-{options.name}", daemon=True)

    # For the reporter

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def wake(self, seq: int = 0) -> None:
        """There may be something new; `seq` is the last sequence of the running boot, if it is known."""
        self._newest = max(self._newest, seq)
        self._look()
        self._notify()

    def urge(self) -> None:
        """Somebody waits for what is left: try it now, whatever the backoff says."""
        self._engine.urge()
        self._notify()

    def flush(self, deadline: float, wait: bool = True) -> int:
        """Deliver what the journal holds by now, without waiting for company or a better moment, until `deadline`.

        How many events are left then, as far as is known; with `wait=False` it is begun only. Several sinks are
        flushed by `flush_all`. (`deadline` is of time.monotonic().)
        """
        self._engine.flush(deadline)
        self._notify()
        return self.await_flush(deadline) if wait else self.depth

    def await_flush(self, deadline: float) -> int:
        """What `flush` that was begun leaves, when it has ended or `deadline` has come."""
        with self._news:
            while not self._engine.settled and not self._engine.hopeless and self._thread.is_alive():
                left = deadline - time.monotonic()
                if left <= 0 or self._is_stuck():
                    break
                self._news.wait(min(left, 0.05))
        if self._engine.settled:
            return 0
        return max(self.depth, 1)

    def stop(self, deadline: float) -> bool:
        """End, and close the sink; False if its thread was not back by `deadline`. It holds up nobody then."""
        with self._news:
            self._stop_at = deadline
            self._fresh = True
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    @property
    def depth(self) -> int:
        """Events of the running boot that this sink has not passed yet, and those of earlier boots that were read."""
        cursor, waiting = self._engine.cursor, self._engine.waiting
        if cursor.boot == self._ports.present.boot:
            return max(waiting, self._newest - cursor.seq)
        return max(waiting, self._newest)

    def stats(self) -> JsonObject:
        """How it stands, as JSON (docs/sinks.md, "How a sink stands")."""
        self._look()
        engine, now = self._engine, time.monotonic()
        since = engine.complaints.since
        record: JsonObject = {
            "type": self._options.type,
            "state": self._state(),
            "required": self._options.required,
            "reached": engine.reached,
            "depth": self.depth,
            "in_hand": engine.waiting,
            "cursor": {"boot_no": engine.cursor.boot_no, "boot": engine.cursor.boot, "seq": engine.cursor.seq},
            "circuit": engine.breaker.circuit.value,
            "batch_events": engine.limit,
            "retry_in_s": round(engine.retry_in_s(), 3),
            "failing_for_s": None if since is None else round(now - since, 3),
            "last_error": engine.complaints.last or engine.partly,
        }
        return {**record, **engine.counts.record()}

    def _state(self) -> str:
        """`delivering`, `retrying`, `open`, `stopped` (by its receiver), `stuck`, `starting` (required) or `ended`."""
        engine = self._engine
        if not self._thread.is_alive():
            return "ended"
        if self._is_stuck():
            return "stuck"
        if engine.refused:
            return "stopped"
        if not engine.reached:
            return "starting"
        if engine.breaker.circuit is not Circuit.CLOSED:
            return "open"
        return "delivering" if engine.complaints.since is None and not engine.partly else "retrying"

    def _is_stuck(self) -> bool:
        since = self._engine.calling_since
        return since is not None and time.monotonic() - since > self._options.timeout_s + _STUCK_S

    def _look(self) -> None:
        """Say once of each call that it does not come back."""
        since = self._engine.calling_since
        if since is not None and since != self._said_stuck and self._is_stuck():
            self._said_stuck = since
            seconds = time.monotonic() - since
            self._ports.say("warn", f"sink {self.name}: stuck: a call has not come back for {seconds:.0f} s")

    def _notify(self) -> None:
        with self._news:
            self._fresh = True
            self._news.notify_all()

    # The thread

    def _run(self) -> None:
        while self._stop_at is None:
            wait_s = self._step()
            with self._news:
                self._news.notify_all()
                if wait_s > 0 and not self._fresh:
                    self._news.wait(min(wait_s, _LONGEST_REST_S))
                self._fresh = False
        try:
            self._sink.close(self._stop_at)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self._ports.say("warn", self._ports.mask(f"sink {self.name}: its close raised {words_of(error)}"))

    def _step(self) -> float:
        try:
            return self._engine.step()
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the delivery without a word
            words = short(f"sink {self.name}: internal error, it goes on: {words_of(error)}. Please report this")
            self._ports.say("error", self._ports.mask(words))
            return _AFTER_BUG_S


def flush_all(deliveries: Iterable[Delivery], deadline: float) -> int:
    """Flush all of them at once; how many events are left for the one that lacks most."""
    begun = list(deliveries)
    for delivery in begun:
        delivery.flush(deadline, wait=False)
    return max((delivery.await_flush(deadline) for delivery in begun), default=0)
