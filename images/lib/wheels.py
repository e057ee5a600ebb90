"""The wheelhouse: ww's wheel and the locked dependencies for the interpreter of the images, fetched before any build."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from typing import TYPE_CHECKING

from lib.engine import REPO, CannotBuildError

if TYPE_CHECKING:
    from pathlib import Path

LOCK = REPO / "scripts" / "lock" / "image.txt"
PYTHON = "3.11"
"""What Debian 12 has, and so the images."""
GLIBC = ("manylinux2014", "manylinux_2_17")


def wheelhouse(work: Path) -> Path:
    """A directory with the wheels; the locked ones are fetched again only when the lock changes. Raises CannotBuildError."""
    _run([str(REPO / "scripts" / "venv"), "build"])
    house = work / "wheelhouse"
    mark = house / "LOCK"
    have = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != have:
        shutil.rmtree(house, ignore_errors=True)
        house.mkdir(parents=True)
        _fetch(house)
        mark.write_text(have)
    for old in house.glob("whaleware-*.whl"):
        old.unlink()
    for wheel in (REPO / ".venv" / "ww-wheel").glob("*.whl"):
        shutil.copy(wheel, house)
    return house


def _fetch(house: Path) -> None:
    machine = platform.machine()
    for_them = ["--implementation", "cp", "--python-version", PYTHON]
    for_them += [part for name in GLIBC for part in ("--platform", f"{name}_{machine}")]
    pip = [str(REPO / ".venv" / "bin" / "python"), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "--only-binary", ":all:", *for_them, "-d", str(house), "-r", str(LOCK)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuildError(f"{' '.join(command[:4])} … failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")
