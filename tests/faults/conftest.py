"""A fresh home for each test, and an end to whatever it started."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.support.home import Home, Instance


@pytest.fixture
def home(tmp_path: pathlib.Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    started: list[Instance] = []
    start = made.start

    def recording(*arguments: str, **rest: object) -> Instance:
        instance = start(*arguments, **rest)  # type: ignore[arg-type]
        started.append(instance)
        return instance

    made.start = recording  # type: ignore[method-assign]
    yield made
    for instance in started:
        instance.kill()
