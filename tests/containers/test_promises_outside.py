"""Promises to who looks from outside: docker exec, docker logs, and the engine's idea of health."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.containers.conftest import Boxes
    from tests.support.engine import Box

SECOND_NS = 1_000_000_000
OFTEN = {"interval": SECOND_NS // 2, "timeout": 6 * SECOND_NS, "retries": 2}
"""The image's own check and start period; only asked more often, so that a test need not wait for minutes."""
TIMES = 20
COST_S = 0.1
ASKED = 6


def checks(box: Box) -> list[dict[str, Any]]:
    """The checks that the engine remembers, at most five."""
    box.raw.reload()
    found: list[dict[str, Any]] = box.raw.attrs["State"]["Health"]["Log"]
    return found


def asked(box: Box, times: int) -> set[str]:
    """The health after each of so many checks."""
    seen: set[str] = set()
    starts: set[str] = set()
    while len(starts) < times:
        newest = until(lambda: [one for one in checks(box) if one["Start"] not in starts], "another check", 30)
        starts.update(one["Start"] for one in newest)
        seen.add(box.health())
    return seen


@pytest.mark.rule("D-container-exec")
def test_docker_exec_status_wait_logs_and_restart(probe: str, container: Boxes) -> None:
    box = container(probe)
    waited = box.exec("ww wait UP --timeout 60")
    assert waited.exit_code == 0, waited.output
    told = box.exec("ww status")
    assert told.exit_code == 0
    assert "UP" in told.output.decode().splitlines()[0]
    assert "web" in told.output.decode()
    log = box.exec("ww logs boot -n all --json")
    assert [json.loads(line)["message"] for line in log.output.splitlines()] == ["ran boot "]
    before = box.ask()["services"][0]["pid"]
    again = box.exec("ww restart web")
    assert again.exit_code == 0, again.output
    until(lambda: box.state() == "UP", "UP", 20)
    middle = box.ask()["services"][0]["pid"]
    assert middle != before
    assert box.exec("ww restart").exit_code == 0
    assert box.ask()["services"][0]["pid"] != middle
    assert box.states()[-2:] == ["RESTARTING", "UP"]


@pytest.mark.rule("D-container-exec")
def test_docker_exec_wait_says_at_once_that_the_state_cannot_be_reached(probe: str, container: Boxes) -> None:
    box = container(probe, environment={"HOLD": "STOPPING"})
    box.wait_state("UP")
    box.kill("TERM")
    until(lambda: "held in STOPPING" in box.logs(), "STOPPING", 20)
    assert box.exec("ww wait UP --timeout 60").exit_code == 1
    assert box.exit_code() == 0


@pytest.mark.rule("D-container-health", "D-container-start-period")
def test_the_engines_health_follows_the_state(probe: str, container: Boxes, volume: str) -> None:
    box = container(probe, healthcheck=OFTEN, environment={"HOLD": "RESTARTING"})
    box.wait_state("UP")
    until(lambda: box.health() == "healthy", "healthy", 20)
    box.kill("HUP")
    until(lambda: box.health() == "unhealthy", "unhealthy while it restarts", 30)
    assert "RESTARTING" in checks(box)[-1]["Output"]
    assert box.running()
    assert box.stop() == 0


@pytest.mark.rule("D-container-health")
def test_the_engine_sees_it_healthy_again(probe: str, container: Boxes) -> None:
    box = container(probe, healthcheck=OFTEN)
    until(lambda: box.health() == "healthy", "healthy", 60)
    stopped = box.ask()["services"][0]["pid"]
    assert box.exec("ww maintenance on").exit_code == 0
    assert box.exec("touch /data/sick-for-good").exit_code == 0
    until(lambda: box.health() == "unhealthy", "unhealthy while the monitor fails", 30)
    assert box.exec("rm /data/sick-for-good").exit_code == 0
    until(lambda: box.health() == "healthy", "healthy again", 30)
    assert box.exec("ww maintenance off").exit_code == 0
    assert box.ask()["services"][0]["pid"] == stopped


@pytest.mark.rule("D-container-start-period")
@pytest.mark.parametrize("where", ["FIRSTBOOT", "UPGRADING"])
def test_what_takes_long_is_starting_and_never_unhealthy(probe: str, container: Boxes, where: str) -> None:
    box = container(probe, healthcheck=OFTEN, environment={"HOLD": where})
    until(lambda: f"held in {where}" in box.logs(), f"held in {where}", 60)
    assert asked(box, ASKED) == {"starting"}
    assert where in checks(box)[-1]["Output"]
    assert box.stop() == 0


@pytest.mark.rule("D-container-log")
def test_docker_logs_has_every_line_in_order_up_to_the_last_word(probe: str, container: Boxes) -> None:
    box = container(probe, environment={"SERVICE": "talk"})
    until(lambda: "line 20000" in box.logs(), "the last line", 60)
    box.wait_state("UP")
    assert box.stop() == 0
    said = [line.split(" web | ", 1)[1] for line in box.logs().splitlines() if " web | " in line]
    assert said[0] == "web begins"
    assert said[1:] == [f"line {n}" for n in range(1, 20001)] + [f"farewell {n}" for n in range(1, 2001)]
    stamps = [line.split(" ", 1)[0] for line in box.logs().splitlines()]
    assert stamps == sorted(stamps)
    assert re.search(r" ww \| state STOPPED", box.logs().splitlines()[-2] + box.logs().splitlines()[-1])


@pytest.mark.rule("D-container-health-cost")
def test_a_health_check_costs_next_to_nothing(
    probe: str, container: Boxes, record_property: pytest.FixtureRequest
) -> None:
    box = container(probe)
    box.wait_state("UP")
    until(lambda: box.exec("ww healthcheck").exit_code == 0, "healthy", 20)
    script = f"for i in $(seq {TIMES}); do ww healthcheck >/dev/null || exit 1; done; times"
    done = box.exec(["sh", "-c", script])
    assert done.exit_code == 0, done.output
    minutes = re.findall(r"(\d+)m([\d.]+)s", done.output.decode().splitlines()[-1])
    each_s = sum(60 * int(minute) + float(second) for minute, second in minutes) / TIMES
    record_property("processor time of a health check", f"{each_s * 1000:.0f} ms")  # type: ignore[operator]
    assert each_s < COST_S
