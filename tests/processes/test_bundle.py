"""The bundle of the run path: what it holds is what an import would have made, and a foreign or stale one is not used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.paths import PACKAGE

LOAD = """
import sys
path, bundle = sys.argv[1:]
scope = {"__name__": "ww_launch", "__file__": path}
exec(compile(open(path).read(), path, "exec"), scope)
package = path.rpartition("/")[0]
scope["_mount"](package)
scope["_load"](bundle, package)
import ww.entrypoint, ww.instance.services.process, ww.instance.commands, ww.instance.control
everything = sorted(name for name in sys.modules if name.startswith("ww."))
bundled = [name for name in everything if type(sys.modules[name].__spec__.loader).__name__ != "SourceFileLoader"]
"""


class Installation:
    """A copy of the package and its bundle."""

    def __init__(self, place: Path) -> None:
        self.package = place / "ww"
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        self.bundle = place / "run.bundle"
        command = [sys.executable, "-IS", "-X", "no_debug_ranges", str(self.package / "bundling.py")]
        self.bundle.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
        self.bundle.chmod(0o644)

    def run(self, program: str) -> object:
        """What `program` says with the bundle loaded, where there is one to be had."""
        command = [sys.executable, "-IS", "-c", LOAD + program, str(self.package / "launch.py"), str(self.bundle)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def bundled(self) -> list[str]:
        """The modules that came from the bundle."""
        return self.run("import json; print(json.dumps(bundled))")  # type: ignore[return-value]


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.mark.rule("D-bundle")
def test_the_whole_run_path_comes_from_the_bundle(installed: Installation) -> None:
    bundled, everything = installed.run("import json; print(json.dumps([bundled, everything]))")  # type: ignore[misc]
    assert bundled == everything
    assert len(bundled) > 50


NAMES = """
import json
def names(module):
    return {name: kind(value) for name, value in vars(module).items()
            if name not in ("__builtins__", "__loader__", "__cached__", "__annotations__", "__doc__", "annotations",
                            "TYPE_CHECKING")}
def kind(value):
    if isinstance(value, type):
        return [value.__name__, value.__module__, sorted(set(vars(value)) - {"__annotations__", "__doc__", "__firstlineno__",
                                                                             "__static_attributes__"})]
    if isinstance(value, (str, int, tuple, dict, frozenset)):
        return [type(value).__name__, len(repr(value)), str(value) if isinstance(value, (str, int)) else ""]
    return type(value).__name__
print(json.dumps({name: names(sys.modules[name]) for name in sorted(sys.modules) if name.startswith("ww.")}))
"""


@pytest.mark.rule("D-bundle")
def test_what_it_makes_is_what_an_import_makes(installed: Installation) -> None:
    bundled = installed.run(NAMES)
    installed.bundle.unlink()
    assert installed.bundled() == []
    assert bundled == installed.run(NAMES)


@pytest.mark.rule("D-bundle")
def test_a_traceback_names_file_and_line(installed: Installation) -> None:
    said = installed.run(
        """
import json, traceback
try:
    ww.entrypoint.parse(["--nonsense"])
except Exception as error:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    print(json.dumps([frame.filename, frame.line]))
"""
    )
    assert said[0] == str(installed.package / "entrypoint.py")  # type: ignore[index]
    line = str(said[1])  # type: ignore[index]
    assert line.startswith("raise UsageError(")
    assert line in [text.strip() for text in (installed.package / "entrypoint.py").read_text().splitlines()]


def touched(one: Installation) -> None:
    file = one.package / "clock.py"
    os.utime(file, (1, 1))


def edited(one: Installation) -> None:
    file = one.package / "instance/perform.py"
    before = file.stat()
    file.write_text(file.read_text() + "\n")
    os.utime(file, (before.st_atime, before.st_mtime))


def of_another_version(one: Installation) -> None:
    file = one.package / "__init__.py"
    file.write_text(file.read_text().replace('__version__ = "', '__version__ = "9'))


def of_another_directory(one: Installation) -> None:
    shutil.copytree(one.package, one.package.parent / "other" / "ww", copy_function=shutil.copy2)
    one.package = one.package.parent / "other" / "ww"


def of_another_python(one: Installation) -> None:
    content = bytearray(one.bundle.read_bytes())
    content[content.index(b"\n") + 1] ^= 1
    one.bundle.write_bytes(content)


def cut_off(one: Installation) -> None:
    one.bundle.write_bytes(one.bundle.read_bytes()[:-1000])


def damaged(one: Installation) -> None:
    """One bit, somewhere in the code."""
    content = bytearray(one.bundle.read_bytes())
    content[len(content) // 2] ^= 4
    one.bundle.write_bytes(content)


def writable_by_others(one: Installation) -> None:
    one.bundle.chmod(0o666)


def writable_by_the_group(one: Installation) -> None:
    one.bundle.chmod(0o664)


def a_link(one: Installation) -> None:
    one.bundle.rename(one.bundle.with_suffix(".real"))
    one.bundle.symlink_to(one.bundle.with_suffix(".real"))


def a_fifo(one: Installation) -> None:
    one.bundle.unlink()
    os.mkfifo(one.bundle, 0o600)


def somebody_elses(one: Installation) -> None:
    os.chown(one.bundle, 12345, 12345)


WRONG = [
    touched,
    edited,
    of_another_version,
    of_another_directory,
    of_another_python,
    cut_off,
    damaged,
    writable_by_others,
    writable_by_the_group,
    a_link,
    a_fifo,
    pytest.param(
        somebody_elses, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
    ),
]


@pytest.mark.rule("D-bundle")
@pytest.mark.parametrize("wrong", WRONG)
def test_a_bundle_that_is_not_exactly_ours_is_passed_over(
    installed: Installation, wrong: Callable[[Installation], None]
) -> None:
    assert installed.bundled()
    wrong(installed)
    assert installed.bundled() == []
