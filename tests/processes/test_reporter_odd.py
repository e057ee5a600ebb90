"""The reporter under configurations and events that nobody would plan: what comes back, what is huge, what is stopped."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.support.home import Home
from tests.support.reporters import (
    SINK,
    answering,
    delivered,
    delivering,
    gone,
    report,
    states,
    unhurried,
    with_another_reporter,
    with_reporter_changed,
)
from tests.support.waiting import until
from ww.events.spool import read_journal


@pytest.mark.rule("D-reporter-reload")
def test_sinks_that_come_back_as_they_were_have_a_reporter_again(home: Home) -> None:
    unhurried(delivering(home))
    instance = home.start().wait_state("UP")
    answering(home)
    for _ in range(2):
        sinks = home.config["ww"].pop("sinks")  # type: ignore[attr-defined]
        home.write_config()
        assert home.ww("reload").returncode == 0
        until(lambda: report(home)["pid"] is None, "none any more")
        home.settings(sinks=sinks)
        home.write_config()
        assert home.ww("reload").returncode == 0
        answering(home)
    assert instance.stop() == 0
    assert states(home)[-1] == "STOPPED"


@pytest.mark.rule("D-reporter-delivers")
def test_secrets_and_labels_too_long_for_one_message_arrive_all_the_same(home: Home) -> None:
    """Plain values that are secret are told to the reporter, as it must not print them; a certificate is a long one."""
    off = {"type": "http", "url": "http://127.0.0.1:9/", "enabled": False, "headers": {"x": '\u20ac"\\' * 30_000}}
    labels = {f"label{number}": "x" * 256 for number in range(64)}
    unhurried(delivering(home, out=SINK, off=off)).settings(labels=labels)
    instance = home.start().wait_state("UP")
    answering(home)
    until(lambda: "UP" in states(home), "what there is")
    assert instance.stop() == 0
    assert states(home)[-1] == "STOPPED"
    assert delivered(home)[0]["data"]["labels"] == labels


@pytest.mark.rule("D-wire-identity")
def test_more_labels_than_an_event_can_carry_are_refused(home: Home) -> None:
    home.settings(labels={f"label{number}": "x" for number in range(65)})
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "ww.labels" in instance.messages()


@pytest.mark.rule("D-reporter-alone")
def test_one_that_was_stopped_does_not_outlive_its_ww_run(home: Home) -> None:
    delivering(home)
    instance = home.start().wait_state("UP")
    pid = answering(home)
    os.kill(pid, signal.SIGSTOP)
    instance.process.kill()
    instance.process.wait()
    until(lambda: gone(pid), "its end", 4)


@pytest.mark.rule("D-spool-cursors", "D-reporter-last")
def test_a_sink_that_does_not_close_costs_no_other_its_cursor(home: Home) -> None:
    """What one sink has taken in the last second is not sent to it again because another one is stuck."""
    slow = {"type": "exec", "command": ["/bin/sh", "-c", f"sleep 0.2; cat >> {home.root}/events.ndjson"]}
    delivering(home, out=slow, stuck={"type": "file", "path": "/stuck.ndjson"}).settings(reporter={"flush_s": 3})
    addition = """
from ww.sinks.file import File
def close(self, deadline):
    if "stuck" in str(vars(self)):
        time.sleep(60)
File.close = close
"""
    instance = home.start(command=with_reporter_changed(home, addition)).wait_state("UP")
    answering(home)
    until(lambda: "UP" in states(home), "what there is")
    assert instance.stop() == 0
    last = delivered(home)[-1]
    assert last["data"]["state"] == "STOPPED"
    cursors = json.loads((home.root / "data/.ww/journal/cursors.json").read_text())["sinks"]
    assert cursors["out"]["seq"] == int(last["id"])


@pytest.mark.rule("D-reporter-apart", "D-reporter-environment")
def test_programs_of_a_sink_can_be_ended_by_the_signals_that_the_reporter_does_not_heed(home: Home) -> None:
    script = f"cat > {home.root}/given; grep SigIgn /proc/self/status > {home.root}/ignored"
    delivering(home, out={"type": "exec", "command": ["/bin/sh", "-c", script]})
    instance = home.start().wait_state("UP")
    pid = answering(home)
    ignored = home.root / "ignored"
    mask = int(until(lambda: ignored.exists() and ignored.read_text().split()[1:], "the program")[0], 16)
    heeded = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
    assert [number for number in heeded if mask & 1 << (number - 1)] == []
    for number in heeded:
        os.kill(pid, number)
    assert home.ww("reload").returncode == 0
    assert answering(home) == pid, "the reporter itself goes on"
    assert instance.stop() == 0


@pytest.mark.rule("D-reporter-last", "D-spool-declared")
def test_nothing_is_journalled_behind_the_last_state(home: Home) -> None:
    program = """
def main():
    line, messages, hello = greet()
    for message in messages:
        if message["t"] == "ping":
            line.send({"t": "pong", "n": message["n"]})
            line.send({"t": "gap", "data": {"reason": "early"}})
        if message["t"] == "flush":
            line.send({"t": "gap", "data": {"reason": "late"}})
            time.sleep(0.1)
            return 0
"""
    instance = delivering(home).start(command=with_another_reporter(home, program)).wait_state("UP")
    answering(home)
    assert instance.stop() == 0
    events = read_journal(str(home.root / "data/.ww/journal"))
    assert "early" in [event.data.get("reason") for event in events]
    assert (events[-1].kind, events[-1].data["state"]) == ("state", "STOPPED")
