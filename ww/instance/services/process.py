"""One life of one service process: started, logged, watched for readiness, stopped, and ended with all that it left."""

from __future__ import annotations

import errno
import os

from ww.instance.ending import Ending
from ww.instance.members import SERVICE, TAG, Members
from ww.supervise import child, logs, signals
from ww.supervise.ladder import group_exists, send_group
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ww.instance.services.definition import Definition, Launch
    from ww.instance.services.readiness import Readying
    from ww.instance.system import System
    from ww.supervise.command import Options
    from ww.supervise.exitcode import Exit
    from ww.supervise.identity import Identity
    from ww.supervise.loop import Timer
    from ww.supervise.notify import Notice, NotifySocket
    from ww.supervise.sweep import SweepReport

    class Listener(Protocol):
        """Who started it; both are called from the loop, never from inside `start` or `stop`."""

        def is_ready(self, life: Life) -> None:
            """It is ready; called at most once."""

        def is_failing(self, life: Life, ended: Ended) -> None:
            """It is of no use any more, and what is left of it is being ended; called at most once, before the end."""

        def has_ended(self, life: Life, ended: Ended) -> None:
            """Nothing of it is left; called exactly once."""


_TRANSIENT = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY)
"""Why a start may fail today and work in a second: no process, memory or descriptor is free."""
_LAST_LINES = 10
"""Of each stream, for the reason record."""
_SETTLED_GROUP_MS = 1_000
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""The exit codes of a shell for a command that is not there, or may not be run."""


class Ended(Value):
    """How one life ended.

    exit:   how its process ended; None: it was never started, or nobody could tell.
    reason: exit, signal, oom, readiness, watchdog, start (it could not be started) or asked.
    words:  the same for people. hopeless: trying again cannot help. deaf: it had to be killed. last_lines: what it
    printed last. code: as a shell reports it.
    """

    __slots__ = ("exit", "reason", "words", "last_lines", "hopeless", "deaf", "code")

    def __init__(
        self,
        exit: Exit | None,  # noqa: A002
        reason: str,
        words: str,
        last_lines: list[str],
        hopeless: bool = False,
        deaf: bool = False,
        code: int = 1,
    ) -> None:
        self.exit = exit
        self.reason = reason
        self.words = words
        self.last_lines = last_lines
        self.hopeless = hopeless
        self.deaf = deaf
        self.code = code


class Life:
    """Made and started by the group. `env` is complete but for what depends on this very life."""

    def __init__(
        self,
        system: System,
        definition: Definition,
        env: dict[str, str],
        place: Callable[[str], str],
        listener: Listener,
    ) -> None:
        self._system = system
        self.definition = definition
        self._env = env
        self._place = place
        self._listener = listener
        self._members = Members(f"{definition.name}{SERVICE}")
        self._pumps: list[logs.Pump] = []
        self._readying: Readying | None = None
        self._notify: NotifySocket | None = None
        self._watchdog: Timer | None = None
        self._killing: Timer | None = None
        self._ending: Ending | None = None
        self._exit: Exit | None = None
        self._why = ""
        self._failure = ""
        self._deaf = ""
        self.started_ms = system.clock.mono_ms()
        self.ready_ms: int | None = None
        self.swept_later = False
        """Whether what it leaves behind is ended by somebody else, when all services are down."""
        self.status = ""
        """What the service says of itself (sd_notify STATUS)."""

    @property
    def pid(self) -> int:
        """Its process; 0 when there is none."""
        return self._members.pid if self._exit is None else 0

    # --- start ---------------------------------------------------------------------------------------------------

    def start(self) -> Life:
        """Start the process; what goes wrong is its end."""
        launch = self.definition.launch
        identity: Identity | None = None
        if launch.user is not None:
            from ww.supervise.identity import Unknown, find_identity

            found = find_identity(launch.user)
            if isinstance(found, Unknown):
                self._never_started(f"cannot be started: {found.words}", hopeless=True)
                return self
            identity = found
        writers: list[int] = []
        try:
            self._listen(identity)
            if not launch.terminal:
                self._open_output(writers)
            started = child.spawn(self._command(launch, identity, writers))
        except OSError as error:
            started = child.Refused(error.errno or 0, error.strerror or "")
        finally:
            for fd in writers:
                os.close(fd)
        if isinstance(started, child.Started):
            self._members.pid = started.pid
            self._system.reaper.watch(started.pid, self._exited)
            self._await_readiness()
        else:
            self._not_started(started)
        return self

    def _listen(self, identity: Identity | None) -> None:
        readiness = self.definition.readiness
        if (readiness is None or readiness.way != "notify") and not self.definition.watch.watchdog_ms:
            return
        from ww.supervise.notify import NotifySocket

        uids = frozenset({identity.uid} if identity is not None else ())
        self._notify = NotifySocket(self._system.loop, self._noticed, uids)

    def _open_output(self, writers: list[int]) -> None:
        for stream in ("stdout", "stderr"):
            reader, writer = logs.make_pipe()
            writers.append(writer)
            try:
                self._pumps.append(self._system.voice.pump(reader, self.definition.name, stream))
            except OSError:
                os.close(reader)
                raise

    def _command(self, launch: Launch, identity: Identity | None, writers: list[int]) -> child.Command:
        env = {**self._env, TAG: self._members.tag}
        env.pop("NOTIFY_SOCKET", None)
        if self._notify is not None:
            env["NOTIFY_SOCKET"] = self._notify.address
        if self.definition.watch.watchdog_ms:
            env["WATCHDOG_USEC"] = str(self.definition.watch.watchdog_ms * 1000)
        if identity is not None and identity.name:
            env |= {"USER": identity.name, "LOGNAME": identity.name, "HOME": identity.home}
        for name, value in launch.env.items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = value
        options: Options = {"limits": launch.limits or None}
        if launch.cwd != "/":
            options["cwd"] = launch.cwd
        if launch.umask != 0o022:
            options["umask"] = launch.umask
        if identity is not None and (identity.uid, identity.gid) != (os.getuid(), os.getgid()):
            options |= {"user": identity.uid, "group": identity.gid, "groups": identity.groups}
        if launch.terminal:
            options |= {"stdin": 0, "stdout": 1, "stderr": 2, "foreground": True}
        else:
            options |= {"stdout": writers[0], "stderr": writers[1]}
        return child.Command(launch.argv, env, **options)

    def _not_started(self, problem: child.NotFound | child.NotExecutable | child.Refused) -> None:
        words = problem.words()
        if isinstance(problem, child.Refused):
            words += self._only_ourselves(problem.errno)
            self._never_started(words, hopeless=problem.errno not in _TRANSIENT)
        else:
            code = NOT_FOUND if isinstance(problem, child.NotFound) else NOT_EXECUTABLE
            self._never_started(f"cannot be started: {words}", hopeless=True, code=code)

    def _only_ourselves(self, number: int) -> str:
        """What to write where a user was refused to us because we are not root."""
        user, ours = self.definition.launch.user, os.geteuid()
        if number != errno.EPERM or user is None or not ours:
            return ""
        name = self.definition.name
        return f"; ww run is user {ours}, who may be no other: ww.services.{name}.user null runs {name} as that one too"

    def _never_started(self, words: str, hopeless: bool, code: int = 1) -> None:
        for pump in self._pumps:
            pump.close()
        self._let_go()
        ended = Ended(None, "start", words, [], hopeless, code=code)
        self._system.loop.call_soon(lambda: self._listener.has_ended(self, ended))

    # --- readiness -----------------------------------------------------------------------------------------------

    def _await_readiness(self) -> None:
        readiness = self.definition.readiness
        if self.definition.rules.oneshot:
            return
        if readiness is None:
            self._system.loop.call_soon(self._is_ready)
            return
        from ww.instance.services.readiness import Readying  # Few services say when they are ready.

        self._readying = Readying(self._system, self.definition.name, readiness, self._env, self._place)
        self._readying.start(lambda why: self._fail("readiness", why) if why else self._is_ready())

    def _is_ready(self) -> None:
        if self.ready_ms is not None or self._exit is not None or self._why:
            return
        self._readying = None
        self.ready_ms = self._system.clock.mono_ms()
        self._feed_watchdog()
        self._listener.is_ready(self)

    def _noticed(self, notice: Notice) -> None:
        if notice.status is not None:
            self.status = notice.status
        if self._readying is not None:
            if notice.extend_ms is not None:
                self._readying.extend(notice.extend_ms)
            if notice.ready:
                self._readying.said_ready()
        if notice.watchdog and self.ready_ms is not None:
            self._feed_watchdog()

    def _feed_watchdog(self) -> None:
        limit = self.definition.watch.watchdog_ms
        if self._watchdog is not None:
            self._watchdog.cancel()
        if limit and not self._why:
            words = f"it did not say WATCHDOG=1 for {limit / 1000:g} s"
            self._watchdog = self._system.loop.call_later(limit, lambda: self._fail("watchdog", words))

    def _fail(self, reason: str, words: str) -> None:
        self._failure = words
        self.stop(self.definition.stop.limit_ms, reason)
        if self.pid:
            self._listener.is_failing(self, Ended(None, reason, words, self._last_lines()))

    # --- stop and end --------------------------------------------------------------------------------------------

    def signal(self, signum: int) -> bool:
        """Pass a signal on; False when there is nobody to get it, or it is not ours to signal (another user, no CAP_KILL)."""
        if not self.pid:
            return False
        if self.definition.stop.to_group:
            return send_group(self.pid, signum)
        try:
            os.kill(self.pid, signum)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def stop(self, grace_ms: int, reason: str = "asked") -> None:
        """Send its stop signal, KILL after `grace_ms`; the end is told as `reason`. Again: only the time gets shorter."""
        first = not self._why
        self._why = self._why or reason
        if self._ending is not None:
            if not grace_ms:
                self._ending.force()
            return
        if not self.pid:
            return
        if first:
            self._stop_looking()
            self.signal(self.definition.stop.signal)
            send_group(self.pid, signals.CONT)  # a stopped process acts on its signal only when it is continued
        if self._killing is not None:
            self._killing.cancel()
        if grace_ms:
            self._killing = self._system.loop.call_later(grace_ms, lambda: self._kill(grace_ms))
        else:
            self._end(0)

    def _kill(self, after_ms: int) -> None:
        """It did not heed its signal."""
        name = signals.name(self.definition.stop.signal)
        self._deaf = f"it did not heed {name} for {after_ms / 1000:g} s and was killed"
        self._end(0)

    def _stop_looking(self) -> None:
        if self._readying is not None:
            self._readying.cancel()
            self._readying = None
        if self._watchdog is not None:
            self._watchdog.cancel()

    def _exited(self, status: Exit) -> None:
        self._exit = status
        self._stop_looking()
        if self._killing is not None:
            self._killing.cancel()
        if self._ending is not None:
            return
        watched = set(self._system.reaper.watched())
        if not group_exists(self._members.pid) and (self.swept_later or not self._members.orphans(watched)):
            self._over()
            return
        self._end(self.definition.stop.limit_ms if self._why == "asked" else _SETTLED_GROUP_MS)
        if not self._why:
            reason = "signal" if status.signal else "exit"
            ended = Ended(status, reason, status.words(), self._last_lines(), code=status.status)
            self._listener.is_failing(self, ended)

    def _end(self, grace_ms: int) -> None:
        """TERM to all that is left of it, KILL after `grace_ms`."""
        self._killing = None
        self._ending = Ending(self._system, self._members.find, grace_ms, self._swept, self._members.pid).start()

    def _swept(self, report: SweepReport) -> None:
        for record in report.left:
            self._system.voice.error(
                f"{self.definition.name}: still there after KILL: {record.comm} (pid {record.pid}): {record.cmdline}"
            )
        self._over()

    def _over(self) -> None:
        lines = self._last_lines()
        for pump in self._pumps:
            pump.detach()
        self._let_go()
        if self.definition.launch.terminal:
            from ww.supervise.terminal import take_terminal_back

            take_terminal_back(0)
        status = self._exit
        words = self._deaf or (status.words() if status is not None else "it cannot be ended")
        if self._failure:
            words = f"{self._failure}; it was ended: {words}"
        by_itself = "signal" if status is not None and status.signal else "exit"
        code = status.status if status is not None else 1
        ended = Ended(status, self._why or by_itself, words, lines, deaf=bool(self._deaf), code=code)
        self._listener.has_ended(self, ended)

    def _last_lines(self) -> list[str]:
        lines: list[str] = []
        for pump in self._pumps:
            pump.drain()
            lines += pump.last_lines()[-_LAST_LINES:]
        return lines

    def _let_go(self) -> None:
        if self._notify is not None:
            self._notify.close()
            self._notify = None
