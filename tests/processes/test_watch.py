"""The watch goes on whatever the monitor prints, and through a moment without a monitor."""

from __future__ import annotations

import os

import pytest

from tests.support.home import Home
from tests.support.waiting import until


@pytest.fixture
def watched(home: Home) -> Home:
    return home.all_hooks().settings(monitor={"interval_s": 0.1})


def more_of(home: Home, name: str, count: int = 2) -> None:
    seen = len([call for call in home.calls() if call.startswith(name)])
    until(lambda: len([call for call in home.calls() if call.startswith(name)]) >= seen + count, f"more of {name}")


@pytest.mark.rule("D-hook-harmless", "WW-21")
@pytest.mark.parametrize(
    "printed",
    [
        """echo '{"a":1e999}'""",
        """printf '{"a":%05000d}' 9 | tr 0 9""",
        """echo '{"a":"\\\\ud800"}'""",
        """printf '{"a":%.0s' $(seq 500); printf 1; printf '}%.0s' $(seq 500)""",
        """printf '{"a":%.0s' $(seq 985); printf 1; printf '}%.0s' $(seq 985)""",
        """printf '{"a":"'; head -c 60000 /dev/zero | tr '\\0' '\\001' | sed 's/./\\\\\\\\u0001/g'; echo '"}'""",
        """printf '\\377\\376\\000'""",
    ],
    ids=["infinite", "digits", "surrogate", "deep", "deeper", "flood", "bytes"],
)
def test_whatever_a_healthy_monitor_prints_the_instance_stays_up(watched: Home, printed: str) -> None:
    secret = watched.root / "secret"
    secret.write_text("hush")
    watched.config["password"] = {"$file": str(secret)}
    watched.hook("monitor", printed)
    instance = watched.start().wait_state("UP")
    more_of(watched, "monitor")
    more_of(watched, "pushstats")
    assert "RESTARTING" not in instance.states()
    assert "internal error" not in instance.messages()
    assert instance.stop() == 0


@pytest.mark.rule("D-hook-harmless", "D-spawn-outcomes")
def test_health_too_long_for_an_argument_is_cut_and_said(watched: Home) -> None:
    for name in ("a", "b", "c"):
        watched.hook(
            f"monitor.d/{name}", f"""printf '{{"{name}":"'; head -c 60000 /dev/zero | tr '\\0' x; echo '"}}'"""
        )
    instance = watched.start().wait_message("printed more than 48 KiB of health; the beginning is kept as text")
    more_of(watched, "pushstats")
    assert "Argument list too long" not in instance.messages()
    assert instance.states()[-1] == "UP"
    assert instance.stop() == 0


@pytest.mark.rule("WW-21")
def test_a_monitor_that_is_gone_for_a_moment_is_missed_once_and_run_again_when_it_is_back(watched: Home) -> None:
    instance = watched.start().wait_state("UP")
    more_of(watched, "monitor")
    monitor = watched.root / "ww/usr/monitor"
    os.rename(monitor, f"{monitor}.away")
    instance.wait_message("the hook monitor has gone or is blank")
    os.rename(f"{monitor}.away", monitor)
    more_of(watched, "monitor", 3)
    assert instance.messages().count("the hook monitor has gone") == 1
    assert instance.states()[-1] == "UP"
    assert instance.stop() == 0
