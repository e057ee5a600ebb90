"""The spool against kills at every call, disks that fail, full disks, wrong permissions; and instances that boot with what is left."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from tests.support import spoolvictim
from tests.support.paths import PACKAGE, REPO
from tests.support.services import need

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
PREAMBLE = f"""
import ctypes, os, sys
sys.path[:0] = [{str(PACKAGE.parent)!r}, {str(REPO)!r}]
from tests.support import spoolvictim
root = sys.argv[1]
"""


@pytest.fixture
def place() -> Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as path:
        yield pathlib.Path(path)


@pytest.mark.rule("D-spool-whole", "D-spool-declared", "D-spool-quarantine", "D-spool-cursors")
@pytest.mark.timeout(300)
def test_killed_in_front_of_and_behind_every_call_nothing_is_lost_without_a_word(place: pathlib.Path) -> None:
    template = place / "template"
    good = spoolvictim.prepare(str(template))
    point, reasons = 0, set()
    killed = True
    while killed:
        point += 1
        root = place / str(point)
        killed = spoolvictim.killed_at(str(template), str(root), point)
        reasons |= {reason for *_, reason in spoolvictim.judge(str(root), good).ranges}
        shutil.rmtree(root)
    assert point > 200, "the course of life has become shorter than it was"
    assert reasons == {"thinned", "dropped", "missing"}


FAILING = (
    PREAMBLE
    + """
fiu = ctypes.CDLL("libfiu.so.0")
fiu.fiu_enable_random.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_float]
assert fiu.fiu_init(0) == 0
world, record = spoolvictim.a_world(root), spoolvictim.a_receiver(root)
number, probability, *names = sys.argv[2:]
for name in names:
    assert fiu.fiu_enable_random(b"posix/io/" + name.encode(), 1, int(number), 0, float(probability)) == 0
spoolvictim.live(world, record)
for name in names:
    assert fiu.fiu_disable(b"posix/io/" + name.encode()) == 0
os.write(1, repr(sorted(set(world.said))).encode())
os._exit(0)
"""
)
WRITING = ("oc/open", "rw/write", "rw/ftruncate", "sync/fsync", "sync/fdatasync", "dir/rename", "dir/unlink")
WRITE_ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.ESTALE, errno.EMFILE)
READ_ERRORS = (errno.EIO, errno.EACCES, errno.ESTALE)
READING = ("oc/open", "rw/read", "rw/pread", "dir/opendir")


@pytest.mark.rule("D-spool-whole", "D-spool-boots")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("number", "names"),
    [
        *[pytest.param(number, WRITING, id=f"writing-{errno.errorcode[number]}") for number in WRITE_ERRORS],
        *[pytest.param(number, READING, id=f"reading-{errno.errorcode[number]}") for number in READ_ERRORS],
        pytest.param(errno.EIO, tuple(dict.fromkeys(WRITING + READING)), id="both-EIO"),
    ],
)
def test_whatever_the_disk_answers_nothing_is_lost_and_nothing_fails(
    place: pathlib.Path, number: int, names: tuple[str, ...]
) -> None:
    need("fiu")
    template = place / "template"
    good = spoolvictim.prepare(str(template))
    refused = 0
    for probability in (0.02, 0.2, 1.0):
        root = place / str(probability)
        shutil.copytree(template, root)
        command = [
            "fiu-run",
            "-x",
            sys.executable,
            "-P",
            "-c",
            FAILING,
            str(root),
            str(number),
            str(probability),
            *names,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stderr[-3000:]
        refused += os.strerror(number) in done.stdout
        spoolvictim.judge(str(root), good)
    assert refused, "nothing was refused"
