"""`scripts/demo` plays the whole life of the example service, and says so loudly when something does not happen."""

from __future__ import annotations

import http.client
import os
import re
import shutil
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


def _demo(directory: Path, program: Path = DEMO, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{os.path.dirname(ww_command())}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "WW_DEMO_DIR": str(directory), "PYTHONIOENCODING": "utf-8", **variables}
    return subprocess.run(
        [sys.executable, str(program)], env=env, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.mark.rule("WWA-1", "WWA-2", "WWA-6", "WWA-8", "WW-16", "WW-18", "D-steps-once", "D-exit-0", "D-demo-events")
def test_the_demo_plays_the_whole_life(tmp_path: Path) -> None:
    demo = _demo(tmp_path / "demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    states = re.findall(r"^ *[\d.]+ s  ([A-Z]+)", demo.stdout, re.MULTILINE)
    first = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "RESTARTING", "UP", "STOPPING", "STOPPED"]
    assert states == [*first, "BOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
    assert demo.stdout.count("exit code 0") == 2
    assert "schema 1" in demo.stdout
    assert "schema 2" in demo.stdout
    back = re.search(r"RESTARTING and UP have come: (\d+) events, in order", demo.stdout)
    away = re.search(r"the receiver is back, with the (\d+) events", demo.stdout)
    assert back
    assert away
    assert int(back[1]) >= int(away[1]) + 2
    assert re.search(r"the receiver has all \d+ events of both lives, in order", demo.stdout)
    assert "…" not in demo.stdout, "nothing is cut"
    assert "\033[" not in demo.stdout, "colours only on a terminal"
    assert max(map(len, demo.stdout.splitlines())) <= 80 + len(str(tmp_path))


def test_the_demo_can_leave_the_service_running(tmp_path: Path) -> None:
    demo = _demo(tmp_path / "demo", KEEP="1")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    stop, *receiver = re.findall(r"kill -TERM (\d+)", demo.stdout)
    page = re.search(r"http://127\.0\.0\.1:(\d+)/", demo.stdout)
    assert page
    assert len(receiver) == 1
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", int(page[1]), timeout=5)) as connection:
            connection.request("GET", "/")
            assert "buy milk" in connection.getresponse().read().decode()
    finally:
        for pid in (stop, *receiver):
            os.kill(int(pid), signal.SIGTERM)
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


@pytest.mark.rule("D-demo-events")
def test_the_demo_fails_loudly_when_events_are_missing_at_the_receiver(tmp_path: Path) -> None:
    shutil.copytree(DEMO.parent, tmp_path / "scripts")
    shutil.copytree(DEMO.parent.parent / "images/notes", tmp_path / "images/notes")
    page = tmp_path / "docs/sinks/http.md"
    page.parent.mkdir(parents=True)
    true_page = (DEMO.parent.parent / "docs/sinks/http.md").read_text()
    rows = "for event in events]"
    assert true_page.count(rows) == 1
    page.write_text(true_page.replace(rows, "for event in events if event['id'] != '000000000003']"))
    demo = _demo(tmp_path / "demo", program=tmp_path / "scripts/demo.py")
    assert demo.returncode == 1
    assert "the receiver has BOOT FIRSTBOOT WARMUP UP, not BOOT FIRSTBOOT UPGRADING WARMUP UP" in demo.stderr


def test_the_demo_does_not_touch_a_directory_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    demo = _demo(tmp_path)
    assert demo.returncode == 1
    assert "is not empty" in demo.stderr
    assert (tmp_path / "precious").read_text() == "mine"
