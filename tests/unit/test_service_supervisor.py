"""The supervisor on twin lives: who is started, stopped and started again, and what the instance is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.twinservices import TwinInstance, definition
from ww.instance.services.definition import Definition
from ww.lifecycle.policy import RestartPolicy
from ww.lifecycle.services import Phase

CHAIN = (definition("db"), definition("web", ("db",)), definition("edge", ("web",)), definition("other"))


@pytest.fixture
def twin() -> Iterator[TwinInstance]:
    instance = TwinInstance()
    yield instance
    instance.close()


def up(twin: TwinInstance, definitions: tuple[Definition, ...] = CHAIN) -> None:
    """All of them ready."""
    twin.supervisor.define(definitions)
    twin.supervisor.up()
    for one in definitions:
        if one.enabled:
            twin.life(one.name).become_ready()


@pytest.mark.rule("D-service-order")
def test_start_waits_for_readiness_and_runs_in_parallel_where_it_can(twin: TwinInstance) -> None:
    twin.supervisor.define(CHAIN)
    ready: list[bool] = []
    twin.supervisor.up()
    twin.supervisor.wait_ready(lambda: ready.append(True))
    assert twin.running() == ["db", "other"]
    twin.life("db").become_ready()
    twin.life("other").become_ready()
    assert twin.running() == ["db", "other", "web"]
    twin.life("web").become_ready()
    assert not ready
    twin.life("edge").become_ready()
    assert ready


@pytest.mark.rule("D-service-restart")
def test_a_dead_one_comes_back_at_once_with_its_dependents_only(twin: TwinInstance) -> None:
    up(twin)
    web, other = twin.life("web"), twin.life("other")
    db = twin.life("db")
    db.die(3)
    assert twin.told == [("died", "service db ended: exit code 3", 0)]
    assert twin.details[0]["with"] == ["edge", "web"]
    assert twin.life("db") is not db, "the replacement does not wait for its dependents to stop"
    assert twin.life("edge").asked
    assert not web.asked, "edge, which depends on it, still runs"
    twin.life("edge").die(signal=15)
    assert web.asked
    web.die(signal=15)
    assert twin.life("web") is web, "not before db is ready"
    twin.life("db").become_ready()
    assert twin.life("web") is not web
    assert twin.life("other") is other
    assert not other.asked


@pytest.mark.rule("D-service-restart")
def test_nothing_is_started_again_before_the_instance_has_written_its_event(twin: TwinInstance) -> None:
    up(twin)
    twin.recovers = False
    db = twin.life("db")
    db.die()
    assert twin.life("db") is db
    twin.supervisor.recover()
    assert twin.life("db") is not db


@pytest.mark.rule("D-service-restart")
def test_the_second_failure_in_a_row_waits_and_too_many_are_given_up() -> None:
    twin = TwinInstance(RestartPolicy(backoff_ms=1000, limit=2))
    up(twin, (definition("db"),))
    twin.life("db").die()
    second = twin.life("db")
    second.die()
    assert twin.life("db") is second
    twin.pass_ms(999)
    assert twin.life("db") is second
    twin.pass_ms(1)
    assert twin.life("db") is not second
    twin.life("db").die()
    assert [kind for kind, _, _ in twin.told] == ["died", "died", "gave up"]
    assert twin.told[-1][2] == 1
    twin.close()


@pytest.mark.rule("D-service-essential")
def test_the_end_of_one_that_is_not_essential_is_shown_and_the_instance_goes_on(twin: TwinInstance) -> None:
    up(twin, (definition("job", restart="never", essential=False), definition("db")))
    twin.life("job").die(4)
    assert twin.told == []
    assert twin.supervisor.members["job"].phase is Phase.FAILED
    assert any("it stays down" in words for words in twin.voice.said)


@pytest.mark.rule("D-service-essential")
def test_the_good_end_of_an_essential_one_finishes_the_run_and_a_bad_one_fails_it(twin: TwinInstance) -> None:
    up(twin, (definition("job", restart="never"), definition("bad", restart="on-failure")))
    twin.life("job").die(0)
    assert twin.told == [("finished", "service job ended: exit code 0", 0)]


@pytest.mark.rule("D-service-oneshot")
def test_dependents_wait_for_a_oneshot_and_its_failure_is_theirs(twin: TwinInstance) -> None:
    migrate = definition("migrate", oneshot=True, restart="never")
    twin.supervisor.define((migrate, definition("web", ("migrate",))))
    twin.supervisor.up()
    assert twin.running() == ["migrate"]
    twin.life("migrate").die(0)
    assert twin.running() == ["web"]


def test_what_comes_after_a_failed_one_fails_too(twin: TwinInstance) -> None:
    optional = definition("a", restart="never", essential=False, oneshot=True)
    twin.supervisor.define((optional, definition("b", ("a",), essential=False), definition("c", ("b",))))
    twin.supervisor.up()
    twin.life("a").die(1)
    assert twin.supervisor.members["b"].phase is Phase.FAILED
    assert twin.told == [("gave up", "service c cannot be started: b, which it comes after, has failed", 1)]


@pytest.mark.rule("D-service-order", "D-stop-budget")
def test_going_down_is_the_reverse_and_each_gets_its_share(twin: TwinInstance) -> None:
    up(twin)
    down: list[bool] = []
    twin.supervisor.down(lambda: 9000, lambda: down.append(True))
    assert twin.life("edge").asked == [3000]
    assert twin.life("other").asked == [5000], "its own limit is less than what is left"
    assert not twin.life("web").asked
    twin.life("edge").die(signal=15)
    twin.life("web").die(signal=9)
    twin.life("db").die(0)
    assert not down
    twin.life("other").die(0)
    assert down
    assert twin.told == [], "an end that was asked for is no news"


def test_a_death_on_the_way_down_is_no_failure_and_nothing_comes_back(twin: TwinInstance) -> None:
    up(twin)
    twin.life("db").die()
    twin.supervisor.down(lambda: None, lambda: None)
    before = len(twin.lives)
    for life in [life for life in twin.lives if not life.over]:
        life.die()
    twin.pass_ms(100_000)
    assert len(twin.lives) == before


@pytest.mark.rule("D-maintenance")
def test_in_maintenance_the_dead_stay_dead_until_it_is_over(twin: TwinInstance) -> None:
    up(twin)
    twin.heals = False
    other = twin.life("other")
    other.die()
    assert twin.told == []
    assert twin.life("other") is other
    twin.heals = True
    assert twin.supervisor.heal() == ["other"]
    twin.supervisor.recover()
    assert twin.life("other") is not other


@pytest.mark.rule("D-reload")
def test_a_reload_touches_only_what_changed(twin: TwinInstance) -> None:
    up(twin)
    changed = (
        definition("db"),
        definition("web", ("db",), success_codes=(0, 7)),
        definition("edge", ("web",)),
        definition("new"),
    )
    concerned = twin.supervisor.reload(changed, [], "ww reload")
    assert concerned == {"web", "edge", "new", "other"}
    twin.supervisor.recover()
    assert not twin.life("db").asked
    assert twin.life("other").asked, "it is not in the configuration any more"
    assert "new" in twin.running()
    twin.life("edge").die(signal=15)
    twin.life("web").die(signal=15)
    assert twin.life("web").definition.rules.success_codes == (0, 7)
    twin.life("other").die(signal=15)
    assert "other" not in twin.supervisor.members


@pytest.mark.rule("D-reload")
def test_a_reload_that_removes_what_others_came_after_stops_them_in_order(twin: TwinInstance) -> None:
    up(twin, (definition("db"), definition("web", ("db",))))
    twin.supervisor.reload((definition("web"),), [], "ww reload")
    twin.supervisor.recover()
    assert not twin.life("db").asked, "web still runs as it was defined: after db"
    twin.life("web").die(signal=15)
    assert twin.life("db").asked
    assert twin.running() == ["db", "web"]
    twin.life("db").die(signal=15)
    assert list(twin.supervisor.members) == ["web"]


@pytest.mark.rule("D-reload")
def test_a_reload_disables_and_enables(twin: TwinInstance) -> None:
    up(twin, (definition("a"), definition("b", enabled=False)))
    twin.supervisor.reload((definition("a", enabled=False), definition("b")), [], "ww reload")
    twin.supervisor.recover()
    assert twin.life("a").asked
    assert "b" in twin.running()
    twin.life("a").die(0)
    assert twin.supervisor.members["a"].phase is Phase.DISABLED


@pytest.mark.rule("D-service-essential", "D-exit-1")
def test_one_that_is_given_up_failed_whatever_its_last_exit_code_was() -> None:
    twin = TwinInstance(RestartPolicy(limit=1))
    up(twin, (definition("db"),))
    twin.life("db").die(0)
    twin.life("db").die(0)
    assert [(kind, code) for kind, _, code in twin.told] == [("died", 0), ("gave up", 1)]
    twin.close()


@pytest.mark.rule("D-service-essential")
def test_what_the_instance_never_promised_comes_back_without_a_change_of_state(twin: TwinInstance) -> None:
    up(twin, (definition("extra", essential=False), definition("web")))
    first = twin.life("extra")
    first.die(1)
    assert twin.told == []
    assert len(twin.noticed) == 1
    assert twin.life("extra") is not first


@pytest.mark.rule("D-service-essential")
def test_nobody_waits_for_a_crash_loop_of_what_is_not_essential() -> None:
    twin = TwinInstance(RestartPolicy(backoff_ms=60_000))
    twin.supervisor.define((definition("extra", essential=False), definition("behind", ("extra",), essential=False)))
    twin.supervisor.up()
    ready: list[bool] = []
    twin.supervisor.wait_ready(lambda: ready.append(True))
    twin.life("extra").die(1)
    assert not ready
    twin.life("extra").die(1)
    assert ready
    twin.close()


@pytest.mark.rule("D-service-reason")
def test_the_end_of_one_that_was_about_to_be_restarted_is_not_lost(twin: TwinInstance) -> None:
    up(twin)
    twin.life("db").die(1)
    twin.life("web").die(signal=11)
    assert any("killed by SIGSEGV" in words for words in twin.noticed)
    last = twin.supervisor.members["web"].last
    assert last is not None
    assert last.name == "signal"


@pytest.mark.rule("D-service-restart")
def test_a_death_while_the_instance_goes_down_takes_nobody_with_it(twin: TwinInstance) -> None:
    up(twin)
    twin.ends = True
    twin.life("db").die(1)
    assert not twin.life("web").asked
    assert twin.told == []
    assert twin.supervisor.members["db"].phase is Phase.STOPPED


@pytest.mark.rule("D-maintenance", "D-reload")
def test_the_end_of_maintenance_starts_nothing_that_was_disabled_meanwhile(twin: TwinInstance) -> None:
    up(twin, (definition("a"), definition("b")))
    twin.heals = False
    twin.life("a").die(1)
    twin.supervisor.reload((definition("a", enabled=False), definition("b")), [], "ww reload")
    twin.supervisor.recover()
    twin.heals = True
    assert twin.supervisor.heal() == []
    assert twin.running() == ["b"]


@pytest.mark.rule("D-maintenance")
def test_a_backoff_that_ends_in_maintenance_starts_nothing(twin: TwinInstance) -> None:
    up(twin, (definition("a"),))
    twin.life("a").die(1)
    twin.life("a").die(1)
    twin.heals = False
    twin.pass_ms(100_000)
    assert twin.running() == []
    twin.heals = True
    assert twin.supervisor.heal() == ["a"]


@pytest.mark.rule("D-reload", "D-service-order")
def test_a_reload_that_turns_an_order_round_ends_and_so_does_the_stop(twin: TwinInstance) -> None:
    up(twin, (definition("a"), definition("b", ("a",))))
    twin.heals = False
    twin.life("a").die(1)
    twin.supervisor.reload((definition("b"), definition("a", ("b",))), [], "ww reload")
    twin.supervisor.recover()
    twin.life("b").die(signal=15)
    twin.life("b").become_ready()
    assert twin.running() == ["a", "b"]
    down: list[bool] = []
    twin.supervisor.down(lambda: 4000, lambda: down.append(True))
    twin.life("a").die(0)
    twin.life("b").die(0)
    assert down


@pytest.mark.rule("D-service-reason")
def test_one_that_is_failing_is_not_ready_before_what_it_left_is_gone(twin: TwinInstance) -> None:
    up(twin, (definition("db"), definition("web", ("db",))))
    life = twin.life("db")
    life.fail(1)
    assert twin.supervisor.members["db"].phase is Phase.STOPPING
    assert [kind for kind, _, _ in twin.told] == ["died"]
    assert twin.life("db") is life, "its replacement waits until the rest of it has gone"
    life.die(1)
    assert twin.life("db") is not life
    assert len(twin.told) == 1, "it was told once"
