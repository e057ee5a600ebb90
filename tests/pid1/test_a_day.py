"""A day of monitors, deaths, restarts, reloads and clients, in less than a minute: nothing of it grows."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support.home import Home
from tests.support.paths import PACKAGE, REPO

JOURNAL_BYTES = 1 << 20
LOG_BYTES = 2 << 20


@pytest.mark.rule("D-pid1-day", "D-journal-bounded")
@pytest.mark.timeout(240)
def test_after_a_day_nothing_has_grown(home: Home, record_property: pytest.RecordProperty) -> None:
    home.config = {"ww": {"log": {"format": "json"}}}
    home.settings(journal={"max_bytes": JOURNAL_BYTES}, restart={"limit": 1000})
    padding = "x" * 400
    home.hook(
        "monitor",
        f"[ -e {home.root}/unhealthy ] && {{ rm {home.root}/unhealthy; exit 1; }}\n"
        f'echo \'{{"mem": 128, "padding": "{padding}"}}\'',
        note=False,
    )
    home.hook("reload", note=False)
    home.service("main", "echo hello; exec sleep 100000").service("second", "exec sleep 100000", after=["main"])
    home.write_config()
    program = (
        f"import sys; sys.path[:0] = {[str(PACKAGE.parent), str(REPO)]!r}; from tests.support.aday import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(home.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=230,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stderr.splitlines()[-1])
    early, late = told["early"], told["late"]
    assert told["hours"] >= 24
    assert told["kills"] >= 280
    assert told["restarts"] >= told["kills"] + 48 + 12 + 12
    assert told["answers"] >= 2_880 + 960
    assert told["bugs"] == 0
    grown = {name: late["objects"].get(name, 0) - early["objects"].get(name, 0) for name in late["objects"]}
    record_property("a day: objects that are more by the end", {k: v for k, v in grown.items() if v > 0})
    record_property(
        "a day: blocks and KiB, early and late", [(one["blocks"], one["private_kib"]) for one in (early, late)]
    )
    assert {name: more for name, more in grown.items() if more > 20} == {}
    assert late["blocks"] <= early["blocks"] + 300
    assert late["private_kib"] <= early["private_kib"] + 256
    assert (late["fds"], late["watched"], late["children"]) == (early["fds"], early["watched"], early["children"])
    assert late["timers"] <= early["timers"] + 64, "cancelled ones are swept"
    assert late["journal_bytes"] <= 2 * JOURNAL_BYTES
    assert late["log_bytes"] <= LOG_BYTES
