"""The image to build on, where no registry can be reached: Debian's or Ubuntu's packages make it, as slim as the public one."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lib import ubuntu
from lib.engine import CannotBuildError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib.engine import Engine

_LEFT_OUT = ("man/*", "info/*", "locale/*", "groff/*", "lintian/*", "linda/*", "doc/*")
_KEPT = "/usr/share/doc/*/copyright"
_APT_CONF = Path(__file__).with_name("apt-slim.conf")


def ensure(engine: Engine, image: str, work: Path) -> None:
    """Have `image` in the engine: as it is, from its registry, or made here.

    Raises UnreachableError where neither a registry nor an archive of packages answers, CannotBuildError for the rest.
    """
    if engine.has(image):
        return
    why = engine.pull(image)
    if not why:
        return
    name, _, tag = image.partition(":")
    if name not in ("debian", "ubuntu") or not tag:
        raise UnreachableError(
            f"{image} cannot be fetched, and only debian:SUITE and ubuntu:VERSION are made here: {why}"
        )
    tar = work / f"{name}-{tag.removesuffix('-slim')}.tar"
    if not tar.exists():
        if name == "debian":
            bootstrap(tag.removesuffix("-slim"), tar, _mirror())
        else:
            keys = f"--keyring={ubuntu.keyring(work)}"
            bootstrap(ubuntu.SUITES.get(tag, tag), tar, [ubuntu.mirror()], [keys, *ubuntu.OPTIONS])
    engine.load_tar(tar, image)


def bootstrap(suite: str, tar: Path, mirrors: list[str], options: Sequence[str] = ()) -> None:
    """Write the file system of a slim `suite` of `mirrors`. Raises CannotBuildError."""
    if not shutil.which("mmdebstrap"):
        raise CannotBuildError("no registry can be reached, and there is no mmdebstrap: apt-get install mmdebstrap")
    partial = tar.with_suffix(".partial.tar")
    without = [f"--dpkgopt=path-exclude=/usr/share/{place}" for place in _LEFT_OUT]
    slim = [*without, f"--dpkgopt=path-include={_KEPT}"]
    slim.append(f"--customize-hook=upload {shlex.quote(str(_APT_CONF))} /etc/apt/apt.conf.d/slim")
    slim.append('--customize-hook=rm -f "$1"/var/cache/apt/*.bin')
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", *slim, *options]
    done = subprocess.run([*command, suite, str(partial), *mirrors], capture_output=True, text=True, check=False)
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
