"""Promises about stopping and signals: from every state, through hooks that hang, inside the engine's grace."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.containers.conftest import Boxes
    from tests.support.engine import Box

HELD = ("BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "RESTARTING", "STOPPING", "STOPPED")
GRACE_S = 10
"""What `docker stop` gives before it kills; then the exit code is 137."""


def brought_to(box: Box, state: str) -> None:
    """Until a hook hangs in that state."""
    if state in ("RESTARTING", "STOPPING", "STOPPED"):
        box.wait_state("UP")
        box.kill("HUP" if state == "RESTARTING" else "TERM")
    if not until(lambda: f"held in {state}" in box.logs() or not box.running(), f"held in {state}", 60):
        return
    assert box.running(), box.logs()


def stopped(box: Box) -> tuple[int, str]:
    """What `docker stop` makes of it: the exit code and the last state."""
    code = box.stop(GRACE_S)
    return code, box.states()[-1]


@pytest.mark.rule("D-container-stop")
def test_docker_stop_ends_every_state_with_0_within_the_grace_through_deaf_hooks(probe: str, container: Boxes) -> None:
    boxes = {state: container(probe, environment={"HOLD": state}) for state in HELD}
    with ThreadPoolExecutor(len(boxes)) as all_at_once:
        list(all_at_once.map(brought_to, boxes.values(), boxes))
        ends = dict(zip(boxes, all_at_once.map(stopped, boxes.values()), strict=True))
    assert ends == dict.fromkeys(HELD, (0, "STOPPED")), {state: boxes[state].logs() for state in HELD}


@pytest.mark.rule("D-container-stop")
def test_docker_stop_ends_one_that_waits_for_another_owner_of_its_data(
    probe: str, container: Boxes, volume: str
) -> None:
    there = {volume: {"bind": "/data", "mode": "rw"}}
    container(probe, volumes=there).wait_state("UP")
    waiting = container(probe, volumes=there)
    until(lambda: "the data is in use by" in waiting.logs() or not waiting.running(), "the wait for the lock", 30)
    assert waiting.running(), waiting.logs()
    assert waiting.stop(GRACE_S) == 0


@pytest.mark.rule("D-container-stop")
def test_one_that_failed_ends_by_itself_with_its_own_code(probe: str, container: Boxes) -> None:
    box = container(probe, environment={"CFG": '{"ww": {"hooks": {"boot": {"timeout_s": 0.2}}}}', "HOLD": "BOOT"})
    assert box.exit_code() == 70
    assert box.states() == ["BOOT", "ERROR"]


@pytest.mark.rule("D-container-signal")
def test_docker_kill_hup_restarts_the_services_and_the_container_goes_on(probe: str, container: Boxes) -> None:
    box = container(probe)
    box.wait_state("UP")
    before = box.ask()["services"][0]["pid"]
    box.kill("HUP")
    until(lambda: box.states()[-2:] == ["RESTARTING", "UP"], "UP again", 30)
    assert box.ask()["services"][0]["pid"] != before
    assert box.running()
    assert box.raw.attrs["RestartCount"] == 0
    assert box.stop(GRACE_S) == 0


@pytest.mark.rule("D-container-signal")
def test_docker_kill_term_is_a_stop_and_kill_is_mended_by_the_next_start(probe: str, container: Boxes) -> None:
    box = container(probe)
    box.wait_state("UP")
    box.kill("KILL")
    assert box.exit_code() == 137
    box.start()
    box.wait_state("UP")
    assert json.loads(box.exec("ww events --json -n 1 --kind state").output.splitlines()[-1])
    box.kill("TERM")
    assert box.exit_code() == 0
    assert box.states()[-2:] == ["STOPPING", "STOPPED"]
