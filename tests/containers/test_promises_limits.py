"""Promises where a container may do less than usual: no processes, no disk, no rights, no network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.paths import REPO
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.containers.conftest import Boxes
    from tests.support.engine import Box

CONFINED: dict[str, dict[str, Any]] = {
    "read-only": {"read_only": True},
    "user": {"user": "12345"},
    "no-capabilities": {"cap_drop": ["ALL"]},
    "no-new-privileges": {"security_opt": ["no-new-privileges"]},
    "init": {"init": True},
    "no-network": {"network_mode": "none"},
    "all-of-them": {
        "read_only": True,
        "user": "12345",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "init": True,
        "network_mode": "none",
    },
}
PIDS = 24


def processes(box: Box) -> int:
    """How many processes and threads the engine counts in it."""
    counted = box.raw.stats(stream=False, one_shot=True)["pids_stats"]
    return int(counted.get("current", 0))


@pytest.mark.rule("D-container-confined")
@pytest.mark.parametrize("options", CONFINED.values(), ids=CONFINED)
def test_it_is_up_heals_and_stops_with_0(probe: str, container: Boxes, options: dict[str, Any]) -> None:
    box = container(probe, **options)
    box.wait_state("UP")
    assert box.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
    until(lambda: box.exec("ww healthcheck").exit_code == 0, "healthy", 20)
    killed = box.ask()["services"][0]["pid"]
    assert box.exec(["sh", "-c", f"kill -9 {killed}"]).exit_code == 0
    until(lambda: box.states()[-2:] == ["RESTARTING", "UP"], "UP again", 30)
    assert box.stop() == 0


@pytest.mark.rule("D-container-confined")
def test_any_user_of_any_group_runs_on_a_volume_of_his_own(probe: str, container: Boxes, volume: str) -> None:
    there = {volume: {"bind": "/data", "mode": "rw"}}
    # The engine gives an empty volume the owner that the image's directory has, on every mount.
    give = "touch /data/his && chown -R 12345:12345 /data"
    assert container(probe, volumes=there, entrypoint=["sh", "-c", give]).exit_code() == 0
    box = container(probe, volumes=there, user="12345:12345")
    box.wait_state("UP")
    assert box.stop() == 0
    box.start()
    until(lambda: box.states().count("UP") == 2, "UP again", 60)
    assert box.states().count("FIRSTBOOT") == 1


@pytest.mark.rule("D-container-confined", "D-images-doc")
def test_the_line_of_the_page_gives_an_existing_volume_to_another_user(
    probe: str, container: Boxes, volume: str
) -> None:
    (line,) = [line for line in (REPO / "docs" / "images.md").read_text().splitlines() if "--entrypoint chown" in line]
    there = {volume: {"bind": "/data", "mode": "rw"}}
    first = container(probe, volumes=there)
    first.wait_state("UP")
    assert first.stop() == 0
    refused = container(probe, volumes=there, user="12345:12345")
    until(lambda: not refused.running() or refused.state() == "UP", "an end, or UP", 60)
    assert "FIRSTBOOT" not in refused.states() or "/data cannot be written" in refused.logs()
    refused.raw.remove(force=True)
    words = line.partition(" IMAGE ")[2].removesuffix(" /backup").split()
    assert container(probe, volumes=there, entrypoint="chown", command=words).exit_code() == 0
    box = container(probe, volumes=there, user="12345:12345")
    box.wait_state("UP")
    assert box.states() == ["BOOT", "UPGRADING", "WARMUP", "UP"]
    assert box.stop() == 0


@pytest.mark.rule("D-container-confined", "D-service-stop")
def test_a_service_that_may_not_be_signalled_goes_with_the_container(probe: str, container: Boxes) -> None:
    """Root without CAP_KILL may start a service of another user, and never signal it."""
    web = {"user": "65534", "stop": {"to": "process", "timeout_s": 1}}
    cfg = {"ww": {"services": {"web": web}, "stop": {"budget_s": 4}}}
    box = container(probe, cap_drop=["ALL"], cap_add=["SETUID", "SETGID"], environment={"CFG": json.dumps(cfg)})
    box.wait_state("UP")
    assert box.stop() == 0
    assert "Traceback" not in box.logs()
    assert "the stop budget is spent" in box.logs()


@pytest.mark.rule("D-container-pids")
def test_with_no_process_to_be_had_a_stop_keeps_the_grace(probe: str, container: Boxes) -> None:
    unwatched = {"SERVICE": "fork", "CFG": '{"ww": {"monitor": {"interval_s": 3600}}}'}
    box = container(probe, environment=unwatched, pids_limit=PIDS)
    until(lambda: processes(box) == PIDS, "the limit", 60)
    assert box.stop() == 0
    assert box.states()[-2:] == ["STOPPING", "STOPPED"]


@pytest.mark.rule("D-container-pids")
def test_it_makes_room_when_no_monitor_can_be_started(probe: str, container: Boxes) -> None:
    box = container(probe, environment={"SERVICE": "fork"}, pids_limit=PIDS)
    until(lambda: "RESTARTING" in box.states(), "a monitor that could not be started", 60)
    box.wait_state("UP")
    assert processes(box) < PIDS
    box.raw.reload()
    assert box.raw.attrs["RestartCount"] == 0
    assert box.stop() == 0


@pytest.mark.rule("D-container-full-disk")
def test_a_first_boot_on_a_full_volume_fails_and_says_why(probe: str, container: Boxes) -> None:
    box = container(probe, tmpfs={"/data": "size=4k"})
    assert box.exit_code() in (70, 75)
    assert box.states()[-1] == "ERROR"
    assert "No space left" in box.logs() or "no space left" in box.logs()


@pytest.mark.rule("D-container-full-disk")
def test_on_a_volume_that_becomes_full_it_still_heals_and_stops_with_0(probe: str, container: Boxes) -> None:
    box = container(probe, tmpfs={"/data": "size=2m"})
    box.wait_state("UP")
    assert box.exec(["sh", "-c", "cat /dev/zero >/data/full"]).exit_code == 1
    killed = box.ask()["services"][0]["pid"]
    assert box.exec(["sh", "-c", f"kill -9 {killed}"]).exit_code == 0
    until(lambda: box.states()[-2:] == ["RESTARTING", "UP"], "UP again", 30)
    assert box.exec("ww healthcheck").exit_code == 0
    box.exec("ww restart")
    until(lambda: box.states()[-4:] == ["RESTARTING", "UP"] * 2, "UP once more", 30)
    assert box.stop() == 0
