"""What a service process is: the files of `/ww/usr/services/NAME` and the settings `ww.services.NAME`, checked."""

from __future__ import annotations

import os

from ww.instance.hookset import executable_problem
from ww.lifecycle.services import Rules, in_order, order_problems
from ww.supervise import signals
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DIRECTORY = "services"
"""Below /ww/usr: a directory for each service, with the executable `run` and, if it likes, `check`."""
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
LONGEST_NAME = 64
WRAPPED = "main"
"""The service that `ww run -- COMMAND` makes of its command."""

CHECK_INTERVAL_MS = 200
CHECK_LIMIT_MS = 60_000
STOP_MS = 5_000
_WAYS = ("http", "tcp", "command", "file", "notify", "delay_s")


class Launch(Value):
    """How a process is started. terminal: standard input, output and the terminal are its own (`ww run -- COMMAND`)."""

    __slots__ = ("argv", "env", "user", "cwd", "umask", "limits", "terminal")

    def __init__(
        self,
        argv: tuple[str, ...],
        env: dict[str, str | None],
        user: str | None,
        cwd: str,
        umask: int,
        limits: dict[str, tuple[int, int]],
        terminal: bool = False,
    ) -> None:
        self.argv = argv
        self.env = env
        self.user = user
        self.cwd = cwd
        self.umask = umask
        self.limits = limits
        self.terminal = terminal

    def like(self, wrapped: Launch) -> Launch:
        """This one on the terminal, in the directory and with the mask of `ww run -- COMMAND` itself."""
        return Launch(self.argv, self.env, self.user, wrapped.cwd, wrapped.umask, self.limits, terminal=True)


class Readiness(Value):
    """How it is known to be ready: `way` is http, tcp, command, file, notify or delay_s, `target` what that looks at."""

    __slots__ = ("way", "target", "interval_ms", "limit_ms")

    def __init__(self, way: str, target: Any, interval_ms: int, limit_ms: int) -> None:
        self.way = way
        self.target = target
        self.interval_ms = interval_ms
        self.limit_ms = limit_ms

    def words(self) -> str:
        """`http http://localhost/`, `file /run/x` …."""
        if self.way == "notify":
            return "notify"
        target = " ".join(self.target) if isinstance(self.target, tuple) else self.target
        return f"{self.way} {target}" if self.way != "delay_s" else f"{self.target / 1000:g} s after its start"


class StopWay(Value):
    """How it is stopped: `signal` first, KILL after `limit_ms`; to the whole group, or to the process alone."""

    __slots__ = ("signal", "limit_ms", "to_group")

    def __init__(self, signal: int, limit_ms: int, to_group: bool) -> None:
        self.signal = signal
        self.limit_ms = limit_ms
        self.to_group = to_group


class ReloadWay(Value):
    """What `ww reload` does: when one of `keys` changed, send `signal`, or restart it where that is None.

    keys: None is any that no hook has taken over; () is none at all.
    """

    __slots__ = ("keys", "signal")

    def __init__(self, keys: tuple[str, ...] | None, signal: int | None) -> None:
        self.keys = keys
        self.signal = signal


class Watch(Value):
    """Numbers of its supervision; None: those of `ww.restart`. `watchdog_ms` 0: no watchdog."""

    __slots__ = ("backoff_ms", "limit", "watchdog_ms")

    def __init__(self, backoff_ms: int | None, limit: int | None, watchdog_ms: int) -> None:
        self.backoff_ms = backoff_ms
        self.limit = limit
        self.watchdog_ms = watchdog_ms


class Definition(Value):
    """One service process; `enabled` False means that it is known and not started."""

    __slots__ = ("rules", "launch", "readiness", "stop", "watch", "reload", "enabled")

    def __init__(
        self,
        rules: Rules,
        launch: Launch,
        readiness: Readiness | None,
        stop: StopWay,
        watch: Watch,
        reload: ReloadWay,
        enabled: bool = True,
    ) -> None:
        self.rules = rules
        self.launch = launch
        self.readiness = readiness
        self.stop = stop
        self.watch = watch
        self.reload = reload
        self.enabled = enabled

    @property
    def name(self) -> str:
        """Its name."""
        return self.rules.name


class Definitions(Value):
    """All services in start order, and what is wrong with them: with a problem none is to be started."""

    __slots__ = ("services", "problems")

    def __init__(self, services: tuple[Definition, ...], problems: list[str]) -> None:
        self.services = services
        self.problems = problems


def read_definitions(
    usr: str, configured: dict[str, Any], defaults: dict[str, Any], wrapped: Launch | None = None
) -> Definitions:
    """The services of an image.

    usr: its /ww/usr. configured: `ww.services` with every field filled in. defaults: a service of which nothing is
    configured. wrapped: the command of `ww run -- COMMAND`, which becomes the service `main`: behind all others, not
    restarted, and signalled alone, unless `ww.services.main` says otherwise. A wrong file, name or order is a problem
    in words that name it.
    """
    problems: list[str] = []
    found: list[Definition] = []
    others: list[str] = []
    directories = _directories(f"{usr}/{DIRECTORY}", problems)
    if wrapped is not None:
        others = sorted(name for name in {*directories, *configured} - {WRAPPED} if _enabled(name, configured))
        configured = {**configured, WRAPPED: _wrapping(configured.get(WRAPPED) or defaults, wrapped)}
    for name in sorted({*directories, *configured}):
        fields = configured.get(name) or defaults
        try:
            definition = _definition(name, fields, directories.get(name))
            if wrapped is not None and name == WRAPPED:
                definition.launch = definition.launch.like(wrapped)
                definition.rules.behind = tuple(others)
            found.append(definition)
        except _Wrong as wrong:
            problems.append(f"service {name}: {wrong}")
    rules = [service.rules for service in found if service.enabled]
    disabled = [service.name for service in found if not service.enabled]
    if not problems:
        problems += order_problems(rules, disabled)
    order = {name: number for number, name in enumerate([*in_order(rules), *disabled])}
    return Definitions(tuple(sorted(found, key=lambda one: order.get(one.name, 0))), problems)


def _enabled(name: str, configured: dict[str, Any]) -> bool:
    return bool(configured.get(name, {}).get("enabled", True))


def _wrapping(fields: dict[str, Any], wrapped: Launch) -> dict[str, Any]:
    return {
        **fields,
        "type": "service",
        "enabled": True,
        "command": list(wrapped.argv),
        "restart": fields["restart"] or "never",
        "stop": {"to": "process", **fields["stop"]},
    }


class _Wrong(Exception):
    """Words for people about one service."""


def _directories(parent: str, problems: list[str]) -> dict[str, str]:
    try:
        names = sorted(os.listdir(parent))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        problems.append(f"cannot list the services in {parent}: {error.strerror}")
        return {}
    found = {}
    for name in names:
        if name.startswith((".", "README")) or not os.path.isdir(f"{parent}/{name}"):
            continue
        if len(name) > LONGEST_NAME or not NAME_CHARACTERS.issuperset(name) or not name[0].isalnum():
            problems.append(
                f"{parent}/{name}: the name of a service has small letters, digits, '.', '_' and '-', {LONGEST_NAME} at most"
            )
        else:
            found[name] = f"{parent}/{name}"
    return found


def _definition(name: str, fields: dict[str, Any], directory: str | None) -> Definition:
    oneshot = fields["type"] == "oneshot"
    rules = Rules(
        name,
        tuple(fields["after"]),
        oneshot,
        fields["restart"] or ("never" if oneshot else "always"),
        fields["essential"],
        tuple(fields["success_codes"]),
    )
    launch = Launch(
        _command(fields, directory),
        dict(fields["env"]),
        fields["user"],
        fields["cwd"],
        int(fields["umask"], 8),
        {limit: _limit(limit, value) for limit, value in fields["limits"].items()},
    )
    watch = Watch(_ms(fields["backoff_s"]), fields["limit"], _ms(fields["watchdog_s"]) or 0)
    keys = fields["reload"].get("keys")
    signal = _signal(fields["reload"].get("signal"), "reload.signal")
    reload = ReloadWay(None if keys is None else tuple(keys), signal)
    return Definition(
        rules, launch, _readiness(fields, directory, oneshot), _stop(fields["stop"]), watch, reload, fields["enabled"]
    )


def _command(fields: dict[str, Any], directory: str | None) -> tuple[str, ...]:
    if fields["command"]:
        return tuple(fields["command"])
    if directory is None:
        raise _Wrong("it has neither a command (ww.services) nor a directory with a file run")
    path = f"{directory}/run"
    problem = executable_problem(path)
    if problem and fields["enabled"]:
        raise _Wrong(problem)
    return (path,)


def _readiness(fields: dict[str, Any], directory: str | None, oneshot: bool) -> Readiness | None:
    given = fields["readiness"]
    if oneshot:
        if given is not None:
            raise _Wrong("a oneshot is ready when it has ended well: it has no readiness of its own")
        return None
    ways = [way for way in _WAYS if way in (given or {})]
    check = f"{directory}/check"
    if not ways and directory is not None and os.path.lexists(check):
        problem = executable_problem(check)
        if problem:
            raise _Wrong(problem)
        ways, given = ["command"], {**(given or {}), "command": (check,)}
    if given is None:
        return None
    if len(ways) != 1:
        raise _Wrong(f"readiness wants exactly one of {', '.join(_WAYS)}; it has {', '.join(ways) or 'none'}")
    target = given[ways[0]]
    if ways[0] == "command":
        target = tuple(target)
    elif ways[0] == "delay_s":
        target = _ms(target)
    interval = _ms(given.get("interval_s"))
    limit = _ms(given.get("timeout_s"))
    return Readiness(
        ways[0],
        target,
        CHECK_INTERVAL_MS if interval is None else interval,
        CHECK_LIMIT_MS if limit is None else limit,
    )


def _stop(given: dict[str, Any]) -> StopWay:
    limit = _ms(given.get("timeout_s"))
    number = _signal(given.get("signal", "TERM"), "stop.signal")
    return StopWay(number or signals.TERM, STOP_MS if limit is None else limit, given.get("to", "group") == "group")


def _signal(name: str | None, field: str) -> int | None:
    if name is None:
        return None
    number = signals.number(name)
    if number is None:
        raise _Wrong(f"{field}: there is no signal {name}")
    return number


def _limit(name: str, value: Any) -> tuple[int, int]:
    both = value if isinstance(value, list | tuple) else (value, value)
    soft, hard = (-1 if one == "unlimited" else int(one) for one in both)
    if hard != -1 and (soft == -1 or soft > hard):
        raise _Wrong(f"limits.{name}: the soft limit is above the hard one")
    return soft, hard


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
