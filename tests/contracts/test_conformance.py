"""Our own sinks on the conformance kit: each keeps what it claims.

A new sink gets a bench in tests/support/benches/ and a line here (http, elasticsearch, etcd, zookeeper: theirs to come).
"""

from __future__ import annotations

import pytest

from tests.support.paths import REPO
from tests.support.services import need, server
from ww.sinks.base import Guarantee
from ww.sinks.conformance.kit import examine

BENCHES = {
    "file": ("file.py:File", "", Guarantee.AT_LEAST_ONCE),
    "postgres": ("postgres.py:Postgres", "postgres", Guarantee.EFFECTIVELY_ONCE),
    "sqlite": ("sqlite.py:Sqlite", "", Guarantee.EFFECTIVELY_ONCE),
}
"""Each sink's bench, the server of scripts/services that it needs, and what must be found."""


@pytest.mark.rule("D-kit-own-sinks")
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.servers] * bool(BENCHES[name][1])) for name in BENCHES]
)
def test_a_sink_of_ours_keeps_what_it_claims(name: str) -> None:
    bench, needed, expected = BENCHES[name]
    if needed:
        need(needed)
        server(needed)
    report = examine(str(REPO / "tests" / "support" / "benches" / bench))
    assert report.faults == []
    assert (report.claimed, report.found, report.holds) == (expected, expected, True)
    unasked = {result.name for result in report.results if result.skipped}
    assert not unasked & {"down", "slow", "crash", "kills", "outage", "spool"} or name == "file"
