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
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.support import spoolvictim
from tests.support.home import Home
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
    # Half of the points each: it is the longest of all tests, and nothing in it waits.
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        halves = [
            pool.submit(spoolvictim.killed_at_each, str(template), str(place), good, first, 2) for first in (1, 2)
        ]
        (one, some), (other, others) = (half.result() for half in halves)
    assert abs(one - other) == 1
    assert one > 200, "the course of life has become shorter than it was"
    assert some | others == {"thinned", "dropped", "missing"}


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
        spoolvictim.judge(str(root), good, empty=True)
    assert refused, "nothing was refused"


FULL = (
    PREAMBLE
    + """
world = spoolvictim.a_world(root)
for n in range(3):
    world.append("state", {"n": n})
ballast = os.open(root + "/ballast", os.O_WRONLY | os.O_CREAT)
try:
    while True:
        os.write(ballast, b"x" * 4096)
except OSError:
    os.close(ballast)
spoolvictim.live(world, os.open("/dev/null", os.O_WRONLY))
assert any("No space" in words for words in world.said), world.said
os.unlink(root + "/ballast")
world.settle()
world.accepted |= {(boot, seq): kind for (boot, seq), kind in good.items()}
world.check()
print("done")
"""
)


@pytest.mark.rule("D-spool-whole", "D-spool-boots")
@pytest.mark.timeout(100)
def test_a_disk_that_is_full_costs_no_declaration_and_is_left_behind(place: pathlib.Path) -> None:
    need("unshare")
    template = place / "template"
    good = spoolvictim.prepare(str(template))
    script = 'mount -t tmpfs -o size=300k none "$1" && cp -a "$2"/. "$1" && exec "$3" -P -c "$4" "$1"'
    source = FULL.replace("world = ", f"good = {good!r}\nworld = ", 1)
    (place / "disk").mkdir()
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(place / "disk"), str(template), sys.executable, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    assert done.stdout == "done\n", done.stderr[-3000:]


FOREIGN = (
    PREAMBLE
    + """
main = root + "/main"
if os.getuid() == 0:
    for directory, _, files in os.walk(root):
        for path in [directory, *(directory + "/" + name for name in files)]:
            os.chown(path, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
good = eval(sys.argv[2])
what = sys.argv[3]
if what == "directory":
    os.chmod(main, 0)
elif what == "read-only":
    os.chmod(main, 0o500)
else:
    os.chmod(sorted(main + "/" + name for name in os.listdir(main))[2], 0)
world = spoolvictim.a_world(root) if what != "directory" else spoolvictim.World(root, boots=spoolvictim.BOOTS)
spoolvictim.live(world, os.open("/dev/null", os.O_WRONLY))
for _ in range(8):
    world.clock.advance(70_000)
    world.settle()
os.chmod(main, 0o700)
world.settle()
if what == "segment":
    world.accepted |= good
    assert {reason for *_, reason in world.ranges} >= {"unreadable"}, world.ranges
    assert os.listdir(main + "/bad"), world.said
if what == "read-only":
    world.accepted |= good
    world.boot()
    world.settle()
world.check()
print("done")
"""
)


@pytest.mark.rule("D-spool-whole", "D-spool-boots", "D-spool-quarantine")
@pytest.mark.timeout(100)
@pytest.mark.parametrize("what", ["directory", "read-only", "segment"])
def test_wrong_permissions_hold_up_nothing(place: pathlib.Path, what: str) -> None:
    good = spoolvictim.prepare(str(place / "root"))
    place.chmod(0o755)
    command = [sys.executable, "-P", "-c", FOREIGN, str(place / "root"), repr(good), what]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    assert done.stdout == "done\n", done.stderr[-3000:]


def a_ruin(journal: pathlib.Path, what: str) -> None:
    """Make of a journal what no instance should have to live with."""
    segments = sorted(journal.glob("*.j"))
    if what == "garbage":
        for path in segments:
            path.chmod(0o600)
            path.write_bytes(os.urandom(5000))
    elif what == "torn":
        for path in segments:
            os.truncate(path, path.stat().st_size - 3)
    elif what == "zeros":
        for path in segments:
            path.chmod(0o600)
            with path.open("ab") as file:
                file.write(bytes(1 << 20))
    elif what == "cursors":
        (journal / "cursors.json").write_bytes(b"\xff{")
        (journal / "audit.json").mkdir()
    elif what == "in the way":
        (journal / "bad").write_text("x")
        (journal / "rejected").write_text("x")
        shutil.rmtree(journal / "reserve", ignore_errors=True)
        (journal / "reserve").unlink(missing_ok=True)
        (journal / "reserve").mkdir()
    elif what == "links":
        for number in range(90, 99):
            (journal / f"{number:08d}-link-000000000001.j").symlink_to("/dev/zero")
    elif what == "a file":
        shutil.rmtree(journal)
        journal.write_text("no directory")
    else:
        shutil.rmtree(journal)
        journal.symlink_to("/nonexistent/journal")


@pytest.mark.rule("D-spool-boots")
@pytest.mark.parametrize(
    "what", ["garbage", "torn", "zeros", "cursors", "in the way", "links", "a file", "a dangling link"]
)
def test_an_instance_boots_whatever_its_spool_looks_like(home: Home, what: str) -> None:
    home.service("web")
    assert home.start().wait_state("UP").stop() == 0
    journal = home.root / "data/.ww/journal"
    a_ruin(journal, what)
    instance = home.start().wait_state("UP")
    shown = subprocess.run(
        [sys.executable, "-P", "-m", "ww", "spool", "--json", "--root", str(home.root)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert instance.stop() == 0
    assert shown.returncode == 0, shown.stderr
    assert '"format":1' in shown.stdout
