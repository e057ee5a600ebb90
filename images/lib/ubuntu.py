"""Where Ubuntu's packages are, and the keys that they are signed with: no Debian has these."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import tarfile
import urllib.request
from io import BytesIO
from pathlib import Path

from lib.engine import CannotBuildError, UnreachableError

SUITES = {"18.04": "bionic", "20.04": "focal", "22.04": "jammy", "24.04": "noble", "26.04": "resolute"}
"""Tags of the published images are versions; the archive knows names."""
OPTIONS = [
    "--include=apt,ubuntu-keyring",
    r'''--customize-hook=sed -i 's/ main$/& universe/' "$1/etc/apt/sources.list"''',
]
"""As the published image has it; the long list of universe is for who installs from it."""
_MACHINES_OF_PORTS = ("aarch64", "armv7l", "ppc64le", "riscv64", "s390x")
_INSTALLED = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
_PACKAGE = "pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb"
_SHA256 = "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8"
"""Of the package: whoever brings it, these are the keys of Ubuntu's archive of 2012 and 2018."""
_TIMEOUT_S = 30


def mirror() -> str:
    """Where the packages for this machine are."""
    of_ports = platform.machine() in _MACHINES_OF_PORTS
    return "http://ports.ubuntu.com/ubuntu-ports" if of_ports else "http://archive.ubuntu.com/ubuntu"


def keyring(work: Path) -> Path:
    """A file with the keys of the archive; fetched once where this machine has none.

    Raises UnreachableError when the archive cannot be reached, CannotBuildError when it answers with something else.
    """
    kept = work / _INSTALLED.name
    if _INSTALLED.exists() or kept.exists():
        return _INSTALLED if _INSTALLED.exists() else kept
    address = f"{mirror()}/{_PACKAGE}"
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - a constant of ours
            package = answer.read()
    except OSError as error:
        raise UnreachableError(f"{address} cannot be fetched: {error}") from None
    if hashlib.sha256(package).hexdigest() != _SHA256:
        raise CannotBuildError(f"{address} is not the package that was meant: its SHA-256 is another")
    opened = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", "/dev/stdin"], input=package, capture_output=True, check=True
    )
    with tarfile.open(fileobj=BytesIO(opened.stdout)) as tar:
        keys = tar.extractfile(f".{_INSTALLED}")
        assert keys, f"{_PACKAGE} has no {_INSTALLED}"
        kept.write_bytes(keys.read())
    return kept
