"""docs/writing-a-sink.md, typed: the package is built, installed into an environment of its own, listed, and examined."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.pages import blocks, matches
from tests.support.paths import REPO
from ww.sinks.conformance.bench import FAULTS
from ww.sinks.conformance.kit import SCENARIOS
from ww.sinks.conformance.verdict import TO_DO

TEXT = (REPO / "docs" / "writing-a-sink.md").read_text()
LIMIT_S = 120


def own_environment(place: Path) -> Path:
    """A fresh environment with the wheel under test; what that depends on is looked for where this test runs."""
    subprocess.run([sys.executable, "-m", "venv", place], check=True, timeout=LIMIT_S)
    wheels = sorted(Path(sys.prefix, "ww-wheel").glob("*.whl"))
    install = [place / "bin" / "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-warn-script-location"]
    subprocess.run([*install, *wheels], check=True, timeout=LIMIT_S)
    asked = [place / "bin" / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place


@pytest.mark.rule("D-sinks-plugin", "D-sinks-list", "D-sinks-check")
@pytest.mark.timeout(300)
def test_the_page_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    environment = own_environment(tmp_path / "venv")
    desk = tmp_path / "desk"
    desk.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CFG", "WW_", "PYTHON"))}
    # What builds the wheel and what the package depends on are there: nothing is fetched.
    offline = {"PIP_NO_BUILD_ISOLATION": "false", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    env = {**clean, **offline, "PATH": f"{environment}/bin:{os.environ['PATH']}", "COLUMNS": "80"}
    for commands, answer in blocks(TEXT):
        done = subprocess.run(
            ["/bin/sh", "-ec", commands],
            cwd=desk,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        if answer:
            assert matches(answer, done.stdout), f"{commands}\n{done.stdout}"


def named(heading: str) -> set[str]:
    """The first column of the table with this head."""
    table = TEXT.split(heading, 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"^\| `([\w ]+)` \|", table, re.MULTILINE))


@pytest.mark.rule("D-sinks-plugin")
def test_every_fault_and_every_scenario_is_on_the_page() -> None:
    assert named("| fault | the receiver |") == set(FAULTS)
    assert named("| fault | what the sink did |") == set(TO_DO)
    assert all(re.search(rf"^{name} +(well|not run) ", TEXT, re.MULTILINE) for name in SCENARIOS)
