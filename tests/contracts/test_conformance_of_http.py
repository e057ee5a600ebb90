"""http and elasticsearch on the conformance kit: they keep what they claim, in every form."""

from __future__ import annotations

import pytest

from tests.support.paths import REPO
from ww.sinks.base import Guarantee
from ww.sinks.conformance.kit import examine


@pytest.mark.rule("D-sink-http-kit")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("bench", ["http.py:Http", "http.py:HttpOneByOne", "elasticsearch.py:Elasticsearch"])
def test_the_kit_finds_them_effectively_once(bench: str) -> None:
    report = examine(str(REPO / "tests" / "support" / "benches" / bench))
    assert report.faults == []
    assert (report.claimed, report.found, report.holds) == (*[Guarantee.EFFECTIVELY_ONCE] * 2, True)
    assert not {result.name for result in report.results if result.skipped}
