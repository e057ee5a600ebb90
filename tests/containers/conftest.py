"""Fixtures of the tests in containers. tests/support/engine.py says what they can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from docker.errors import NotFound

from tests.support.engine import Box, Engine
from tests.support.services import server

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
TIMEOUT_S = 600
"""The first test of a session waits for its image to be built."""


class Boxes(Protocol):
    """The fixture `container`."""

    def __call__(self, image: str, **options: Any) -> Box:
        """`docker run -d` with the options of the docker SDK."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """More time than other tests have."""
    for item in items:
        if HERE in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine of scripts/services; skips with the reason where there can be none (a failure with WW_CI=1)."""
    made = Engine(server("docker"))
    yield made
    made.close()


@pytest.fixture
def container(engine: Engine) -> Iterator[Boxes]:
    """Starts containers, and removes them with their anonymous volumes when the test ends."""
    boxes: list[Box] = []

    def run(image: str, **options: Any) -> Box:
        command = options.pop("command", None)
        box = Box(engine.containers.create(image, command, **options))
        boxes.append(box)
        box.start()
        return box

    yield run
    for box in reversed(boxes):
        try:
            box.raw.remove(v=True, force=True)
        except NotFound:
            pass


@pytest.fixture
def volume(engine: Engine) -> Iterator[str]:
    """The name of an empty named volume, removed after the containers that the test put on it."""
    made = engine.volumes.create()
    yield made.name
    made.remove(force=True)
