"""What holds for every test: the installed wheel is tested, rules are known, skips are declared, time is limited."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import ww
from tests.support.home import Home
from tests.support.rules import read_rules
from tests.support.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TESTS = Path(__file__).resolve().parent
UNIT_LIMIT_S = 5
NOT_TESTED = TESTS.parent / "docs" / "not-tested.md"
OWN_VARIABLES = (
    "WW_CI",
    "WW_TEST_TREE",
    "WW_TEST_PATIENCE_S",
    "WW_SERVICES_DIR",
    "WW_IMAGES",
    "WW_TEST_ELASTICSEARCH_URL",
    "WW_TEST_KILLS",
    "WW_TEST_SEED",
)
"""What tests are steered by; every other WW_* and CFG* of the caller would steer what is under test."""
IN_CI = bool(os.environ.get("WW_CI"))

# A machine with two busy cores is slow at times; the time limit of a test is pytest-timeout's.
settings.register_profile("ww", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=IN_CI)
settings.load_profile("ww")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to test the tree by accident: what users get is the wheel."""
    place = Path(ww.__file__).resolve()
    if "site-packages" not in place.parts and not os.environ.get("WW_TEST_TREE"):
        raise pytest.UsageError(
            f"ww was imported from {place.parent}, not from the installed wheel: use `make test` or `scripts/test`, "
            "take the checkout off PYTHONPATH, or set WW_TEST_TREE=1 to test the tree on purpose"
        )
    config.stash[SKIPS] = []


def pytest_report_header() -> str:
    """Say what is under test."""
    return f"ww {ww.__version__} from {Path(ww.__file__).parent}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unknown rules are an error."""
    known = read_rules(TESTS / "rules.txt")
    for item in items:
        for mark in item.iter_markers("rule"):
            unknown = [name for name in mark.args if name not in known]
            if unknown or not mark.args:
                raise pytest.UsageError(f"{item.nodeid}: no rule {', '.join(unknown)} in tests/rules.txt")


def pytest_collection_finish() -> None:
    """The first text in a fresh clone makes hypothesis's table of characters, for seconds: in no test's time."""
    st.text().validate()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A unit test gets seconds, not a minute: of the processor, and of time, but for what the machine keeps of it."""
    if TESTS / "unit" not in item.path.parents or item.get_closest_marker("timeout"):
        yield
        return
    before_s = sum(os.times()[:4])
    with Stopwatch() as watch:
        yield
    spent_s = sum(os.times()[:4]) - before_s
    assert spent_s < UNIT_LIMIT_S, f"a unit test that computes for {spent_s:.1f} s"
    assert watch.seconds < UNIT_LIMIT_S, f"a unit test that takes {watch.seconds:.1f} s"


SKIPS = pytest.StashKey[list[str]]()


class _Skips:
    """Collects every skip with its reason, as reports have no way back to the configuration."""

    def __init__(self, reasons: list[str]) -> None:
        self._reasons = reasons

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._add(report.nodeid, report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._add(report.nodeid, report)

    def _add(self, name: str, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            self._reasons.append(f"{name}: {report.longrepr[2].removeprefix('Skipped: ')}")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to collect skips, forget what the caller ignores, and leave the checkout."""
    # A shell starts what it puts into the background deaf to these, and no child could be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    session.config.pluginmanager.register(_Skips(session.config.stash[SKIPS]))
    for name in [name for name in os.environ if name.startswith(("CFG", "WW_")) and name not in OWN_VARIABLES]:
        del os.environ[name]
    if not os.environ.get("WW_TEST_TREE"):
        # A child that runs `python -m ww` would find the tree in its working directory, before the wheel.
        elsewhere = TESTS.parent / "build" / "cwd"
        elsewhere.mkdir(parents=True, exist_ok=True)
        os.chdir(elsewhere)


def declared(text: str) -> list[str]:
    """The keys in the first column of the table of docs/not-tested.md."""
    return re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)


def undeclared(skips: Iterable[str], keys: list[str]) -> list[str]:
    """Skips whose reason does not begin with `KEY:` of a declared key."""
    return [skip for skip in skips if not any(f": {key}: " in skip for key in keys)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With WW_CI=1 a test that did not run is a failure, unless docs/not-tested.md declares it."""
    left = undeclared(session.config.stash[SKIPS], declared(NOT_TESTED.read_text()))
    if IN_CI and left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the skips that made the run fail."""
    left = undeclared(config.stash[SKIPS], declared(NOT_TESTED.read_text()))
    if IN_CI and left:
        terminalreporter.section("not run, and not declared in docs/not-tested.md", red=True)
        for skip in left:
            terminalreporter.line(skip)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home of an instance, and an end to whatever the test started on it."""
    made = Home(tmp_path / "home")
    yield made
    made.end()
