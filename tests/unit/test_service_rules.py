"""Order, restarts and shares of time of service processes, as pure decisions."""

from __future__ import annotations

import pytest

from ww.lifecycle.policy import RestartHistory, RestartPolicy
from ww.lifecycle.services import (
    Again,
    Over,
    Phase,
    Proof,
    Rules,
    dependents,
    hopeless,
    in_order,
    judge_end,
    missing_program,
    order_problems,
    startable,
    stop_share_ms,
    stoppable,
    to_restart,
)

DB, CACHE = Rules("db"), Rules("cache")
WEB, EDGE = Rules("web", after=("db", "cache")), Rules("edge", after=("web",))
ALL = [EDGE, WEB, CACHE, DB]
READY = dict.fromkeys(("db", "cache", "web", "edge"), Phase.READY)


def after(rules: list[Rules]) -> dict[str, tuple[str, ...]]:
    return {rule.name: rule.after for rule in rules}


@pytest.mark.rule("D-service-order")
def test_each_stands_behind_what_it_comes_after() -> None:
    assert in_order(ALL) == ("cache", "db", "web", "edge")


@pytest.mark.rule("D-service-refused")
@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([Rules("a", after=("a",))], "a: it cannot start after itself"),
        ([Rules("a", after=("nosuch",))], "there is no service nosuch"),
        (
            [Rules("a", after=("b",)), Rules("b", after=("a",)), DB],
            "services a → b → a: each starts after the next one",
        ),
        (
            [
                Rules("db", after=("web",)),
                Rules("migrate", after=("cache", "db")),
                Rules("web", after=("migrate",)),
                Rules("edge", after=("web",)),
                Rules("cache"),
            ],
            "services db → web → migrate → db: each",
        ),
    ],
)
def test_an_order_that_cannot_be_is_a_problem_in_words(rules: list[Rules], words: str) -> None:
    (problem,) = order_problems(rules)
    assert words in problem


@pytest.mark.rule("D-service-refused")
def test_each_circle_is_named() -> None:
    pairs = (("a", "b"), ("b", "a"), ("x", "y"), ("y", "x"))
    problems = order_problems([Rules(name, after=(before,)) for name, before in pairs])
    assert [problem.partition(":")[0] for problem in problems] == ["services a → b → a", "services x → y → x"]


@pytest.mark.rule("D-service-refused")
def test_coming_after_a_disabled_service_is_a_problem() -> None:
    assert "which is not enabled" in order_problems([Rules("web", after=("db",))], known=["db"])[0]


@pytest.mark.rule("D-service-order")
def test_only_what_has_all_its_predecessors_ready_may_start() -> None:
    phases = {**READY, "cache": Phase.STARTING, "web": Phase.WAITING, "edge": Phase.WAITING}
    assert startable(ALL, phases) == []
    assert startable(ALL, {**phases, "cache": Phase.READY}) == ["web"]
    assert startable(ALL, {**phases, "cache": Phase.DONE}) == ["web"], "a oneshot that is done is as good as ready"


@pytest.mark.rule("D-service-order")
def test_what_others_depend_on_is_stopped_after_them_also_through_a_oneshot() -> None:
    assert stoppable(after(ALL), READY, READY) == ["edge"]
    through = [DB, Rules("migrate", after=("db",), oneshot=True), Rules("web", after=("migrate",))]
    phases = {"db": Phase.READY, "migrate": Phase.DONE, "web": Phase.READY}
    assert stoppable(after(through), phases, phases) == ["web"]
    assert stoppable(after(through), {**phases, "web": Phase.STOPPING}, phases) == []
    assert stoppable(after(through), {**phases, "web": Phase.STOPPED}, phases) == ["db"]


@pytest.mark.rule("D-service-restart")
def test_a_restart_concerns_dependents_that_run_and_repeats_no_oneshot() -> None:
    assert dependents(ALL, {"db"}) == {"web", "edge"}
    assert to_restart(ALL, READY, {"cache"}) == {"web", "edge"}
    assert to_restart(ALL, {**READY, "web": Phase.DONE}, {"db"}) == {"edge"}


def test_nobody_waits_for_what_comes_after_a_failed_one() -> None:
    phases = {**READY, "db": Phase.FAILED, "web": Phase.WAITING}
    assert hopeless(ALL, phases) == [("web", "db")]


@pytest.mark.rule("D-stop-budget")
def test_each_link_of_a_chain_gets_its_share_of_a_stop() -> None:
    assert stop_share_ms(after(ALL), READY, "edge", 9000) == 3000
    assert stop_share_ms(after(ALL), {**READY, "edge": Phase.STOPPED}, "web", 6000) == 3000
    assert stop_share_ms(after(ALL), {**READY, "edge": Phase.STOPPED, "web": Phase.STOPPED}, "db", 3000) == 3000


def judged(rules: Rules, succeeded: bool, history: RestartHistory | None = None, **policy: int) -> Again | Over:
    return judge_end(
        rules, succeeded, history or RestartHistory(), RestartPolicy(**policy), now_ms=1000, ready_for_ms=0, spread=0
    )


@pytest.mark.rule("D-service-restart")
@pytest.mark.parametrize(
    ("restart", "succeeded", "again"),
    [
        ("always", True, True),
        ("always", False, True),
        ("on-failure", True, False),
        ("on-failure", False, True),
        ("never", True, False),
        ("never", False, False),
    ],
)
def test_the_restart_policy_says_what_is_started_again(restart: str, succeeded: bool, again: bool) -> None:
    verdict = judged(Rules("a", restart=restart), succeeded)
    assert isinstance(verdict, Again) == again
    if isinstance(verdict, Over):
        assert verdict.succeeded == succeeded
    else:
        assert verdict.delay_ms == 0, "the first time at once"


@pytest.mark.rule("D-service-oneshot")
def test_a_oneshot_that_succeeded_is_done_whatever_its_policy() -> None:
    assert judged(Rules("a", oneshot=True, restart="always"), succeeded=True) == Over(succeeded=True)


@pytest.mark.rule("D-service-restart")
def test_restarts_back_off_and_are_given_up() -> None:
    history = RestartHistory()
    delays = []
    while True:
        verdict = judged(Rules("a"), succeeded=False, history=history, limit=4, backoff_ms=100)
        if isinstance(verdict, Over):
            break
        delays.append(verdict.delay_ms)
        history = verdict.history
    assert delays == [0, 100, 200, 400]
    assert not verdict.succeeded
    assert "gave up" in verdict.why
    assert "limit 4" in verdict.why


@pytest.mark.rule("D-service-no-program")
@pytest.mark.parametrize(
    ("code", "lived", "ready_for_ms", "tells", "why"),
    [
        (127, False, None, True, "not found"),
        (126, False, None, True, "not executable"),
        (127, False, 3, False, "not found"),
        (127, False, 3, True, ""),
        (127, False, 1000, False, ""),
        (127, True, None, True, ""),
        (125, False, None, True, ""),
        (None, False, None, True, ""),
    ],
)
def test_a_program_that_was_never_there_is_told_by_the_exit_code(
    code: int | None, lived: bool, ready_for_ms: int | None, tells: bool, why: str
) -> None:
    said = missing_program(code, Proof(lived, ready_for_ms, tells))
    assert bool(said) == bool(why)
    assert why in said
