"""Promises about what dies: healed inside, or ended in words so that the engine's own policy takes over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.containers.conftest import Boxes
    from tests.support.engine import Box

AGAIN = ["RESTARTING", "UP"]
IMPATIENT = json.dumps({"ww": {"restart": {"limit": 1, "backoff_s": 0.1}}})
MEMORY = "96m"


def web(box: Box) -> dict[str, object]:
    """What `ww status` says of the service."""
    found: dict[str, object] = box.ask()["services"][0]
    return found


@pytest.mark.rule("D-container-heals")
def test_a_killed_service_comes_back_and_the_engine_never_sees_it(probe: str, container: Boxes) -> None:
    box = container(probe)
    box.wait_state("UP")
    killed = web(box)["pid"]
    assert box.exec(["sh", "-c", f"kill -9 {killed}"]).exit_code == 0
    until(lambda: box.states()[-2:] == AGAIN, "UP again", 30)
    assert web(box)["pid"] != killed
    box.raw.reload()
    assert box.raw.attrs["RestartCount"] == 0
    assert box.stop() == 0


@pytest.mark.rule("WWA-6", "D-container-heals")
def test_a_failed_monitor_restarts_the_services(probe: str, container: Boxes) -> None:
    box = container(probe)
    box.wait_state("UP")
    before = web(box)["pid"]
    assert box.exec("touch /data/sick").exit_code == 0
    until(lambda: box.states()[-2:] == AGAIN, "UP again", 30)
    assert web(box)["pid"] != before
    assert "svcdown" in [line.split()[-1] for line in box.logs().splitlines() if " | ran " in line]


@pytest.mark.rule("D-container-crash-loop")
def test_after_a_crash_loop_the_engine_takes_over_and_leaves_a_clean_stop_alone(probe: str, container: Boxes) -> None:
    box = container(
        probe,
        environment={"CFG": IMPATIENT, "SERVICE": "crash"},
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 3},
    )
    until(lambda: box.states()[-1:] == ["UP"] and "ERROR" in box.states(), "UP by the engine's policy", 60)
    states = box.states()
    second_life = states.index("ERROR") + 1
    assert states[second_life:] == ["BOOT", "UPGRADING", "WARMUP", "UP"]
    assert "exit code 9" in box.logs()
    box.raw.reload()
    assert box.raw.attrs["RestartCount"] == 1
    assert box.stop() == 0
    assert not box.running()


@pytest.mark.rule("D-container-crash-loop")
def test_without_a_policy_it_ends_with_1_and_says_why(probe: str, container: Boxes) -> None:
    box = container(probe, environment={"CFG": IMPATIENT, "SERVICE": "crash"})
    assert box.exit_code() == 1
    assert box.states()[-1] == "ERROR"
    assert "state ERROR (service web ended: exit code 9; gave up: it ended 2 times" in box.logs()


@pytest.mark.rule("D-container-oom")
def test_a_service_that_takes_all_memory_is_reported_as_such_and_comes_back(probe: str, container: Boxes) -> None:
    box = container(probe, environment={"SERVICE": "eat"}, mem_limit=MEMORY, memswap_limit=MEMORY)
    words = "service web ended: killed by SIGKILL, out of memory (oom_kill of the cgroup went from 0 to 1)"
    until(lambda: words in box.logs(), "words of it in the log", 60)
    box.wait_state("UP")
    assert web(box)["state"] == "ready"
    events = box.exec("ww events --json -n all").output.decode()
    assert '"oom"' in events, events
    box.raw.reload()
    assert box.raw.attrs["RestartCount"] == 0
    assert box.stop() == 0
