"""The reporter as PID 1 sees it: a child that delivers events, and whose fate changes nothing for the service.

It is told what was journalled, answers a ping now and then, and is ended and started anew when it does not. It is
imported only where sinks or probes are configured.
"""

from __future__ import annotations

import os

from ww.clib import SIGNALS
from ww.home.command import reporter_command
from ww.instance.hello import PROTOCOL, fitting, hello, told_health
from ww.instance.line import Line, make_line
from ww.instance.members import SERVICE, TAG, Members
from ww.instance.sinkfigures import aged, left_behind
from ww.supervise import child, logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.events.journal import Journal
    from ww.instance.crew import Crew
    from ww.supervise.exitcode import Exit
    from ww.supervise.loop import Timer
    from ww.types import Callback, JsonObject

SOURCE = "reporter"
TICK_MS = (1_000, 30_000)
"""How often it is pinged, at least and at most; in between `ww.monitor.interval_s` decides."""
SILENCE_MS = 3_000
"""The shortest silence that counts as one."""
START_MS = 20_000
"""How long its first answer may take: a plugin's imports, a slow disk."""
ACK_MS = 300
"""How soon one that is not frozen answers when the end has come."""
FIRST_BACKOFF_MS = 1_000
LAST_BACKOFF_MS = 60_000
PROVEN_MS = 300_000
"""After a life of this length the next back-off is a short one again."""
GONE_MS = 300_000
"""Without a reporter for so long, PID 1 bounds the journal itself again."""
_MOST_GAPS_PER_TICK = 100


class Reporter:
    """`state` says what the instance is just now. After `start` it lives until `end`, however often it dies."""

    def __init__(self, crew: Crew, journal: Journal, state: Callable[[], JsonObject]) -> None:
        self._crew = crew
        self._system = crew.system
        self._journal = journal
        self._state = state
        self._members = Members(f"{SOURCE}{SERVICE}")
        self._line: Line | None = None
        self._timer: Timer | None = None
        self._told: JsonObject = {}
        self._deaths = 0
        self._why = ""
        self._started_ms = 0
        self._asked = 0
        self._answered = 0
        self._asked_ms = 0
        self._gaps = 0
        self._alone_since_ms = crew.system.clock.mono_ms()
        self._ended: Callback | None = None
        self._going = False
        self._again = False
        self._sample: tuple[int, JsonObject] = (0, {})
        self._stats: tuple[int, JsonObject] = (0, {})
        self.pid = 0
        """Of the one that lives; 0 between two lives."""
        self.restarts = 0
        self.synced_seq = 0
        self.reached: dict[str, str] = {}
        """Why each required sink is not reached yet; "" for one that is."""
        self.on_reached: Callback | None = None

    # --- a life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a life; one that cannot begin counts as one that has ended."""
        self._timer = None
        if self._alone_since_ms and self._now() - self._alone_since_ms >= GONE_MS:
            self._journal.bounded = True
        self._started_ms = self._now()
        self._asked = self._answered = 0
        self._why = ""
        try:
            problem = self._spawn()
        except OSError as error:
            problem = str(error.strerror)
        if problem:
            self._hang_up()
            self._died(f"the reporter cannot be started: {problem}")
            return
        self._greet()
        self._ping()

    def _spawn(self) -> str:
        """Start the process and its line; why that was not possible, or "". Raises OSError."""
        ours, theirs = make_line()
        reader, writer = -1, -1
        try:
            reader, writer = logs.make_pipe()
            self._members.pid = 0
            env = {**self._crew.own_env, TAG: self._members.tag}
            env.pop("LD_PRELOAD", None)  # meant for the image's programs; our interpreter has a loader of its own
            command = child.Command(reporter_command(), env, stdout=writer, stderr=writer, line=theirs.fileno())
            started = child.spawn(command)
            if isinstance(started, child.Started):
                self._system.voice.pump(reader, SOURCE, "stdout")
                reader = -1
                self.pid = self._members.pid = started.pid
                self._system.reaper.watch(started.pid, self._exited)
                self._line = Line(self._system.loop, ours, self._heard, self._broken)
                ours = None
                return ""
            return started.message if isinstance(started, child.Refused) else started.words()
        finally:
            theirs.close()
            if ours is not None:
                ours.close()
            for fd in (reader, writer):
                if fd >= 0:
                    os.close(fd)

    def _greet(self) -> None:
        if self._line is None:
            return
        self._told = hello(self._crew)
        for message in fitting({"t": "hello", "v": PROTOCOL, **self._told}):
            self._line.send(message)
        self._line.send({"t": "state", **self._state()})
        self._line.position(self._journal.seq - self._journal.held)

    def _exited(self, status: Exit) -> None:
        lived_ms = self._now() - self._started_ms
        words = f"the reporter (pid {self.pid}) ended: {status.words()}"
        if status.signal == SIGNALS.SIGKILL and not self._why:
            self._crew.outlet.on_killed()
        self._members.pid = self.pid = 0
        if self._line is not None:
            self._line.drain()
        self._hang_up()
        self._end_leftovers()
        if self._ended is not None:
            ended, self._ended = self._ended, None
            self._stop_timer()
            ended()
        elif self._again:
            self._again = False
            self._stop_timer()
            self.start()
        elif not self._going:
            if lived_ms >= PROVEN_MS:
                self._deaths = 0
            self._died(f"{words}{self._why and f' ({self._why})'} after {lived_ms / 1000:.1f} s")

    def _died(self, words: str) -> None:
        self._stop_timer()
        if not self._alone_since_ms:
            self._alone_since_ms = self._now()
        self._why = ""
        if self._ended is not None:
            ended, self._ended = self._ended, None
            ended()
            return
        delay_ms = min(LAST_BACKOFF_MS, FIRST_BACKOFF_MS << min(self._deaths, 16))
        self._deaths += 1
        self.restarts += 1
        # Said seldom where it dies again and again: the back-off itself sees to that.
        self._system.voice.warn(f"{words}; events are kept, it is started again in {delay_ms / 1000:g} s")
        self._timer = self._system.loop.call_later(delay_ms, self.start)

    def _end_leftovers(self) -> None:
        """What it had started (scripts of a sink) does not outlive it."""
        from ww.instance.ending import Ending

        if self._members.orphans(set(self._system.reaper.watched())):
            Ending(self._system, self._members.find, 0, lambda _report: None).start()

    # --- pings ------------------------------------------------------------------------------------------------------

    def _tick_ms(self) -> int:
        shortest, longest = TICK_MS
        return min(longest, max(shortest, self._crew.settings.ms("monitor.interval_s")))

    def _ping(self) -> None:
        self._timer = None
        now = self._now()
        if self._answered < self._asked:
            patience = max(SILENCE_MS, self._tick_ms()) if self._answered else START_MS
            silent_ms = now - self._asked_ms
            if silent_ms >= patience:
                self._strike(f"it did not answer for {silent_ms / 1000:.1f} s")
                return
            self._timer = self._system.loop.call_later(min(self._tick_ms(), patience - silent_ms), self._ping)
            return
        self._ask()
        self._gaps = 0
        next_ms = self._tick_ms() if self._answered else min(self._tick_ms(), START_MS)
        self._timer = self._system.loop.call_later(next_ms, self._ping)

    def _ask(self) -> None:
        self._asked += 1
        self._asked_ms = self._now()
        if self._line is not None:
            self._line.send({"t": "ping", "n": self._asked})

    def _broken(self, why: str) -> None:
        self._line = None
        if not self._going:
            self._strike(why)

    def _strike(self, why: str) -> None:
        """KILL; its end is heard of by the reaper."""
        self._why = self._why or why
        if self.pid:
            os.kill(self.pid, SIGNALS.SIGKILL)

    # --- what it says -----------------------------------------------------------------------------------------------

    def _heard(self, message: JsonObject) -> None:
        match message:  # a newer one may say more than we know
            case {"t": "pong"}:
                self._pong(message.get("n"))
            case {"t": "sample", "data": dict(data)}:
                self._sample = (self._now(), data)
            case {"t": "gap"}:
                self._gap(message)
            case {"t": "synced", "seq": int(seq)}:
                self.synced_seq = seq
            case {"t": "required"}:
                self._reached(message)
            case {"t": "stats", "sinks": dict(sinks)}:
                self._stats = (self._now(), sinks)
            case {"t": "flushed"}:
                self._flushed(message)

    def _pong(self, number: object) -> None:
        if not isinstance(number, int) or not self._answered < number <= self._asked:
            return
        self._answered = number
        self._alone_since_ms = 0
        self._journal.bounded = self._going
        self._journal.kept = True

    def _gap(self, message: JsonObject) -> None:
        """Events that it had to give up: the journal says so, under a number of this boot."""
        data = message.get("data")
        self._gaps += 1
        # The last state is the last event of its boot: what is asked for behind it is asked for again by the next one.
        if not isinstance(data, dict) or self._gaps > _MOST_GAPS_PER_TICK or self._ended is not None:
            return
        outcome = self._journal.append("gap", data)
        if self._line is not None:
            self._line.send({"t": "declared", "id": message.get("id"), "seq": outcome.seq})

    def _reached(self, message: JsonObject) -> None:
        name, words = message.get("name"), message.get("words")
        if isinstance(name, str):
            why = words if isinstance(words, str) and words else "it cannot be reached"
            self.reached[name] = "" if message.get("ok") is True else why
            if self.on_reached is not None:
                self.on_reached()

    def _flushed(self, message: JsonObject) -> None:
        left = message.get("left")
        if isinstance(left, int) and left > 0:
            self._system.voice.info(left_behind(left, ending=self._ended is not None, again=self._again))

    # --- what it is told --------------------------------------------------------------------------------------------

    def position(self, seq: int) -> None:
        """Everything up to `seq` is in the journal."""
        if self._line is not None:
            self._line.position(seq)

    def state(self, state: JsonObject) -> None:
        """A state was entered."""
        if self._line is not None:
            self._line.send({"t": "state", **state})

    def health(self, health: JsonObject) -> None:
        """A sample of the instance's health, for whoever asks the reporter."""
        if self._line is not None:
            self._line.send(told_health(health))

    def urge(self, sink: str) -> bool:
        """Have the sink try now what waits for a later time; False if there is no reporter just now."""
        if self._line is not None:
            self._line.send({"t": "drain", "sink": sink})
        return self._line is not None

    def refresh(self, wanted: bool) -> None:
        """The configuration is another one: end in order, and begin anew if it is still wanted."""
        told_so = wanted and not self._going and bool(self._told) and hello(self._crew) == self._told
        if self._ended is not None or told_so:
            return
        self._again = wanted
        self._going = not wanted
        self._journal.bounded = self._journal.bounded or not wanted
        if not self.pid:
            self._stop_timer()
            self._again = False
            if wanted:
                self.start()
            return
        self._system.voice.info(
            "the reporter is started anew: what it was told has changed"
            if wanted
            else "the reporter ends: there is nothing to deliver to any more"
        )
        self._finish(self._crew.settings.ms("reporter.flush_s"))

    # --- the end ----------------------------------------------------------------------------------------------------

    def end(self, within_ms: int, ended: Callback) -> None:
        """One last delivery; `ended` is called when the reporter has gone, after `within_ms` at the latest."""
        self._going = True
        self._again = False
        self._stop_timer()
        self._journal.bounded = True
        if not self.pid:
            ended()
            return
        self._ended = ended
        self._finish(within_ms)

    def _finish(self, within_ms: int) -> None:
        """Ask for the last delivery, and see to it that it ends."""
        self._stop_timer()
        answered = self._answered
        self._ask()
        if self._line is not None:
            # What it needs to leave after its last word is not its own to spend.
            self._line.send({"t": "flush", "within_ms": max(0, within_ms - ACK_MS // 3)})

        def last() -> None:
            self._timer = None
            self._give_up()

        def frozen() -> None:
            self._timer = None
            if answered and self._answered < self._asked:
                self._give_up()
            else:
                self._timer = self._system.loop.call_later(max(0, within_ms - ACK_MS), last)

        self._timer = self._system.loop.call_later(min(ACK_MS, within_ms), frozen if within_ms > ACK_MS else last)

    def _give_up(self) -> None:
        """KILL; whoever waits does so no longer."""
        if self._again:
            self._strike("it did not end in time")
            return
        ended, self._ended = self._ended, None
        self.kill()
        if ended is not None:
            ended()

    def kill(self) -> None:
        """At once, for good."""
        self._going = True
        self._ended = None
        self._again = False
        self._stop_timer()
        self._strike("")

    # --- views ------------------------------------------------------------------------------------------------------

    def sample(self) -> JsonObject:
        """Its last measurements, if they are younger than two intervals."""
        at_ms, data = self._sample
        fresh = bool(data) and self._now() - at_ms < 2 * self._tick_ms()
        return dict(data) if fresh else {}

    def report(self) -> JsonObject:
        """For `ww status`."""
        return {
            "pid": self.pid or None,
            "restarts": self.restarts,
            "answering": bool(self.pid and self._answered and not self._alone_since_ms),
            "sinks": {name: aged(told, self._now() - self._stats[0]) for name, told in self._stats[1].items()},
        }

    def _now(self) -> int:
        return self._system.clock.mono_ms()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
