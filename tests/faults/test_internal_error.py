"""A bug of ww itself: recorded, said, and an orderly stop with exit code 70 (runtime.md 8)."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

from tests.support.home import Home
from tests.support.mutant import mutant
from tests.support.reporters import gone
from tests.support.waiting import until
from ww.events.spool import read_journal


def start_mutant(home: Home, place: pathlib.Path):
    return home.start(
        command=[sys.executable, "-IS", str(place / "ww/launch.py"), "run"], env={"PATH": os.environ["PATH"]}
    )


@pytest.mark.rule("D-bug-orderly")
def test_an_unexpected_exception_stops_the_instance_in_order(home: Home, tmp_path: pathlib.Path) -> None:
    old = '"uptime_s": self._crew.uptime_s(),'
    place = mutant(tmp_path / "m", "instance/perform.py", old, '"uptime_s": 1 // 0,')
    home.all_hooks()
    instance = start_mutant(home, place)
    assert instance.wait() == 70
    assert instance.states()[-3:] == ["UP", "STOPPING", "STOPPED"]
    assert "internal error: ZeroDivisionError" in instance.messages()
    assert home.calls()[-2:] == ["svcdown", "lifecycle STOPPED"]
    events = read_journal(str(home.root / "data/.ww/journal"))
    (bug,) = [event for event in events if event.kind == "internal_error"]
    assert "uptime_s" in "\n".join(bug.data["trace"])
    assert home.exit_record()["exit_code"] == 70


@pytest.mark.rule("D-bug-orderly", "D-stop-budget")
def test_a_bug_on_the_way_down_still_ends_inside_the_budget(home: Home, tmp_path: pathlib.Path) -> None:
    """The action that failed so is given up, the plan goes on, what svcup left is killed, and the code is not 0."""
    old = "return self.strays.sweep_all(budget.for_sweep(self._now()), done).start()"
    place = mutant(tmp_path / "m", "instance/perform.py", old, "raise RuntimeError('stuck')")
    home.all_hooks().settings(stop={"budget_s": 1})
    home.hook("svcup", f"setsid sleep 300 & echo $! > {home.root}/pid")
    instance = start_mutant(home, place).wait_state("UP")
    instance.signal()
    assert instance.wait(5) == 70
    assert instance.states()[-1] == "STOPPED"
    pid = int((home.root / "pid").read_text())
    until(lambda: gone(pid), "its end")
