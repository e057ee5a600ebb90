"""Promises of one life after another: the order of states, where the data lies, and new images over old data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.conftest import Boxes
    from tests.support.engine import Box, Engine

FIRST = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
LATER = ["BOOT", "UPGRADING", "WARMUP", "UP"]
DOWN = ["STOPPING", "STOPPED"]
IMPATIENT = {"CFG": '{"ww": {"data": {"lock_wait_s": 1}}}'}


def kept(box: Box, name: str) -> str:
    """A file of its data."""
    done = box.exec(["cat", f"/data/{name}"])
    assert done.exit_code == 0, done.output
    return done.output.decode()


@pytest.mark.rule("WW-16", "WWA-1", "WWA-2", "D-container-order")
def test_states_come_in_order_on_the_first_the_second_and_the_third_start(probe: str, container: Boxes) -> None:
    box = container(probe)
    for times in (1, 2):
        until(lambda times=times: box.states().count("UP") == times, "UP", 60)  # type: ignore[misc]
        assert box.stop() == 0
        box.start()
    until(lambda: box.states().count("UP") == 3, "UP for the third time", 60)
    assert box.states() == FIRST + DOWN + LATER + DOWN + LATER


@pytest.mark.rule("WW-16", "D-container-order")
def test_hooks_run_in_the_order_of_the_states(probe: str, container: Boxes) -> None:
    box = container(probe)
    box.wait_state("UP")
    assert box.stop() == 0
    ran = [line.partition(" | ran ")[2].rstrip() for line in box.logs().splitlines() if " | ran " in line]
    assert ran == [
        *("lifecycle BOOT", "boot", "lifecycle FIRSTBOOT", "firstboot", "lifecycle UPGRADING", "upgrade 1.0 1.0"),
        *("lifecycle WARMUP", "svcup", "warmup", "lifecycle UP", "lifecycle STOPPING", "svcdown", "lifecycle STOPPED"),
    ]


@pytest.mark.rule("WW-28", "D-container-order")
def test_boot_runs_before_any_service_and_svcdown_after_the_last(probe: str, container: Boxes) -> None:
    box = container(probe)
    box.wait_state("UP")
    assert box.stop() == 0
    told = ("ran boot", "service web runs", "service web stopped", "ran svcdown")
    lines = [line.partition(" | ")[2] for line in box.logs().splitlines()]
    assert [next(one for one in told if line.startswith(one)) for line in lines if line.startswith(told)] == list(told)


@pytest.mark.rule("WW-30", "D-container-data")
def test_the_first_boot_is_once_on_a_named_volume_and_in_others_that_take_it(
    probe: str, container: Boxes, volume: str
) -> None:
    first = container(probe, volumes={volume: {"bind": "/data", "mode": "rw"}})
    first.wait_state("UP")
    assert first.stop() == 0
    taker = container(probe, volumes_from=[first.raw.id])
    taker.wait_state("UP")
    assert taker.states() == LATER
    assert kept(taker, "made") == "made\n"
    assert taker.stop() == 0


@pytest.mark.rule("WW-30", "D-container-data")
def test_the_first_boot_is_once_on_a_bind_mount(probe: str, container: Boxes, tmp_path: Path) -> None:
    there = {str(tmp_path): {"bind": "/data", "mode": "rw"}}
    first = container(probe, volumes=there)
    first.wait_state("UP")
    assert first.stop() == 0
    assert (tmp_path / "made").read_text() == "made\n"
    second = container(probe, volumes=there)
    second.wait_state("UP")
    assert second.states() == LATER


@pytest.mark.rule("WWA-3", "D-container-data")
def test_without_a_volume_a_container_keeps_its_data_and_a_new_one_begins_anew(
    probe: str, engine: Engine, container: Boxes, tmp_path: Path
) -> None:
    text = f'FROM {probe} AS made\nFROM debian:bookworm-slim\nCOPY --from=made /ww /ww\nENTRYPOINT ["/ww/run"]\n'
    bare = engine.derived(tmp_path, text, "probe-bare")
    box = container(bare)
    box.exec("true")
    until(lambda: "UP" in box.states(), "UP", 60)
    assert box.states() == FIRST
    assert not [mount for mount in box.raw.attrs["Mounts"] if mount["Destination"] == "/data"]
    assert box.stop() == 0
    box.start()
    until(lambda: box.states().count("UP") == 2, "UP again", 60)
    assert box.states() == FIRST + DOWN + LATER
    other = container(bare)
    until(lambda: "UP" in other.states(), "UP", 60)
    assert other.states() == FIRST


@pytest.mark.rule("D-container-one-owner")
def test_of_two_containers_on_one_volume_the_second_is_refused_and_the_first_never_notices(
    probe: str, container: Boxes, volume: str
) -> None:
    there = {volume: {"bind": "/data", "mode": "rw"}}
    first = container(probe, volumes=there)
    first.wait_state("UP")
    second = container(probe, volumes=there, environment=IMPATIENT)
    assert second.exit_code() == 75
    assert second.states() in ([], ["ERROR"])
    assert "the data is in use by" in second.logs()
    assert first.states() == FIRST
    assert kept(first, "boots") == "BOOT\n"
    assert first.stop() == 0
    second.start()
    second.wait_state("UP")


@pytest.mark.rule("D-container-one-owner")
def test_two_containers_share_a_volume_where_the_image_says_so(probe: str, container: Boxes, volume: str) -> None:
    there = {volume: {"bind": "/data", "mode": "rw"}}
    shared = {"CFG": '{"ww": {"data": {"shared": true}}}'}
    boxes = [container(probe, volumes=there, environment=shared) for _ in range(2)]
    for box in boxes:
        box.wait_state("UP")
    assert sorted(box.states() for box in boxes) == sorted([FIRST, LATER])
    assert [box.stop() for box in boxes] == [0, 0]


@pytest.mark.rule("D-container-upgrade")
def test_a_new_image_over_kept_data_runs_its_step_once_even_if_killed_in_the_middle(
    probe: str, probe_next: str, container: Boxes, volume: str
) -> None:
    there = {volume: {"bind": "/data", "mode": "rw"}}
    old = container(probe, volumes=there)
    old.wait_state("UP")
    assert old.stop() == 0
    cut = container(probe_next, volumes=there, environment={"HOLD": "0002-more"})
    until(lambda: "held in UPGRADING" in cut.logs(), "the step", 60)
    cut.kill("KILL")
    assert cut.exit_code() == 137
    for _ in range(2):
        new = container(probe_next, volumes=there)
        new.wait_state("UP")
        assert new.states() == LATER
        assert kept(new, "steps") == "more, try 1\nmore, try 2\n"
        assert new.stop() == 0


@pytest.mark.rule("D-container-upgrade")
def test_an_old_image_refuses_data_that_a_newer_one_upgraded_and_touches_nothing(
    probe: str, probe_next: str, container: Boxes, tmp_path: Path
) -> None:
    there = {str(tmp_path): {"bind": "/data", "mode": "rw"}}
    for image in (probe, probe_next):
        box = container(image, volumes=there)
        box.wait_state("UP")
        assert box.stop() == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    refused = container(probe, volumes=there)
    assert refused.exit_code() == 78
    assert "0002-more" in refused.logs()
    after = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert (after.pop(tmp_path / "boots"), before.pop(tmp_path / "boots")) == (b"BOOT\n" * 3, b"BOOT\n" * 2)
    assert after == before
    assert not refused.running()
