"""Fixtures of the tests in containers. tests/support/engine.py says what they can do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from docker.errors import NotFound

from tests.support.engine import Box, Engine
from tests.support.paths import REPO
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
    # Whichever of the two fixtures a test names first: a volume in use cannot be removed.
    for user in engine.containers.list(all=True, filters={"volume": made.name}):
        user.remove(v=True, force=True)
    made.remove(force=True)


@pytest.fixture(scope="session")
def probe(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image, version 1.0, whose hooks do what its environment says: tests/fixtures/probe."""
    return engine.with_hooks(REPO / "tests" / "fixtures" / "probe", tmp_path_factory.mktemp("probe"), "probe")


@pytest.fixture(scope="session")
def probe_next(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same image, version 2.0, with a step of upgrade.d more."""
    work = tmp_path_factory.mktemp("probe-next")
    shutil.copytree(REPO / "tests" / "fixtures" / "probe", work / "ww", symlinks=True)
    (work / "ww" / "etc" / "version").write_text("2.0\n")
    (work / "ww" / "usr" / "upgrade.d").mkdir()
    (work / "ww" / "usr" / "upgrade.d" / "0002-more").symlink_to("../../files/play")
    return engine.with_hooks(work / "ww", work, "probe-next")
