"""Hypothesis drives the supervisor of services with any events at any time; what must always hold is checked."""

from __future__ import annotations

import pytest
from hypothesis import Phase as Phase_
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.twinservices import TwinInstance, TwinLife, definition
from ww.instance.services.definition import Definition
from ww.lifecycle.policy import RestartPolicy
from ww.lifecycle.services import RUNNING, Phase, in_order

NAMES = ("a", "b", "c", "d", "e")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Definition, ...]:
    """Services of which each may come after any that stand before it; some are oneshots, some optional."""
    found = []
    for number, name in enumerate(NAMES[: draw(st.integers(1, 5))]):
        after = tuple(sorted(draw(st.sets(st.sampled_from(NAMES[:number])))) if number else ())
        oneshot = draw(st.booleans()) and draw(st.booleans())
        restart = "never" if oneshot else draw(st.sampled_from(["always", "on-failure", "never"]))
        found.append(definition(name, after, oneshot=oneshot, restart=restart, essential=draw(st.booleans())))
    return tuple(found)


class Watching(TwinInstance):
    """Checks each start at the moment it happens."""

    def begin(self, definition: Definition, listener: object) -> TwinLife:
        assert not self.supervisor.going_down, f"{definition.name} is started on the way down"
        for name in definition.rules.after:
            phase = self.supervisor.members[name].phase
            assert phase in (Phase.READY, Phase.DONE), f"{definition.name} is started while {name} is {phase}"
        assert all(life.over for life in self.lives if life.definition.name == definition.name), "two of one service"
        return super().begin(definition, listener)  # type: ignore[arg-type]


class Services(RuleBasedStateMachine):
    @initialize(graph=graphs(), limit=st.integers(0, 3))
    def start(self, graph: tuple[Definition, ...], limit: int) -> None:
        self.twin = Watching(RestartPolicy(limit=limit))
        self.graph = graph
        self.twin.supervisor.define(
            [one for name in in_order([d.rules for d in graph]) for one in graph if one.name == name]
        )
        self.twin.supervisor.up()
        self.down_called = 0

    def alive(self) -> list[TwinLife]:
        return [life for life in self.twin.lives if not life.over]

    @precondition(lambda self: self.alive())
    @rule(data=st.data())
    def become_ready(self, data: st.DataObject) -> None:
        life = data.draw(st.sampled_from(self.alive()))
        if not life.asked and not life.definition.rules.oneshot:
            life.become_ready()

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), code=st.sampled_from([0, 0, 1, 7]))
    def die(self, data: st.DataObject, code: int) -> None:
        data.draw(st.sampled_from(self.alive())).die(code)

    @precondition(lambda self: any(not life.asked for life in self.alive()))
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """The process is dead and its group lives on; it ends later."""
        life = data.draw(st.sampled_from([life for life in self.alive() if not life.asked]))
        life.asked.append(-1)
        life.fail(1)
        life.failing = True

    @rule(ms=st.sampled_from([10, 1_000, 70_000, 10**6]))
    def wait(self, ms: int) -> None:
        self.twin.pass_ms(ms)

    @precondition(lambda self: not self.twin.supervisor.going_down)
    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([one.name for one in self.graph]))
        if name in self.twin.supervisor.members:
            self.twin.supervisor.restart([name], "asked")
            self.twin.supervisor.recover()

    @precondition(lambda self: not self.twin.supervisor.going_down)
    @rule(graph=graphs())
    def reload(self, graph: tuple[Definition, ...]) -> None:
        order = in_order([d.rules for d in graph])
        self.graph = graph
        self.twin.supervisor.reload([one for name in order for one in graph if one.name == name], [], "reload")
        self.twin.supervisor.recover()

    @rule(on=st.booleans())
    def maintenance(self, on: bool) -> None:
        self.twin.heals = not on
        if not on and not self.twin.supervisor.going_down:
            self.twin.supervisor.heal()
            self.twin.supervisor.recover()

    @rule()
    def down(self) -> None:
        self.twin.supervisor.down(lambda: 5000, self._is_down)

    @precondition(lambda self: self.twin.supervisor.going_down and not self.alive())
    @rule()
    def up_again(self) -> None:
        self.twin.supervisor.define(
            [one for name in in_order([d.rules for d in self.graph]) for one in self.graph if one.name == name]
        )
        self.twin.supervisor.up()

    def _is_down(self) -> None:
        assert not self.alive(), "it said that all are down"
        self.down_called += 1

    @invariant()
    def nothing_is_stopped_under_what_needs_it(self) -> None:
        if not hasattr(self, "twin"):
            return
        asked = {life.definition.name for life in self.alive() if life.asked and not life.failing}
        for life in self.alive():
            if not life.asked:
                assert not asked.intersection(life.definition.rules.after), life.definition.name

    @invariant()
    def the_books_are_right(self) -> None:
        if not hasattr(self, "twin"):
            return
        for life in self.alive():
            member = self.twin.supervisor.members[life.definition.name]
            assert member.life is life
            assert member.phase in RUNNING
        for member in self.twin.supervisor.members.values():
            assert (member.life is not None) == (member.phase in RUNNING), member.name

    def teardown(self) -> None:
        """From wherever it is, going down ends, and in the reverse order."""
        if not hasattr(self, "twin"):
            return
        before = self.down_called
        self.twin.supervisor.down(lambda: 5000, self._is_down)
        for _ in range(20):
            for life in [life for life in self.alive() if life.asked]:
                life.die(0)
            self.twin.pass_ms(1)
        assert not self.alive()
        assert self.down_called > before
        self.twin.close()


TestServices = pytest.mark.rule("D-service-order", "D-service-restart", "D-reload")(Services.TestCase)
TestServices.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, phases=[Phase_.explicit, Phase_.generate, Phase_.shrink]
)
