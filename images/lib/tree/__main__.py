"""Assembles the tree /ww in the container of Dockerfile.tree, and writes it to standard output as a tar of two tars.

lib.tar is what others have made: the interpreter, its libraries, what ww depends on. ww.tar is ours, and goes over it.
So a new ww is a layer of its own, and the large one beneath stays what it is.

An image gets its own interpreter, loader and libraries, so that ww runs whatever the image is made of: a glibc of any
age, musl, or none. Nothing here depends on when or where it runs: two runs write the same bytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import archive
import interpreter
import sbom

WW = Path("/ww")
PY = WW / "lib" / "py"
WHEELHOUSE = Path("/src/wheelhouse")
PIP = Path("/usr/share/python-wheels")
EMPTY = ("usr", "files", "etc", "bin", "lib/plugins")
OUTSIDE = (Path("/data"), Path("/backup"))
TESTS = ("tests", "kazoo/testing", "jsonschema/benchmarks")
"""Directories of dependencies that only their own authors run."""
PLUGINS = WW / "lib" / "plugins"
"""Where an image puts sink plugins: found after all that is ours, so that what they bring along replaces nothing."""


def install(packages: Path) -> None:
    """ww and its dependencies from the wheelhouse, and from nowhere else."""
    pip = next(PIP.glob("pip-*.whl"))
    command = [sys.executable, f"{pip}/pip", "install", "--quiet", "--no-index", "--find-links", str(WHEELHOUSE)]
    run([*command, "--no-compile", "--root-user-action=ignore", "--target", str(packages), "whaleware[check]"])
    # Console scripts would name the interpreter that installed them.
    unused = [packages / "bin", *(path for name in TESTS for path in packages.rglob(name) if path.is_dir())]
    run(["rm", "-rf", *map(str, unused)])
    (packages / "plugins.pth").write_text(f"{PLUGINS}\n")


def launchers(python: Path) -> None:
    """/ww/run, /ww/cfg and /ww/bin/ww."""
    run([str(python), "-I", "-m", "ww", "launcher", str(WW)])


def run(command: list[str]) -> None:
    """Everything that is said goes to standard error: standard output is the tar."""
    subprocess.run(command, check=True, stdout=sys.stderr)


def main() -> None:
    """Write the two."""
    for place in (*OUTSIDE, *(WW / name for name in EMPTY)):
        place.mkdir(parents=True, exist_ok=True)
    for place in OUTSIDE:
        place.chmod(0o775)  # any user of group 0 may write a new volume: `--user 12345` has that group
    python = interpreter.assemble(PY)
    shutil.copy("/src/ww-start", python.parent / "ww-start")
    packages = PY / "lib" / f"python{interpreter.VERSION}" / "dist-packages"
    install(packages)
    interpreter.complete(PY)
    # What is kept of a source's time stays true in the image.
    archive.set_times([WW])
    run([str(python), "-IS", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(PY / "lib")])
    ours = [packages / "ww", *packages.glob("whaleware-*")]
    of_others = [path for path in archive.everything([*OUTSIDE, WW]) if not any(map(path.is_relative_to, ours))]
    launchers(python)
    sbom.write(PY, packages, interpreter.TAKEN)
    rest = set(archive.everything([WW])).difference(of_others)
    write({"lib.tar": of_others, "ww.tar": archive.with_parents(rest, WW)})


def write(layers: dict[str, list[Path]]) -> None:
    """One tar for each layer, in a tar."""
    with tempfile.TemporaryDirectory() as place, tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as both:
        for name, paths in layers.items():
            with Path(place, name).open("wb") as file:
                archive.write(paths, file)
            both.add(Path(place, name), name)


main()
