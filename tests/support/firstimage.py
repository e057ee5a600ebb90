"""docs/your-first-image.md, typed: the image that this page makes, for its own test and for those of other pages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.pages import blocks
from tests.support.paths import REPO

TEXT = (REPO / "docs" / "your-first-image.md").read_text()
BLOCKS = blocks(TEXT)
LIMIT_S = 300
"""The build fetches packages."""


class Desk:
    """An empty directory and a terminal in it."""

    def __init__(self, directory: Path, docker_host: str = "") -> None:
        self.directory = directory
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("CFG", "WW_"))}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._env = {**clean, "PATH": path, "COLUMNS": "80", "DOCKER_HOST": docker_host, "DOCKER_BUILDKIT": "0"}

    def type(self, commands: str) -> str:
        """Run one block; it must end well. What it said."""
        done = subprocess.run(
            ["/bin/sh", "-ec", commands],
            cwd=self.directory,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        return done.stdout


def author(directory: Path) -> Path:
    """Type all that the author does before there is an image; the folder that becomes /ww."""
    desk = Desk(directory)
    for commands, _ in BLOCKS:
        if "docker build" in commands:
            break
        desk.type(commands)
    return directory / "broker" / "ww"


def dockerfile() -> str:
    """The page's Dockerfile."""
    build = next(commands for commands, _ in BLOCKS if "docker build" in commands)
    return build.split("<<'END'\n", 1)[1].split("END\n", 1)[0]
