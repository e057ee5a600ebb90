"""Debian's Python as a tree of its own: with its loader and libraries, without what a container has no use for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

VERSION = "3.11"
EXECUTABLE = Path(f"/usr/bin/python{VERSION}")
LIBRARY = Path(f"/usr/lib/python{VERSION}")

LOADED_LATER = (
    # A library of another glibc than ours must never be found outside the tree.
    *("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libresolv.so.2", "libanl.so.1"),
    *("libnss_compat.so.2", "libnss_dns.so.2", "libnss_files.so.2", "libgcc_s.so.1"),
)

TAKEN: list[Path] = []
"""Every file of Debian's that went into the tree, for the bill of materials."""

UNUSED = (
    *("EXTERNALLY-MANAGED", "config-*", "sitecustomize.py", "test", "__phello__", "__pycache__"),
    # For making and packing programs, and for looking at them.
    *("distutils", "ensurepip", "idlelib", "lib2to3", "venv", "pydoc_data", "turtle.py", "turtledemo", "tkinter"),
    *("unittest", "doctest.py", "ctypes/test", "antigravity.py", "this.py", "zipapp.py", "xmlrpc"),
    # Libraries of terminals and old databases that nothing of ours opens.
    *("curses", "dbm", "crypt.py"),
    *(
        f"lib-dynload/{name}.*"
        for name in ("_test*", "_ctypes_test", "_xxtestfuzz", "xxlimited*", "_tkinter", "_curses*", "readline")
    ),
    # Character sets of several bytes that are not UTF-8: a build has no text in them.
    "lib-dynload/_codecs_*",
    *(f"lib-dynload/{name}.*" for name in ("_dbm", "_gdbm", "_crypt", "nis", "audioop", "ossaudiodev")),
)


def assemble(home: Path) -> Path:
    """Make the tree in `home`; its interpreter."""
    programs, libraries, modules = home / "bin", home / "lib", home / "lib" / LIBRARY.name
    programs.mkdir(parents=True)
    libraries.mkdir()
    left_out = {path for pattern in UNUSED for path in LIBRARY.glob(pattern)}

    def ignored(directory: str, names: list[str]) -> set[str]:
        return {name for name in names if name == "__pycache__" or Path(directory, name) in left_out}

    shutil.copytree(LIBRARY, modules, ignore=ignored)
    TAKEN.extend(LIBRARY / path.relative_to(modules) for path in modules.rglob("*") if path.is_file())
    (modules / "dist-packages").mkdir(exist_ok=True)
    python = copy_program(EXECUTABLE, programs / "python3", libraries)
    for name in LOADED_LATER:
        copy(Path("/lib").joinpath(found_below_lib(name)), libraries)
    return python


def found_below_lib(name: str) -> Path:
    """A library in the directory of this machine's architecture."""
    return next(Path("/lib").glob(f"*-linux-gnu/{name}"))


def complete(home: Path) -> None:
    """Add what the extension modules in the tree are linked with, those of wheels among them."""
    for extension in sorted((home / "lib").rglob("python*/**/*.so")):
        copy_libraries(extension, home / "lib")


def copy(library: Path, libraries: Path) -> None:
    """Take it, once."""
    target = libraries / library.name
    if not target.exists():
        shutil.copy(library, target)
        TAKEN.append(library)


def copy_program(source: Path, target: Path, libraries: Path) -> Path:
    """A program that is started by the tree's own loader and finds the tree's own libraries first."""
    loader = Path(patchelf("--print-interpreter", str(source)))
    shutil.copy(source, target)
    TAKEN.append(source)
    copy_libraries(source, libraries)
    # DT_RPATH, as it also holds for what is loaded later, and goes before LD_LIBRARY_PATH.
    patchelf(
        "--set-interpreter", str(libraries / loader.name), "--force-rpath", "--set-rpath", str(libraries), str(target)
    )
    return target


def copy_libraries(binary: Path, libraries: Path) -> None:
    """Everything that `binary` is linked with, and the loader."""
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    for found in re.findall(r"(/\S+)", listed):
        if not found.startswith(str(libraries)):
            copy(Path(found), libraries)


def patchelf(*arguments: str) -> str:
    """What it prints."""
    return subprocess.run(["patchelf", *arguments], capture_output=True, text=True, check=True).stdout.strip()
