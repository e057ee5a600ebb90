"""Which images there are, in which order they are built, and what each is called."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib import debian, wheels
from lib.engine import REPO, CannotBuildError, Engine, UnreachableError, find_engine

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = REPO / "images"
LIB = IMAGES / "lib"
WORK = REPO / "build" / "images"
PREFIX = os.environ.get("WW_IMAGES") or "whaleware"
BASE = "debian:bookworm-slim"
OURS = ("base", "overlay")
LAYERS = ("lib.tar", "ww.tar")
"""Of the base and the overlay, as images/lib/tree makes them."""
EXIT_FAILED, EXIT_USAGE, EXIT_UNAVAILABLE = 1, 64, 69


@dataclass(frozen=True)
class Image:
    """An image by its short name; `dockerfile` says how it is made."""

    name: str
    version: str
    dockerfile: Path

    @property
    def tag(self) -> str:
        """As in `docker run`."""
        return f"{PREFIX}/{self.name}:{self.version}"

    @property
    def tags(self) -> list[str]:
        """The one with the version, and the one that a Dockerfile names without knowing it."""
        return [self.tag, f"{PREFIX}/{self.name}:latest"]


def known() -> dict[str, Image]:
    """Every image of this tree, those first that hold ww."""
    found = {name: Image(name, version_of_ww(), REPO / f"Dockerfile.{name}") for name in OURS}
    for dockerfile in sorted(IMAGES.glob("*/Dockerfile")):
        home = dockerfile.parent
        found[home.name] = Image(home.name, (home / "ww" / "etc" / "version").read_text().strip(), dockerfile)
    return found


def version_of_ww() -> str:
    """As the wheel has it."""
    match = re.search(r'^__version__ = "([^"]+)"', (REPO / "ww" / "__init__.py").read_text(), re.MULTILINE)
    assert match, "ww/__init__.py names no version"
    return match.group(1)


def make_tree(engine: Engine) -> None:
    """The tars of /ww for the base and the overlay; made again only when something that goes into them has changed."""
    debian.ensure(engine, BASE, WORK)
    context = fresh("tree-context")
    shutil.copytree(wheels.wheelhouse(WORK), context / "wheelhouse")
    shutil.copytree(LIB / "tree", context / "tree", ignore=shutil.ignore_patterns("__pycache__"))
    builder = f"{PREFIX}/builder:latest"
    engine.build(LIB / "Dockerfile.tree", context, [builder], {"BASE": BASE})
    mark = WORK / "layers.builder"
    identity = engine.identity(builder)
    if not mark.exists() or mark.read_text() != identity:
        mark.unlink(missing_ok=True)
        both = WORK / "layers.tar"
        engine.output(builder, both)
        with tarfile.open(both) as tar:
            for name in LAYERS:
                _extract(tar, name)
        both.unlink()
        mark.write_text(identity)


def _extract(tar: tarfile.TarFile, name: str) -> None:
    """Another file than the one that a build under way may have linked."""
    content = tar.extractfile(name)
    assert content, f"the builder wrote no {name}"
    (WORK / name).unlink(missing_ok=True)
    with (WORK / name).open("wb") as file:
        shutil.copyfileobj(content, file)


def fresh(name: str) -> Path:
    """An empty directory."""
    directory = WORK / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def build_on_tree(engine: Engine, image: Image, arguments: dict[str, str]) -> None:
    """An image that is little more than the tree."""
    context = fresh(f"{image.name}-context")
    for name in LAYERS:
        os.link(WORK / name, context / name)
    engine.build(image.dockerfile, context, image.tags, {**arguments, "VERSION": image.version})


def build(names: list[str], base: str) -> None:
    """Build each of `names`, the base before the others; print its name and tag. Raises CannotBuildError."""
    images = known()
    engine = find_engine()
    make_tree(engine)
    for name in ["base", *(name for name in names if name != "base")]:
        image = images[name]
        if name == "base":
            debian.ensure(engine, base, WORK)
            build_on_tree(engine, image, {"BASE": base})
        elif name in OURS:
            build_on_tree(engine, image, {})
        else:
            built_on = {"BASE": images["base"].tag, "VERSION": image.version}
            engine.build(image.dockerfile, image.dockerfile.parent, image.tags, built_on)
        print(name, image.tag, flush=True)


def main(arguments: list[str], usage: str) -> int:
    """0 built, 1 one could not be, 64 wrong words, 69 what it is built of cannot be reached."""
    names, base, fetched = [], BASE, ""
    words = iter(arguments)
    for word in words:
        if word in ("-h", "--help"):
            print(usage)
            return 0
        if word == "--list":
            print("".join(f"{name} {image.tag}\n" for name, image in known().items()), end="")
            return 0
        if word == "--fetch":
            fetched = next(words, "")
        elif word == "--base":
            base = next(words, "")
        else:
            names.append(word)
    unknown = [name for name in names if name not in known()]
    if unknown or not base:
        wrong = f"no image {', '.join(unknown)}; there are {', '.join(known())}" if unknown else "--base needs an image"
        print(f"images/build: {wrong}", file=sys.stderr)
        return EXIT_USAGE
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        with (WORK / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if fetched:
                debian.ensure(find_engine(), fetched, WORK)
            else:
                build(names or list(known()), base)
    except CannotBuildError as error:
        print(f"images/build: {error}", file=sys.stderr)
        return EXIT_UNAVAILABLE if isinstance(error, UnreachableError) else EXIT_FAILED
    return 0
