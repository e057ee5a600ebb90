"""`scripts/demo` plays the whole life of the example service, and says so loudly when something does not happen."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.running import PATIENCE_S, ww_command
from tests.support.waiting import until

DEMO = Path(__file__).resolve().parent.parent.parent / "scripts" / "demo.py"

pytestmark = pytest.mark.timeout(120)


def _demo(directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{os.path.dirname(ww_command())}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "WW_DEMO_DIR": str(directory), "PYTHONIOENCODING": "utf-8", **variables}
    return subprocess.run(
        [sys.executable, str(DEMO)], env=env, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.mark.rule("WWA-1", "WWA-2", "WWA-6", "WWA-8", "WW-16", "WW-18", "D-steps-once", "D-exit-0")
def test_the_demo_plays_the_whole_life(tmp_path: Path) -> None:
    demo = _demo(tmp_path / "demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    states = re.findall(r"^ *[\d.]+ s  ([A-Z]+)", demo.stdout, re.MULTILINE)
    first = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "RESTARTING", "UP", "STOPPING", "STOPPED"]
    assert states == [*first, "BOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
    assert demo.stdout.count("exit code 0") == 2
    assert "schema 1" in demo.stdout
    assert "schema 2" in demo.stdout
    assert "\033[" not in demo.stdout, "colours only on a terminal"
    assert max(map(len, demo.stdout.splitlines())) <= 80 + len(str(tmp_path))


def test_the_demo_can_leave_the_service_running(tmp_path: Path) -> None:
    demo = _demo(tmp_path / "demo", KEEP="1")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    stop = re.search(r"kill -TERM (\d+)", demo.stdout)
    page = re.search(r"http://127\.0\.0\.1:(\d+)/", demo.stdout)
    assert stop
    assert page
    pid = int(stop[1])
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", int(page[1]), timeout=5)) as connection:
            connection.request("GET", "/")
            assert "buy milk" in connection.getresponse().read().decode()
    finally:
        os.kill(pid, signal.SIGTERM)
    log = tmp_path / "demo/ww-run-2.0.log"
    until(lambda: '"STOPPED"' in log.read_text(), "STOPPED after the TERM that the demo names", PATIENCE_S)


def test_the_demo_fails_loudly_when_the_service_never_comes_up(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    broken = tmp_path / "bin/ww"
    broken.write_text("#!/bin/sh\necho 'ww: cannot do it'\nexit 70\n")
    broken.chmod(0o755)
    demo = _demo(tmp_path / "demo", PATH=f"{broken.parent}:{os.environ['PATH']}")
    assert demo.returncode == 1
    assert "BOOT did not come: ww run has ended with exit code 70" in demo.stderr
    assert "ww: cannot do it" in demo.stderr, "the last lines of the log are shown"


def test_the_demo_does_not_touch_a_directory_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    demo = _demo(tmp_path)
    assert demo.returncode == 1
    assert "is not empty" in demo.stderr
    assert (tmp_path / "precious").read_text() == "mine"
