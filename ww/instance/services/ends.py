"""What the end of a service process leads to, and what the instance is told of it."""

from __future__ import annotations

from ww.lifecycle.services import RUNNING, Over, Phase, Proof, judge_end, missing_program
from ww.supervise import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.instance.services.member import Member
    from ww.instance.services.process import Ended
    from ww.instance.services.reason import Reason, Reasons
    from ww.instance.services.supervisor import Port
    from ww.instance.system import System
    from ww.types import Callback, JsonObject

GAVE_UP_EXIT = 1
_ENDING = (signals.TERM, signals.INT, signals.QUIT)
"""Signals that ask a program to end."""


class Ends:
    """Judges ends that nobody asked for.

    `dependents_of` gives the members that go down and up again with one; `recover` starts again what waits for that.
    """

    def __init__(
        self,
        system: System,
        port: Port,
        reasons: Reasons,
        dependents_of: Callable[[Member], list[Member]],
        recover: Callback,
    ) -> None:
        self._system = system
        self._port = port
        self._reasons = reasons
        self._dependents_of = dependents_of
        self._recover = recover

    def asked(self, member: Member, ended: Ended) -> None:
        """It was stopped."""
        took = self._now() - member.since_ms
        member.lived = member.lived or member.ready_since_ms is not None
        member.to(Phase.STOPPED, self._now())
        say = self._system.voice.warn if ended.deaf else self._system.voice.info
        say(f"service {member.name} stopped after {took} ms: {ended.words}", service=member.name)

    def overtaken(self, member: Member, ended: Ended) -> None:
        """It was about to be stopped in order to be started again, and ended by itself before."""
        if ended.reason == "asked":
            return
        member.last = self._reasons.of(ended)
        words = f"service {member.name} ended: {member.last.words}; it was about to be restarted"
        self._system.voice.warn(words, service=member.name)
        self._port.notice(words, member.detail(ended, member.last))

    def failing(self, member: Member, ended: Ended) -> None:
        """It is not ready any more, and what is left of it has to be ended before anything else can be said."""
        reason = self._reasons.of(ended)
        member.to(Phase.STOPPING, self._now())
        member.last = reason
        if self._port.healing() and not self._port.ending() and self._comes_back(member, ended):
            member.announced = True
            self._announce(member, reason, ended, 0)

    def unasked(self, member: Member, ended: Ended) -> None:
        """It has ended by itself, or because it failed."""
        reason = member.last = self._reasons.of(ended)
        rules = member.definition.rules
        words = f"service {member.name} ended: {reason.words}"
        if rules.oneshot and _succeeded(member, ended):
            member.to(Phase.DONE, self._now())
            self._system.voice.info(f"service {member.name} is done: {reason.words}", service=member.name)
        elif self._port.ending():
            member.to(Phase.STOPPED, self._now())
            self._system.voice.warn(f"{words}; the instance is going down", service=member.name)
        elif self._was_told(member, ended):
            member.to(Phase.DONE, self._now())
            self._port.finished(words, member.detail(ended, reason), ended.code)
        elif not self._port.healing():
            member.held = True
            member.to(Phase.STOPPED, self._now())
            self._system.voice.warn(f"{words}; not started again in maintenance", service=member.name)
            self._port.notice(f"{words}; not started again in maintenance", member.detail(ended, reason))
        else:
            self._judge(member, ended, reason)

    def hopeless(self, member: Member, before: str) -> None:
        """It waits for one that will never be ready."""
        words = f"service {member.name} cannot be started: {before}, which it comes after, has failed"
        member.last = self._reasons.plain("dependency", words)
        member.to(Phase.FAILED, self._now())
        detail: JsonObject = {"reason": "dependency", "service": member.name}
        if member.definition.rules.essential:
            self._port.gave_up(words, detail, GAVE_UP_EXIT)
        else:
            self._system.voice.warn(f"{words}; the instance goes on without it", service=member.name)
            self._port.notice(words, detail)

    def _judge(self, member: Member, ended: Ended, reason: Reason) -> None:
        now = self._now()
        ready_for = now - member.ready_since_ms if member.ready_since_ms is not None else 0
        policy = member.policy(self._port.policy())
        succeeded = _succeeded(member, ended)
        rules = member.definition.rules
        verdict = judge_end(rules, succeeded, member.history, policy, now, ready_for, self._port.spread())
        missing = self._missing(member, ended)
        member.lived = member.lived or not missing
        if ended.hopeless or missing:
            verdict = Over(succeeded=False, why=missing)
        announced, member.announced = member.announced, False
        if isinstance(verdict, Over):
            self._over(member, verdict, reason, ended)
            return
        member.history = verdict.history
        member.delay_ms = verdict.delay_ms
        member.restarts += 1
        member.to(Phase.BACKOFF, now)
        if announced:
            self._recover()
        else:
            self._announce(member, reason, ended, verdict.delay_ms)

    def _announce(self, member: Member, reason: Reason, ended: Ended, delay_ms: int) -> None:
        """Tell that it comes back, and mark who goes down and up with it."""
        others = self._dependents_of(member)
        for other in others:
            other.last = self._reasons.plain("dependency", f"restarted with {member.name}")
            if other.phase in RUNNING:
                other.again = True
            else:
                other.stop_timer()
                other.to(Phase.WAITING, self._now())
        names = sorted(other.name for other in others)
        words = f"service {member.name} ended: {reason.words}"
        with_words = f", with {', '.join(names)}" if names else ""
        when = f" in {delay_ms / 1000:g} s" if delay_ms else ""
        self._system.voice.warn(f"{words}; starting it again{when}{with_words}", service=member.name)
        detail = {**member.detail(ended, reason), "with": list(names), "delay_ms": delay_ms}
        if any(one.definition.rules.essential for one in (member, *others)):
            self._port.died(words, detail)
        else:  # the instance never promised it: it is UP without
            self._port.notice(words, detail)
            self._recover()

    def _over(self, member: Member, over: Over, reason: Reason, ended: Ended) -> None:
        member.to(Phase.DONE if over.succeeded else Phase.FAILED, self._now())
        words = f"service {member.name} ended: {reason.words}" + (f"; {over.why}" if over.why else "")
        detail = member.detail(ended, reason)
        end = self._port.finished if over.succeeded else self._port.gave_up
        if not member.definition.rules.essential:
            say = self._system.voice.info if over.succeeded else self._system.voice.warn
            say(f"{words}; it stays down, and the instance goes on", service=member.name)
            self._port.notice(words, detail)
        elif member.definition.launch.terminal:
            end(words, detail, ended.code)  # a command that is wrapped ends the run with its own code
        else:
            end(words, detail, 0 if over.succeeded else GAVE_UP_EXIT)

    def _comes_back(self, member: Member, ended: Ended) -> bool:
        restart = member.definition.rules.restart
        if self._was_told(member, ended) or self._missing(member, ended):
            return False
        return restart == "always" or (restart == "on-failure" and not _succeeded(member, ended))

    def _missing(self, member: Member, ended: Ended) -> str:
        """Why it will never run, as far as its exit code tells; a command that is wrapped tells for itself."""
        if (
            ended.reason != "exit"
            or ended.exit is None
            or _succeeded(member, ended)
            or member.definition.launch.terminal
        ):
            return ""
        ready_since = member.ready_since_ms
        ready_for = None if ready_since is None else self._now() - ready_since
        return missing_program(ended.exit.code, Proof(member.lived, ready_for, member.definition.readiness is not None))

    def _was_told(self, member: Member, ended: Ended) -> bool:
        """Whether a wrapped command ended because it was told to: that is no failure."""
        if not member.definition.launch.terminal or not member.told or ended.exit is None:
            return False
        return member.told in _ENDING or ended.exit.signal == member.told

    def _now(self) -> int:
        return self._system.clock.mono_ms()


def _succeeded(member: Member, ended: Ended) -> bool:
    codes = member.definition.rules.success_codes
    return ended.reason == "exit" and ended.exit is not None and ended.exit.code in codes
