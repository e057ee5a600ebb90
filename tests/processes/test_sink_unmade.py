"""A sink that cannot be made: the instance goes on, and everything tells of what waits for it."""

from __future__ import annotations

import json

import pytest

from tests.support.home import Home
from tests.support.reporters import SINK, answering, delivering, report
from tests.support.waiting import until

BAD = {
    "type": "http",
    "url": "http://127.0.0.1:1/",
    "bearer": {"$env": "PATH"},
    "basic": {"user": "u", "password": {"$env": "PATH"}},
}


@pytest.mark.rule("D-sink-unmade")
def test_a_sink_that_cannot_be_made_is_unusable_and_what_waits_for_it_is_told(home: Home) -> None:
    delivering(home, out=SINK, bad=BAD).service("main")
    instance = home.start().wait_state("UP")
    answering(home)
    until(lambda: report(home)["sinks"].get("bad", {}).get("depth", 0) >= 5, "its depth", 20)
    stands = report(home)["sinks"]["bad"]
    assert (stands["type"], stands["state"]) == ("http", "unusable")
    assert stands["last_error"].startswith("ww.sinks.bad: ")
    line = next(line for line in home.ww("status").stdout.splitlines() if line.startswith("bad "))
    assert line.split()[2] == "unusable"
    assert int(line.split()[3]) >= 5
    spool = json.loads(home.ww("spool", "--json").stdout)
    waits = {one["name"]: one["undelivered"]["events"] for one in spool["sinks"]}
    assert waits["bad"] >= 5
    assert waits["bad"] == spool["undelivered"]["events"]
    assert instance.stop() == 0
    assert "events are not delivered yet; they are kept for the next start" in instance.messages()


@pytest.mark.rule("D-reporter-reload")
def test_a_reload_says_what_becomes_of_what_is_not_delivered(home: Home) -> None:
    delivering(home, out=SINK, bad=BAD).service("main")
    instance = home.start().wait_state("UP")
    first = answering(home)
    until(lambda: report(home)["sinks"].get("bad", {}).get("depth", 0) >= 5, "its depth", 20)
    delivering(home, out={**SINK, "fsync": False}, bad=BAD).write_config()
    assert home.ww("reload").returncode == 0
    instance.wait_message("events are not delivered yet; they go out once it is started anew")
    assert "kept for the next start" not in instance.messages()
    until(lambda: answering(home) != first, "the next reporter", 20)
    home.config["ww"].pop("sinks")  # type: ignore[attr-defined]
    home.write_config()
    assert home.ww("reload").returncode == 0
    instance.wait_message("the reporter ends: there is nothing to deliver to any more")
    until(lambda: home.status()["reporter"]["pid"] is None, "its end", 20)
    instance.wait_message("they stay in the journal")
    assert instance.stop() == 0
