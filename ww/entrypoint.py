"""`ww run`: the wiring of one instance. Builds the parts, connects them, runs the loop, leaves with the exit code.

Runs as PID 1, or as a subreaper outside a PID namespace; imports the standard library and what is below it, never
a sink, a client, a merge or click (held by an import contract and by a budget test).
"""

from __future__ import annotations

import gc
import os

from ww.clib import set_subreaper
from ww.clock import Clock
from ww.errors import EXIT_HOOK, EXIT_TRY_AGAIN, EXIT_USAGE, UsageError
from ww.home.command import compile_command, own_directory
from ww.home.layout import layout_for, make_run_directory, refused_run_directory
from ww.home.lock import Held, NoLock, take_lock
from ww.instance.compilation import Compiler
from ww.instance.crew import Crew, Place
from ww.instance.driver import Cause, Driver
from ww.instance.perform import Performance
from ww.instance.record import forget_last_life
from ww.instance.services.definition import Launch
from ww.instance.servicing import Servicing
from ww.instance.signalling import Signalling
from ww.instance.system import System
from ww.instance.voice import Voice
from ww.lifecycle.model import Trigger
from ww.lifecycle.table import PLANS
from ww.supervise import child, signals
from ww.supervise.logs import ContainerLog
from ww.supervise.loop import Loop
from ww.supervise.reaper import Reaper
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from ww.instance.commands import Commands
    from ww.instance.control import Control
    from ww.supervise.loop import Timer

MEET_MS = 20
"""How long the first service may take before people are heard all the same."""

DASHES = "--"
"""Behind it stands the command that is wrapped."""

MOST_BUGS = 3
"""More internal errors than this end the run at once."""

FLUSH_MS = 200
"""How long leaving waits for the container log to take the last lines."""


class Options(Value):
    """The command line of `ww run`; `command` is what stands behind `--`, None where there is no `--`."""

    __slots__ = ("root", "sets", "command")

    def __init__(self, root: str | None, sets: list[str], command: list[str] | None = None) -> None:
        self.root = root
        self.sets = sets
        self.command = command


def parse(arguments: list[str]) -> Options:
    """`[--root DIR] [--set a.b=VALUE]… [-- COMMAND ARGUMENT…]`; click shows the help, PID 1 parses. Raises UsageError."""
    root: str | None = None
    sets: list[str] = []
    rest = list(arguments)
    command: list[str] | None = None
    if DASHES in rest:
        at = rest.index(DASHES)
        rest, command = rest[:at], rest[at + 1 :]
        if not command or not command[0]:
            raise UsageError("ww run: there is no command behind --; see ww run --help")
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name not in ("--root", "--set"):
            raise UsageError(_unexpected(name))
        if not equals:
            if not rest:
                raise UsageError(f"ww run: {name} wants a value; see ww run --help")
            value = rest.pop(0)
        if name == "--root":
            root = value
        elif not value.partition("=")[1] or value.startswith(("=", ":=")):
            raise UsageError(f"ww run: --set {value}: it takes KEY=VALUE, as in a.b=5; see ww run --help")
        else:
            sets.append(value)
    return Options(root, sets, command)


def _unexpected(word: str) -> str:
    words = f"ww run: unexpected argument {word!r}; see ww run --help"
    if word.startswith("-"):
        return words
    return f"{words}. A program stands behind --, as in ww run -- bash; or use --entrypoint of docker run"


def run(arguments: list[str], environ: Mapping[str, str]) -> NoReturn:
    """Be the instance until it has ended; ends the process."""
    wake_fd = signals.install(signals.EVERY if DASHES in arguments else signals.HANDLED)
    try:
        program = _prepare(parse(arguments), environ, wake_fd)
    except UsageError as error:
        _say(str(error))
        os._exit(EXIT_USAGE)
    except Exception as error:  # noqa: BLE001 - nothing is up yet that could stop in order
        _say(f"ww run: cannot start: {type(error).__name__}: {error}")
        os._exit(EXIT_HOOK)
    program.main()


def _say(words: str) -> None:
    """To standard error, before there is a log."""
    os.write(2, f"{words}\n".encode("utf-8", "backslashreplace"))


def _prepare(options: Options, environ: Mapping[str, str], wake_fd: int) -> Program:
    layout = layout_for(options.root, environ)
    if layout.root and not os.path.isdir(layout.root):
        raise UsageError(f"ww run: cannot use --root {layout.root}: there is no such directory")
    run_directory = make_run_directory(layout, environ)
    _refuse_a_second(run_directory)
    child.close_inherited()
    wrapped = None
    if options.command is not None:
        umask = os.umask(0o022)
        wrapped = Launch(tuple(options.command), {}, None, os.getcwd(), umask, {}, terminal=True)
    os.umask(0o022)
    if os.getpid() != 1 and not set_subreaper():
        _say("ww run: cannot become a subreaper: daemons of hooks will not be found")
    place = Place(layout, run_directory, own_directory(environ))
    compiler = Compiler(compile_command(), layout, run_directory, options.sets, environ)
    return Program(place, compiler, wrapped, wake_fd, Clock())


def _refuse_a_second(run_directory: str | None) -> None:
    """Two of us on one run directory would take each other's configuration, states and services for their own.

    The lock is held until the process ends; a refused start has touched nothing.
    """
    if run_directory is None:
        return
    answer = take_lock(f"{run_directory}/lock", run_directory, f"ww run, pid {os.getpid()}")
    if isinstance(answer, NoLock):
        _say(f"ww run: {answer.why}: another ww run in {run_directory} would not be noticed")
    elif isinstance(answer, Held):
        _say(f"ww run: this instance is already running: {run_directory} is in use by {answer.holder}")
        os._exit(EXIT_TRY_AGAIN)


class Program:
    """The parts of one `ww run`, connected."""

    def __init__(self, place: Place, compiler: Compiler, wrapped: Launch | None, wake_fd: int, clock: Clock) -> None:
        self._loop = Loop(clock)
        self._reaper = Reaper(self._loop)
        self._clock = clock
        # Standard output belongs to the command that is wrapped.
        log_fd = 1 if wrapped is None else 2
        self._log = ContainerLog(self._loop, log_fd, directory=f"{place.run}/log" if place.run else None)
        voice = Voice(self._loop, clock, self._log, quiet=wrapped is not None)
        self._crew = Crew(System(self._loop, self._reaper, clock, voice), place, compiler, os.urandom(16).hex())
        self._servicing = Servicing(self._crew, wrapped, self._feed)
        self._signalling = Signalling(self._crew, self._servicing, wrapped is not None, self._feed, self._reload)
        self._performance = Performance(self._crew, self._servicing, self._signalling, self._feed, self._leave)
        self._driver = Driver(self._performance, clock, self._servicing.spread)
        self._environ = compiler.environ
        self._meeting: Timer | None = None
        self._commands: Commands | None = None
        self._control: Control | None = None
        self._exit_code = EXIT_HOOK
        self._bugs = 0
        if place.run:
            forget_last_life(place.run)
        self._connect(wake_fd)
        os.chdir("/")
        voice.info(_greeting(place), pid=os.getpid())
        refused = refused_run_directory(place.layout, compiler.environ)
        if refused:
            voice.warn(refused)

    def main(self) -> NoReturn:
        """Run the loop, then leave by `os._exit` (runtime.md 9)."""
        self.begin()
        self._loop.run()
        self._log.flush(self._clock.mono_ms() + FLUSH_MS)
        os._exit(self._exit_code)

    def begin(self) -> None:
        """Begin the first plan; the rest happens in the loop."""
        gc.freeze()
        gc.enable()
        self._meeting = self._loop.call_later(MEET_MS, self._meet_people)
        self._driver.begin(PLANS[None])

    def _connect(self, wake_fd: int) -> None:
        self._loop.on_error(self._bug)
        self._performance.on_state = self._changed
        self._crew.outlet.view = self._view
        self._servicing.on_change = self._services_changed
        self._loop.on_signal(self._signalling.received)
        self._reaper.on_adopted = self._performance.strays.reaped
        self._loop.attach_signals(wake_fd)

    def _feed(self, trigger: Trigger, cause: Cause) -> None:
        self._driver.feed(trigger, cause)

    def _reload(self) -> None:
        """For a signal; nobody waits for the answer."""
        if self._commands is not None:
            self._commands.reload_by_signal()

    def _services_changed(self) -> None:
        self._changed()
        if self._meeting is not None and self._meeting.pending:
            self._meeting.cancel()
            self._loop.call_soon(self._meet_people)

    def _meet_people(self) -> None:
        """Say where we are and open the control socket: whatever is on the way to the first service comes first."""
        from ww.instance.commands import Commands, Parts
        from ww.instance.control import Control
        from ww.instance.surroundings import describe

        for sentence in describe(self._crew.layout, self._environ):
            self._crew.system.voice.info(sentence)
        parts = Parts(self._crew, self._driver, self._performance, self._servicing, self._signalling)
        self._commands = Commands(parts)
        if self._crew.run:
            self._control = Control(self._crew.system, self._crew.run, self._commands)

    def _view(self) -> dict[str, Any]:
        """By which readiness is judged; the same members as in the status document."""
        at, monitoring = self._driver.situation, self._performance.monitoring
        return {
            "state": at.state.value if at.state else None,
            "reason": at.reason(),
            "services": self._servicing.report(),
            "health": monitoring.last_health,
            "monitored": monitoring.had_monitor,
        }

    def _changed(self) -> None:
        self._crew.outlet.look()
        if self._commands is not None:
            self._commands.changed()
        if self._control is not None:
            self._control.changed()

    def _leave(self, exit_code: int) -> None:
        self._exit_code = exit_code
        if self._control is not None:
            self._control.close()
        if os.getpid() != 1:  # with PID 1 the kernel ends everything; elsewhere the last hook may have left something
            self._performance.strays.kill_all()
        self._loop.stop()

    def _bug(self, error: BaseException) -> None:
        self._bugs += 1
        words = f"{type(error).__name__}: {error}"
        trace = _trace(error)
        if self._bugs > MOST_BUGS:
            _say(f"ww: {words}: too many internal errors, leaving at once")
            self._performance.strays.kill_all()
            os._exit(EXIT_HOOK)
        try:
            self._crew.recorder.internal_error(words, trace)
        except Exception as worse:  # noqa: BLE001 - the report itself failed: the stop must not
            _say(f"ww: {words}; and it cannot be recorded: {worse}")
        self._driver.feed(Trigger.BUG, Cause(f"internal error: {words}", {"trace": trace[-10:]}, exit_code=EXIT_HOOK))


def _trace(error: BaseException) -> list[str]:
    try:
        import traceback

        return [line for part in traceback.format_exception(error) for line in part.rstrip().splitlines()]
    except OSError as none:  # out of descriptors not even the module can be read
        return [f"no traceback: {none}"]


def _greeting(place: Place) -> str:
    from ww import __version__

    where = place.layout.root or "/"
    run = place.run or "none writable: no status, no log copy, no cached configuration"
    return f"whaleware {__version__} is pid {os.getpid()}, root {where}, run directory {run}"
