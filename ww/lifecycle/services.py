"""What a set of service processes does next: order, readiness, restarts, and how a stop shares its time among them.

Pure: names, phases and numbers in, names and verdicts out. Start follows `after`, gated by readiness; stop is the
reverse; a dead one comes back with its dependents only (decisions, "Lifecycle").
"""

from __future__ import annotations

from ww.lifecycle.policy import judge_failure
from ww.types import Enum, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ww.lifecycle.policy import RestartHistory, RestartPolicy


class Phase(Enum):
    """Where one service process stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"
    DISABLED = "disabled"


RUNNING = frozenset({Phase.STARTING, Phase.READY, Phase.STOPPING})
"""Phases in which there is a process."""
SATISFIED = frozenset({Phase.READY, Phase.DONE})
"""Phases for which dependents may start."""
_NEVER_READY = frozenset({Phase.FAILED, Phase.DISABLED, None})
_UNDER_WAY = frozenset({Phase.WAITING, Phase.STARTING})
SETTLED = frozenset({Phase.READY, Phase.DONE, Phase.FAILED, Phase.DISABLED})
"""Phases that nobody waits to change."""


class Rules(Value):
    """What is decided about one service process; the rest of its definition is for those who start it.

    after:     names of the services that must be ready first.
    oneshot:   ready when it has ended well; not repeated when something it comes after is restarted.
    restart:   "always", "on-failure" or "never".
    essential: its end for good ends the instance.
    success_codes: exit codes that count as success.
    behind:    names that only start earlier: nothing else of theirs concerns it.
    """

    __slots__ = ("name", "after", "oneshot", "restart", "essential", "success_codes", "behind")

    def __init__(
        self,
        name: str,
        after: tuple[str, ...] = (),
        oneshot: bool = False,
        restart: str = "always",
        essential: bool = True,
        success_codes: tuple[int, ...] = (0,),
        behind: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.after = after
        self.oneshot = oneshot
        self.restart = restart
        self.essential = essential
        self.success_codes = success_codes
        self.behind = behind


def order_problems(rules: Sequence[Rules], known: Collection[str] = ()) -> list[str]:
    """What is wrong with `after`: names that are none (`known`: disabled ones, which are), circles. One sentence each."""
    by_name = {rule.name: rule for rule in rules}
    problems = []
    for rule in by_name.values():
        for name in rule.after:
            if name == rule.name:
                problems.append(f"service {rule.name}: it cannot start after itself (after)")
            elif name in known:
                problems.append(f"service {rule.name}: it starts after {name}, which is not enabled (after)")
            elif name not in by_name:
                problems.append(f"service {rule.name}: there is no service {name} (after)")
    if not problems and len(in_order(rules)) < len(by_name):
        problems += [
            f"services {circle}: each starts after the next one (after)" for circle in _circles(by_name, rules)
        ]
    return problems


def _circles(by_name: Mapping[str, Rules], rules: Sequence[Rules]) -> list[str]:
    """`a → b → a` for each circle that somebody runs into who only goes to a first predecessor that is stuck as well."""
    stuck = sorted(set(by_name) - set(in_order(rules)))
    found = set()
    for begin in stuck:
        way = [begin]
        while True:
            name = next(before for before in by_name[way[-1]].after if before in stuck)
            if name in way:
                break
            way.append(name)
        circle = way[way.index(name) :]
        first = circle.index(min(circle))
        found.add(" → ".join([*circle[first:], *circle[:first], circle[first]]))
    return sorted(found)


def in_order(rules: Sequence[Rules]) -> tuple[str, ...]:
    """The names, each behind all that it comes after; by name where nothing else decides. A circle is left out."""
    left = {rule.name: set(rule.after) for rule in rules}
    ordered: list[str] = []
    while True:
        free = sorted(name for name, after in left.items() if not after & left.keys())
        if not free:
            return tuple(ordered)
        for name in free:
            del left[name]
        ordered += free


def dependents(rules: Sequence[Rules], names: Collection[str]) -> set[str]:
    """Everything that comes after one of `names`, directly or through others, without `names` themselves."""
    found = set(names)
    while True:
        more = {rule.name for rule in rules if rule.name not in found and found.intersection(rule.after)}
        if not more:
            return found - set(names)
        found |= more


def to_restart(rules: Sequence[Rules], phases: Mapping[str, Phase], names: Collection[str]) -> set[str]:
    """What goes down and up again with `names`: dependents that run or wait to; what has done its work is not repeated."""
    repeated = RUNNING | {Phase.BACKOFF}
    return {name for name in dependents(rules, names) if phases[name] in repeated}


def startable(rules: Sequence[Rules], phases: Mapping[str, Phase]) -> list[str]:
    """Those that wait and whose every predecessor is ready or done (or, where it is only `behind` it, will not be)."""
    return [
        rule.name
        for rule in rules
        if phases[rule.name] is Phase.WAITING
        and all(phases.get(name) in SATISFIED for name in rule.after)
        and all(phases.get(name) not in _UNDER_WAY for name in rule.behind)
    ]


def hopeless(rules: Sequence[Rules], phases: Mapping[str, Phase]) -> list[tuple[str, str]]:
    """(name, predecessor) of those that wait for one that has failed for good, is disabled or has gone."""
    return [
        (rule.name, name)
        for rule in rules
        if phases[rule.name] is Phase.WAITING
        for name in rule.after
        if phases.get(name) in _NEVER_READY
    ]


def stoppable(
    after: Mapping[str, tuple[str, ...]], phases: Mapping[str, Phase], going_down: Collection[str]
) -> list[str]:
    """Those of `going_down` that run, are not being stopped yet, and that nothing that runs comes after.

    after: what each came after when it was last started. Should that be a circle, as reloads may leave one, all are.
    """
    needed: set[str] = set()
    queue = [before for name, befores in after.items() if phases[name] in RUNNING for before in befores]
    while queue:  # also through those that do not run: a oneshot may stand between two services
        name = queue.pop()
        if name not in needed:
            needed.add(name)
            queue += after.get(name, ())
    left = [name for name in going_down if phases[name] in (Phase.STARTING, Phase.READY)]
    free = [name for name in left if name not in needed]
    stuck = left and not free and Phase.STOPPING not in phases.values() and not _others_run(phases, going_down)
    return left if stuck else free


def _others_run(phases: Mapping[str, Phase], names: Collection[str]) -> bool:
    return any(phase in RUNNING for name, phase in phases.items() if name not in names)


def stop_share_ms(after: Mapping[str, tuple[str, ...]], phases: Mapping[str, Phase], name: str, left_ms: int) -> int:
    """How much of `left_ms` the stop of `name` may use: the longest chain of running services below it gets the rest."""
    lengths: dict[str, int] = {}
    for one in in_order([Rules(known, befores) for known, befores in after.items()]):
        lengths[one] = max((lengths.get(before, 0) for before in after[one]), default=0) + (phases[one] in RUNNING)
    return left_ms // max(lengths.get(name, 1), 1)


class Again(Value):
    """Start it again after `delay_ms`."""

    __slots__ = ("delay_ms", "history")

    def __init__(self, delay_ms: int, history: RestartHistory) -> None:
        self.delay_ms = delay_ms
        self.history = history


class Over(Value):
    """It has ended and stays down. succeeded: as it was meant to."""

    __slots__ = ("succeeded", "why")

    def __init__(self, succeeded: bool, why: str = "") -> None:
        self.succeeded = succeeded
        self.why = why


Verdict = Again | Over


def judge_end(
    rules: Rules,
    succeeded: bool,
    history: RestartHistory,
    policy: RestartPolicy,
    now_ms: int,
    ready_for_ms: int,
    spread: float,
) -> Verdict:
    """What the unasked end of a service process leads to.

    succeeded: it ended by itself with one of its success codes. ready_for_ms: how long it had been ready.
    """
    if rules.oneshot and succeeded:
        return Over(succeeded=True)
    if rules.restart == "never" or (rules.restart == "on-failure" and succeeded):
        return Over(succeeded)
    verdict = judge_failure(history, policy, now_ms, ready_for_ms, spread)
    if verdict.delay_ms is None:
        count = len(verdict.history.failures_ms)
        times = f"{count} times" if count > 1 else "once"
        return Over(
            succeeded=False,
            why=f"gave up: it ended {times} in {policy.window_ms / 1000:g} s (restart limit {policy.limit})",
        )
    return Again(verdict.delay_ms, verdict.history)


NOT_THERE = {127: "not found", 126: "not executable"}
"""The exit codes by which a shell says that the program is none."""
PROVEN_MS = 1_000
"""Having run this long, a service that says nothing of its readiness was a program all the same."""


class Proof(Value):
    """What shows that the program of a service is there.

    lived: an earlier life in this boot had a program. ready_for_ms: how long this one was ready, None: it never was.
    tells: whether readiness is looked at, and is not that it runs.
    """

    __slots__ = ("lived", "ready_for_ms", "tells")

    def __init__(self, lived: bool, ready_for_ms: int | None, tells: bool) -> None:
        self.lived = lived
        self.ready_for_ms = ready_for_ms
        self.tells = tells


def missing_program(code: int | None, proof: Proof) -> str:
    """Why starting it again cannot help: its run file says that a program is not there, and it never was; else ""."""
    if code not in NOT_THERE or proof.lived:
        return ""
    if proof.ready_for_ms is not None and (proof.tells or proof.ready_for_ms >= PROVEN_MS):
        return ""
    return f"gave up at once: a program is {NOT_THERE[code]}, and it has not run in this boot"
