"""A stop with a reporter: the last event is delivered, and nothing that a reporter does changes its code or its end."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from tests.support.firstprocess import First
from tests.support.home import Home, Instance
from tests.support.reporters import SINK, answering, delivering, gone, report, states, with_another_reporter
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until

LEAVING_S = 0.6
"""What the rest of a stop may take on a machine with other things to do."""


def stopped(instance: Instance) -> Stopwatch:
    """TERM; how long the end took, which has to be a good one."""
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert instance.states()[-2:] == ["STOPPING", "STOPPED"]
    return stop


ANSWERS = """
def main():
    line, messages, hello = greet()
    for message in messages:
        if message["t"] == "ping":
            line.send({"t": "pong", "n": message["n"]})
    time.sleep(300)
"""
"""It answers every ping and never ends."""


@pytest.mark.rule("D-reporter-last", "D-stop-budget")
def test_one_that_has_nothing_left_takes_no_time(home: Home) -> None:
    delivering(home).service("main")
    instance = home.start().wait_state("UP")
    answering(home)
    assert stopped(instance).seconds < 1.5
    assert states(home)[-1] == "STOPPED"


@pytest.mark.rule("D-reporter-last", "D-stop-budget")
def test_a_frozen_one_holds_nothing_up(home: Home) -> None:
    delivering(home).service("main").settings(monitor={"interval_s": 30})
    instance = home.start().wait_state("UP")
    pid = answering(home)
    until(lambda: states(home)[-1:] == ["UP"], "what there is so far")
    os.kill(pid, signal.SIGSTOP)
    assert stopped(instance).seconds < 0.3 + LEAVING_S
    until(lambda: gone(pid), "its end")
    assert states(home)[-1] == "UP"
    again = home.start().wait_state("UP")
    until(lambda: "STOPPED" in states(home), "what the last boot could not deliver")
    assert stopped(again).seconds < 2


@pytest.mark.rule("D-reporter-last", "D-stop-budget")
def test_one_that_does_not_end_is_ended_when_its_second_is_over(home: Home) -> None:
    delivering(home).service("main")
    instance = home.start(command=with_another_reporter(home, ANSWERS)).wait_state("UP")
    pid = answering(home)
    stop = stopped(instance)
    assert stop.elapsed_s > 0.9
    assert stop.seconds < 1 + LEAVING_S
    until(lambda: gone(pid), "its end")


@pytest.mark.rule("D-reporter-last", "D-stop-budget")
def test_its_last_second_is_part_of_the_budget(home: Home) -> None:
    delivering(home).hook("svcdown", "sleep 300")
    home.settings(stop={"budget_s": 2})
    instance = home.start(command=with_another_reporter(home, ANSWERS)).wait_state("UP")
    answering(home)
    assert stopped(instance).seconds < 2 + LEAVING_S


@pytest.mark.rule("D-reporter-last", "D-stop-second")
def test_a_second_term_waits_for_no_reporter(home: Home) -> None:
    delivering(home).service("main").settings(stop={"budget_s": 60}, reporter={"flush_s": 50})
    instance = home.start(command=with_another_reporter(home, ANSWERS)).wait_state("UP")
    answering(home)
    instance.signal()
    instance.wait_state("STOPPED")
    with Stopwatch() as stop:
        instance.signal()
        assert instance.wait() == 0
    assert stop.seconds < 1


@pytest.mark.rule("D-reporter-last")
def test_as_the_first_process_of_a_container_it_is_the_same(home: Home) -> None:
    """`docker stop`: the code is 0, the last event delivered, and a frozen reporter costs a third of a second."""
    delivering(home).service("main")
    first = First(home).up()
    answering(home)
    with Stopwatch() as stop:
        assert first.stop() == 0
    assert stop.seconds < 2
    assert states(home)[-1] == "STOPPED"
    second = First(home).up()
    pid = second.outside(answering(home))
    os.kill(pid, signal.SIGSTOP)
    with Stopwatch() as stop:
        assert second.stop() == 0
    assert stop.seconds < 0.3 + LEAVING_S + 0.5
    until(lambda: gone(pid), "its end")


@pytest.mark.rule("D-reporter-harmless")
def test_a_group_signal_on_a_terminal_does_not_reach_its_end(home: Home) -> None:
    delivering(home).service("main")
    instance = home.start().wait_state("UP")
    pid = answering(home)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    assert stopped(instance).seconds < 2
    assert states(home)[-1] == "STOPPED"
    assert report_lines(instance) == []


def report_lines(instance: Instance) -> list[object]:
    return [line["message"] for line in instance.lines() if "the reporter (pid" in str(line.get("message"))]


@pytest.mark.rule("D-reporter-required")
def test_a_start_waits_for_a_required_sink_and_for_no_other(home: Home) -> None:
    home.hook("boot")
    (home.root / "there").touch()
    delivering(home, need={"type": "file", "path": "/there/out", "required": True}, other=SINK)
    instance = home.start().wait_message("waiting until required sinks are reached: need")
    until(lambda: "BOOT" in states(home), "the other sink")
    assert home.calls() == []
    assert report(home)["pid"]
    (home.root / "there").unlink()
    instance.wait_state("UP")
    assert home.calls() == ["boot"]
    assert stopped(instance).seconds < 2
    assert states(home, "/there/out")[-1] == "STOPPED"


@pytest.mark.rule("D-reporter-required", "D-exit-75")
def test_a_required_sink_that_is_not_reached_ends_the_start_with_75(home: Home) -> None:
    home.hook("boot")
    (home.root / "there").touch()
    delivering(home, need={"type": "file", "path": "/there/out", "required": True}, other=SINK)
    home.settings(reporter={"required_timeout_s": 2})
    instance = home.run_to_end()
    assert instance.process.returncode == 75
    assert "not reached within 2 s: ww.sinks.need: " in instance.messages()
    assert home.calls() == []
    assert states(home) == ["BOOT", "ERROR"]
    assert home.exit_record()["exit_code"] == 75


@pytest.mark.rule("D-reporter-required", "D-stop-any-instant")
def test_a_stop_is_heard_while_a_required_sink_is_waited_for(home: Home) -> None:
    (home.root / "there").touch()
    delivering(home, need={"type": "file", "path": "/there/out", "required": True})
    instance = home.start().wait_message("waiting until required sinks are reached")
    assert stopped(instance).seconds < 2.5


@pytest.mark.rule("D-reporter-last", "D-stop-budget", "D-reporter-harmless")
@pytest.mark.parametrize("how", ["refuses", "swallows"])
def test_a_dead_receiver_costs_a_stop_no_more_than_the_last_second(home: Home, how: str) -> None:
    """One that refuses connections, and one that takes them and never answers; the sink beside it gets everything."""
    with socket.socket() as receiver:
        receiver.bind(("127.0.0.1", 0))
        if how == "swallows":
            receiver.listen(50)
        port = receiver.getsockname()[1]
        delivering(home, out=SINK, dead={"type": "http", "url": f"http://127.0.0.1:{port}/events", "timeout_s": 30})
        home.service("main")
        instance = home.start().wait_state("UP")
        answering(home)
        until(lambda: states(home)[-1:] == ["UP"], "the living sink")
        assert stopped(instance).seconds < 1 + LEAVING_S + 0.4
        assert states(home)[-1] == "STOPPED"
        instance.wait_message("events are not delivered yet; they are kept for the next start")
