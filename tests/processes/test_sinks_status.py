"""`ww status` says of a sink that is away when it is tried again."""

from __future__ import annotations

import re
import socket

import pytest

from tests.support.home import Home
from tests.support.reporters import answering, delivering, report
from tests.support.waiting import until


@pytest.mark.rule("D-delivery-breaker")
def test_while_the_circuit_is_open_the_status_counts_down_to_the_next_try(home: Home) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        away = {"type": "http", "url": url, "retry": {"first_s": 0.05, "max_s": 0.05}}
        delivering(home, hub={**away, "breaker": {"failures": 2, "open_s": 600}}).service("main")
        instance = home.start().wait_state("UP")
        answering(home)
        until(lambda: report(home)["sinks"].get("hub", {}).get("state") == "open", "an open circuit", 20)
        first = report(home)["sinks"]["hub"]
        assert 500 < first["retry_in_s"] <= 600
        until(lambda: report(home)["sinks"]["hub"]["retry_in_s"] < first["retry_in_s"], "less", 20)
        line = next(line for line in home.ww("status").stdout.splitlines() if line.startswith("hub "))
        assert re.search(r" open +\d+ +in \d+ min ", line), line
        assert instance.stop() == 0
