"""A plugin that was uninstalled: a start says so, as ww check does, whatever was compiled or tabled while it was there."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

import pytest

from tests.support.home import Home

PLUGIN = """
from ww.sinks.base import Accepted, Guarantee, Sink, SinkType

class Nowhere(Sink):
    def deliver(self, batch, deadline):
        return [Accepted()] * len(batch)

TYPE = SinkType("nowhere", Guarantee.BEST_EFFORT, {"type": "object"}, lambda *_: Nowhere(), "nowhere")
"""


class Environment:
    """A private environment that has what this one has, and a plugin besides."""

    def __init__(self, directory: pathlib.Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
        self.python = f"{directory}/bin/python"
        self.site = next(directory.glob("lib/python*/site-packages"))
        tree = [os.getcwd()] if os.environ.get("WW_TEST_TREE") else []
        (self.site / "ours.pth").write_text("\n".join([*tree, sysconfig.get_path("purelib")]) + "\n")
        self.metadata = self.site / "nowhere_sink-1.0.dist-info"

    def install(self) -> None:
        (self.site / "nowhere_sink.py").write_text(PLUGIN)
        self.metadata.mkdir()
        (self.metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: nowhere-sink\nVersion: 1.0\n")
        (self.metadata / "entry_points.txt").write_text("[ww.sinks]\nnowhere = nowhere_sink:TYPE\n")

    def uninstall(self) -> None:
        shutil.rmtree(self.metadata)
        (self.site / "nowhere_sink.py").unlink()

    def ww(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, "-P", "-m", "ww", *words], capture_output=True, text=True, check=False, timeout=60
        )


@pytest.mark.rule("D-sink-types", "D-cfg-cache", "D-sink-table")
@pytest.mark.parametrize("tabled", [False, True], ids=["looked for", "in a table"])
def test_a_plugin_that_was_uninstalled_is_believed_by_nobody(home: Home, tmp_path: pathlib.Path, tabled: bool) -> None:
    venv = Environment(tmp_path / "venv")
    venv.install()
    home.settings(sinks={"out": {"type": "nowhere"}})
    home.service("main")
    command = [venv.python, "-P", "-m", "ww", "run"]
    for _ in range(2):
        instance = home.start(command=command).wait_state("UP")
        if tabled:
            assert venv.ww("check", "--compile", str(home.root)).returncode == 0
        assert instance.stop() == 0
    before = os.stat(venv.site)
    venv.uninstall()
    # As a layer of an image may have it, whose times are whole seconds.
    os.utime(venv.site, ns=(before.st_atime_ns, before.st_mtime_ns))
    done = venv.ww("check", str(home.root))
    assert done.returncode == 1
    assert "there is no sink type 'nowhere'" in " ".join(done.stdout.split())
    refused = home.start(command=command)
    assert refused.wait() == 78
    refused.wait_message("there is no sink type 'nowhere'")
