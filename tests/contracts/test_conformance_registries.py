"""The conformance kit finds in the sinks to etcd and ZooKeeper what they claim, with real servers as receivers."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.support.paths import REPO
from tests.support.services import need
from ww.sinks.base import Guarantee
from ww.sinks.conformance.kit import examine

pytestmark = [pytest.mark.timeout(180), pytest.mark.rule("D-sink-registry-conformance"), pytest.mark.servers]


@pytest.fixture(autouse=True)
def path_of_the_tests() -> Iterator[None]:
    """The kit's processes have the path of this one, and import the benches; the wheel stays before the checkout."""
    sys.path.append(str(REPO))
    yield
    sys.path.remove(str(REPO))


@pytest.mark.parametrize(
    ("server", "bench", "scenarios"),
    [
        ("etcd", "etcd.py:OneMember", ("reorder", "odd events", "no time", "full", "denied", "crash", "kills")),
        ("zookeeper", "zookeeper.py:OneServer", ("reorder", "odd events", "no time", "slow", "crash", "kills")),
    ],
)
def test_the_kit_finds_nothing(server: str, bench: str, scenarios: tuple[str, ...]) -> None:
    need(server)
    report = examine(f"{REPO}/tests/support/benches/{bench}", only=scenarios)
    assert report.faults == []
    assert report.found is Guarantee.CURRENT_STATE
    assert report.holds
    ran = {result.name for result in report.results if not result.skipped}
    assert ran == {"quiet", *scenarios}
