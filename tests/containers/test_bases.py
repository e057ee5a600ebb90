"""Whatever Debian or Ubuntu `--base` names: the base is built on it, and an image on that keeps the same promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.paths import REPO
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.conftest import Boxes
    from tests.support.engine import Engine

BASES = ["debian:bullseye-slim", "debian:trixie-slim", "ubuntu:24.04"]
"""Beside debian:bookworm-slim, on which every other test of this folder runs."""
FIRST = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
LATER = [state for state in FIRST if state != "FIRSTBOOT"]
DOWN = ["STOPPING", "STOPPED"]


@pytest.mark.rule("D-image-any-base")
@pytest.mark.parametrize("base", BASES)
def test_an_image_on_it_lives_heals_and_stops_as_any_user(
    engine: Engine, container: Boxes, tmp_path: Path, base: str
) -> None:
    ours = engine.built_on(base)
    labels = engine.images.get(ours).attrs["Config"]["Labels"]
    assert labels["org.opencontainers.image.base.name"] == base
    image = engine.with_hooks(
        REPO / "tests" / "fixtures" / "probe", tmp_path, f"probe-on-{base.replace(':', '-')}", ours
    )
    box = container(image)
    box.wait_state("UP")
    distribution, _, version = base.removesuffix("-slim").partition(":")
    release = box.exec(["cat", "/etc/os-release"]).output.decode()
    assert f"ID={distribution}\n" in release
    assert version in release
    until(lambda: box.exec("ww healthcheck").exit_code == 0, "healthy", 20)
    box.kill("HUP")
    until(lambda: box.states()[-2:] == ["RESTARTING", "UP"], "UP again", 30)
    assert box.stop() == 0
    box.start()
    box.wait_state("UP")
    assert box.states() == [*FIRST, "RESTARTING", "UP", *DOWN, *LATER]
    other = container(image, user="12345", read_only=True, cap_drop=["ALL"])
    other.wait_state("UP")
    assert other.stop() == 0
