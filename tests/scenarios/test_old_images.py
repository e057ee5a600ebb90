"""Hook directories written for the original whaleware run as they are, as PID 1 at /ww, /data and /backup (WWA-13)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.running import RunningInside, ww_command

if TYPE_CHECKING:
    from tests.support.running import Running

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "old-images"
IMAGES = {"wombatdialer": ("wombat", "wbt", "WBTUP"), "queuemetrics": ("queuemetrics", "qm", "QMUP")}
"""Image: its web application, its directory under /data, the token of its health."""

CFG = {"memory": 512, "ww": {"log": {"format": "json"}, "monitor": {"interval_s": 1}}}

pytestmark = pytest.mark.timeout(120)


class OldImage:
    """The root of one image; starting it twice is `docker start`, on the same root."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        self.application, self.data_name, self.token = IMAGES[name]
        self.inside = root / f"usr/local/queuemetrics/tomcat/webapps/{self.application}/WEB-INF"
        shutil.copytree(FIXTURES / name / "ww", root / "ww")
        shutil.copytree(FIXTURES / "stubs", root / "stubs")
        shutil.copytree(FIXTURES / "stubs/init.d", root / "etc/init.d")
        (root / "etc/sysconfig").mkdir()
        (root / "data").mkdir()
        (self.inside / "DB").mkdir(parents=True)
        (self.inside / "DB/create.sql").write_text(f"CREATE DATABASE {self.application};\n")
        (self.inside / "DB/schema.sql").write_text("CREATE TABLE calls (id INT);\n")
        (self.inside / "configuration.properties").write_text("default.rows=100\n")
        (self.inside / "tpf.properties").write_text("\n")
        subprocess.run([ww_command(), "launcher", str(root / "ww")], check=True, capture_output=True)

    def start(self, log: str) -> RunningInside:
        """The image's command, `/ww/run`, as PID 1 of namespaces of its own."""
        as_root = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        command = [
            *("unshare", *as_root, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *(str(FIXTURES / "enter"), str(self.root), "/ww/run"),
        ]
        path = f"/stubs/bin:{os.environ['PATH']}"
        running = RunningInside(command, self.root.parent / log, {"PATH": path, "CFG": json.dumps(CFG)})
        return running.find_first_process()


@pytest.fixture(params=sorted(IMAGES))
def image(request: pytest.FixtureRequest, tmp_path: Path) -> OldImage:
    """Each of the old images."""
    return OldImage(request.param, tmp_path / "root")


@pytest.fixture
def queuemetrics(tmp_path: Path) -> OldImage:
    """One of them, where one is enough."""
    return OldImage("queuemetrics", tmp_path / "root")


def _pushed(running: Running) -> list[dict[str, object]]:
    return [json.loads(text.removeprefix("Pushing ")) for text in running.said("pushstats")]


def _has_pushed(running: Running) -> bool:
    return bool(running.said("pushstats"))


@pytest.mark.rule("WWA-13", "WWA-1", "WW-2", "WW-5", "WW-8", "WW-16", "WW-17", "WW-29")
def test_an_old_image_boots_reports_its_health_and_stops(image: OldImage) -> None:
    with image.start("first.log") as running:
        running.until_state("UP").until(_has_pushed, "pushstats")
        health = _pushed(running)[0]
        assert running.stop() == 0
    assert running.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
    assert running.said("lifecycle") == [f"= LIFECYCLE: {state}" for state in running.states()]
    assert health["state"] == image.token
    assert "-Xmx512M" in str(health["java_opts"]), "CFG reached the application through boot"
    assert (image.root / "data" / image.data_name / "tpf.properties").is_file()
    assert (image.root / "data/mysql/statements.sql").read_text().count("CREATE") == 2
    assert "Services down" in running.said("svcdown")


@pytest.mark.rule("WWA-2", "WWA-13", "WW-31", "WW-32")
def test_an_old_image_starts_again_on_its_data(queuemetrics: OldImage) -> None:
    with queuemetrics.start("first.log") as running:
        assert running.until_state("UP").stop() == 0
    with queuemetrics.start("second.log") as running:
        assert running.until_state("UP").stop() == 0
    assert "FIRSTBOOT" not in running.states()
    assert (queuemetrics.root / "data/mysql/statements.sql").read_text().count("CREATE") == 2


@pytest.mark.rule("WWA-2", "WWA-13", "WW-16")
def test_data_of_the_original_counts_as_initialised(queuemetrics: OldImage) -> None:
    (queuemetrics.root / "data/mysql").mkdir()
    (queuemetrics.root / "data/mysql/statements.sql").write_text("-- of the original\n")
    (queuemetrics.root / "data/qm").mkdir()
    (queuemetrics.root / "data/whaleup").touch()
    with queuemetrics.start("first.log") as running:
        assert running.until_state("UP").stop() == 0
    assert "FIRSTBOOT" not in running.states()


@pytest.mark.rule("WWA-6", "WWA-13", "WW-21", "WW-22")
def test_an_old_image_heals_when_its_database_dies(queuemetrics: OldImage) -> None:
    with queuemetrics.start("first.log") as running:
        running.until_state("UP").until(_has_pushed, "pushstats")
        _kill_inside(running, "/run/mysqld.pid", queuemetrics.root)
        running.until_state("RESTARTING").until_state("UP", times=2)
        pushed = len(_pushed(running))
        running.until(lambda it: len(_pushed(it)) > pushed, "health after the restart")
        assert _pushed(running)[-1]["state"] == "QMUP"
        assert running.stop() == 0


def _kill_inside(running: RunningInside, pidfile: str, root: Path) -> None:
    """KILL a process of the namespace by the pid that it has in there."""
    pid = int((root / pidfile.lstrip("/")).read_text())
    os.kill(running.outside(pid), signal.SIGKILL)
