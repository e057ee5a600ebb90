"""Root file systems for tests of the overlay: an old glibc from its own distribution, and one whose only libc is musl."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engine import UNREACHABLE
from tests.support.paths import REPO

KEYS = """
import sys
from pathlib import Path
from lib import engine, ubuntu
try:
    print(ubuntu.mirror(), ubuntu.keyring(Path(sys.argv[1])))
except engine.UnreachableError as error:
    sys.exit(print(error, file=sys.stderr) or int(sys.argv[2]))
"""
BUILT = REPO / "build" / "images"
"""Where images/build keeps what it has fetched."""
OLD_SUITE = "xenial"
"""Ubuntu 16.04: the oldest that the archive still has."""
PROGRAMS = "dash,coreutils,base-files"

APPLETS = ("KILL", "CAT", "SLEEP", "RM", "MKDIR", "MV", "CP", "DATE", "BASENAME")
SHELL = ("ASH", "SH_IS_ASH", "ASH_TEST", "ASH_ECHO", "ASH_PRINTF", "FEATURE_SH_MATH", "LFS")
MUSL = f"""\
FROM {{builder}} AS musl
RUN sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >/etc/apt/sources.list.d/source.list \\
 && apt-get update && apt-get install -y --no-install-recommends make && apt-get source --download-only busybox
RUN python3.11 -m tarfile -e busybox_*.orig.tar.bz2 . && mv busybox-*/ busybox
WORKDIR busybox
RUN make HOSTCC=musl-gcc allnoconfig >/dev/null \\
 && for one in {" ".join((*SHELL, *APPLETS))}; do sed -i "s/^# CONFIG_$one is not set/CONFIG_$one=y/" .config; done \\
 && (yes '' | make HOSTCC=musl-gcc oldconfig >/dev/null) \\
 && make -j2 CC=musl-gcc HOSTCC=musl-gcc EXTRA_CFLAGS='-O0 -w' busybox >/dev/null
RUN mkdir -p /root/musl/bin /root/musl/lib && cp -L /lib/ld-musl-* /root/musl/lib && cp busybox /root/musl/bin \\
 && for one in sh {" ".join(APPLETS).lower()}; do ln -s busybox /root/musl/bin/$one; done
FROM scratch
COPY --from=musl /root/musl /
"""
"""The loader of Debian's musl and a busybox linked with it: a shell and what hooks call, and nothing else."""


def old_glibc(tar: Path) -> None:
    """Write a file system of glibc 2.23 (2016): unpacked, not set up, for the machinery of today cannot do that."""
    keys = subprocess.run(
        [sys.executable, "-c", KEYS, str(BUILT), str(UNREACHABLE)],
        cwd=REPO / "images",
        capture_output=True,
        text=True,
        check=False,
    )
    if keys.returncode == UNREACHABLE:
        pytest.skip(f"unreachable-base: {keys.stderr.strip()}")
    assert keys.returncode == 0, keys.stderr
    mirror, keyring = keys.stdout.split()
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={PROGRAMS}", f"--keyring={keyring}"]
    done = subprocess.run([*command, OLD_SUITE, str(tar), mirror], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
