"""docs/images.md: no image is forgotten, and what it says of the base is what the base has."""

from __future__ import annotations

import re

import pytest

from tests.support.imagespage import PAGE, rows
from tests.support.paths import REPO

DOCKERFILE = (REPO / "Dockerfile.base").read_text()
pytestmark = pytest.mark.rule("D-images-doc")


def test_every_image_of_this_tree_is_on_the_page_and_has_a_readme() -> None:
    images = {file.parent for file in (REPO / "images").glob("*/Dockerfile")}
    assert {image.name for image in images} <= set(rows())
    assert [image.name for image in images if not (image / "README.md").is_file()] == []


def test_what_the_page_says_of_the_base_stands_in_its_dockerfile() -> None:
    for line in ('ENTRYPOINT ["/ww/run"]', "STOPSIGNAL SIGTERM", 'VOLUME ["/data", "/backup"]'):
        assert line in PAGE
        assert f"\n{line}\n" in DOCKERFILE
    (healthcheck,) = re.findall(r"^HEALTHCHECK .*", DOCKERFILE, re.MULTILINE)
    assert "--interval=10s" in healthcheck
    assert "--start-period=30m" in healthcheck
    assert "every 10 s. Sickness counts after 30 minutes" in PAGE


def test_the_commands_of_the_build_are_those_that_it_has() -> None:
    usage = (REPO / "images" / "build").read_text()
    for option in re.findall(r"images/build (--[a-z]+)", PAGE):
        assert option in usage
    assert re.search(r"^images:", (REPO / "Makefile").read_text(), re.MULTILINE)
