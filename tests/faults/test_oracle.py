"""Reporter, receivers and container killed at random: every journalled event is stored once, none missing, in order."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator

import pytest

from tests.support.home import Home
from tests.support.oracle import Site, difference
from tests.support.ownpostgres import OwnPostgres

KILLS = int(os.environ.get("WW_TEST_KILLS", "50"))
"""More of them for a soak."""
SEED = int(os.environ.get("WW_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
LIMIT_S = max(90, 3 * KILLS)


@pytest.fixture
def site(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    # Another user than ours runs it, who may not look into our temporary directories.
    place = pathlib.Path(tempfile.mkdtemp(prefix="ww-own-postgres-"))
    place.chmod(0o711)
    server = OwnPostgres(place / "services")
    try:
        made = Site(home, tmp_path_factory.mktemp("receivers"), server, random.Random(SEED))
        yield made
        made.end()
    finally:
        server.kill()
        shutil.rmtree(place, ignore_errors=True)


@pytest.mark.rule("D-oracle")
@pytest.mark.timeout(LIMIT_S)
def test_nothing_is_lost_and_nothing_is_stored_twice(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    print(f"WW_TEST_SEED={SEED} WW_TEST_KILLS={KILLS}")
    order = [site.kill_one() for _ in range(KILLS)]
    print(" ".join(order))
    site.settle()
    wanted = site.journalled()
    record_property("kills", dict(sorted(site.kills.items())))
    record_property("boots", len({boot for boot, _ in wanted}))
    record_property("events", len(wanted))
    print(f"{site.kills}: {len(wanted)} events of {len({boot for boot, _ in wanted})} boots")
    assert {name: difference(wanted, found) for name, found in site.stored().items()} == {
        "http": {},
        "elasticsearch": {},
        "postgres": {},
        "sqlite": {},
    }
    assert not list(pathlib.Path(site.home.root).glob("data/.ww/journal/rejected/*/*")), "nothing was rejected"


@pytest.mark.rule("D-oracle")
def test_the_oracle_sees_each_kind_of_fault() -> None:
    wanted = [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert difference(wanted, wanted) == {}
    assert difference(wanted, wanted[:3]) == {"lost": [("b", 2)]}
    assert difference(wanted, [*wanted, ("a", 1)]) == {"twice": [("a", 1)]}
    assert difference(wanted, [("a", 2), ("a", 1), *wanted[2:]]) == {"out of order": [("a", 1)]}
    assert difference(wanted, [*wanted, ("c", 1)]) == {"invented": [("c", 1)]}
