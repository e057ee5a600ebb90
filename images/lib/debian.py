"""The image to build on, where no registry can be reached: Debian's own packages make it, as slim as the public one."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from lib.engine import CannotBuildError

if TYPE_CHECKING:
    from pathlib import Path

    from lib.engine import Engine

_LEFT_OUT = ("man/*", "info/*", "locale/*", "groff/*", "lintian/*", "linda/*", "doc/*")
_KEPT = "/usr/share/doc/*/copyright"


def ensure(engine: Engine, image: str, work: Path) -> None:
    """Have `image` in the engine: as it is, from its registry, or made here. Raises CannotBuildError."""
    if engine.has(image):
        return
    why = engine.pull(image)
    if not why:
        return
    name, _, tag = image.partition(":")
    if name != "debian" or not tag:
        raise CannotBuildError(f"{image} cannot be fetched, and only debian:SUITE is made here: {why}")
    suite = tag.removesuffix("-slim")
    tar = work / f"debian-{suite}.tar"
    if not tar.exists():
        bootstrap(suite, tar)
    engine.load_tar(tar, image)


def bootstrap(suite: str, tar: Path) -> None:
    """Write the file system of a slim Debian `suite`. Raises CannotBuildError."""
    if not shutil.which("mmdebstrap"):
        raise CannotBuildError("no registry can be reached, and there is no mmdebstrap: apt-get install mmdebstrap")
    partial = tar.with_suffix(".partial.tar")
    without = [f"--dpkgopt=path-exclude=/usr/share/{place}" for place in _LEFT_OUT]
    slim = [*without, f"--dpkgopt=path-include={_KEPT}"]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", *slim, suite, str(partial)]
    done = subprocess.run([*command, *_mirror()], capture_output=True, text=True, check=False)
    if done.returncode:
        partial.unlink(missing_ok=True)
        raise CannotBuildError(f"mmdebstrap could not make {suite}:\n{done.stderr.strip()[-2000:]}")
    partial.rename(tar)


def _mirror() -> list[str]:
    """Where this machine's apt has Debian from; nothing where it is no Debian: mmdebstrap knows a place."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    if not shutil.which(command[0]):
        return []
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    places = [line.partition(" ")[2] for line in asked.stdout.splitlines() if line.startswith("Debian ")]
    return [place for place in places if "security" not in place][:1]
