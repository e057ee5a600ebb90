"""docs/images.md: the sizes that it states hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.imagespage import rows
from tests.support.paths import REPO

if TYPE_CHECKING:
    from tests.support.engine import Engine

LEEWAY = 1.25
"""Debian's packages grow."""
SPARE_MB = 5


def size_mb(engine: Engine, tag: str) -> float:
    """As `docker images` counts: MB are millions."""
    return float(engine.images.get(tag).attrs["Size"]) / 1e6


@pytest.mark.timeout(1800)
@pytest.mark.rule("D-images-doc")
def test_an_image_adds_to_the_base_what_the_page_says(engine: Engine) -> None:
    stated = {name: size for name, size in rows().items() if (REPO / "images" / name / "Dockerfile").exists()}
    for name, size in stated.items():
        added = size_mb(engine, engine.image(name)) - size_mb(engine, engine.image("base"))
        cached = apt_cache_mb(engine, engine.image(name))
        assert size / LEEWAY - SPARE_MB <= added - cached <= size * LEEWAY + SPARE_MB, name


def apt_cache_mb(engine: Engine, tag: str) -> float:
    """What apt keeps in an image whose Debian was not told otherwise, as the published slim images are."""
    command = ["-c", "du -cb /var/cache/apt | tail -n 1 | cut -f 1"]
    return int(engine.containers.run(tag, command, entrypoint="/bin/sh", user="0", remove=True)) / 1e6
