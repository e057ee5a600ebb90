"""The reporter under configurations and events that nobody would plan: what comes back, what is huge, what is stopped."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.home import Home
from tests.support.reporters import SINK, answering, delivered, delivering, gone, report, states
from tests.support.waiting import until


@pytest.mark.rule("D-reporter-reload")
def test_sinks_that_come_back_as_they_were_have_a_reporter_again(home: Home) -> None:
    delivering(home)
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
