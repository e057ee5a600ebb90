"""Which images there are, in which order they are built, and what each is called."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib import debian, wheels
from lib.engine import REPO, CannotBuildError, Engine, find_engine

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = REPO / "images"
WORK = REPO / "build" / "images"
PREFIX = os.environ.get("WW_IMAGES") or "whaleware"
BASE = "debian:bookworm-slim"
EXIT_FAILED, EXIT_USAGE = 1, 64


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
    """Every image of this tree, the base first."""
    found = {"base": Image("base", version_of_ww(), REPO / "Dockerfile.base")}
    for dockerfile in sorted(IMAGES.glob("*/Dockerfile")):
        home = dockerfile.parent
        found[home.name] = Image(home.name, (home / "ww" / "etc" / "version").read_text().strip(), dockerfile)
    return found


def version_of_ww() -> str:
    """As the wheel has it."""
    match = re.search(r'^__version__ = "([^"]+)"', (REPO / "ww" / "__init__.py").read_text(), re.MULTILINE)
    assert match, "ww/__init__.py names no version"
    return match.group(1)


def build_base(engine: Engine, image: Image, base: str) -> None:
    """The base image, from a context that holds no more than it needs."""
    debian.ensure(engine, base, WORK)
    context = WORK / "base"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    shutil.copytree(wheels.wheelhouse(WORK), context / "wheelhouse")
    shutil.copytree(REPO / "hooks-template", context / "hooks-template")
    engine.build(image.dockerfile, context, image.tags, {"BASE": base, "VERSION": image.version})


def build(names: list[str], base: str) -> None:
    """Build each of `names`, the base before the others; print its name and tag. Raises CannotBuildError."""
    images = known()
    engine = find_engine()
    for name in ["base", *(name for name in names if name != "base")]:
        image = images[name]
        if name == "base":
            build_base(engine, image, base)
        else:
            built_on = {"BASE": images["base"].tag, "VERSION": image.version}
            engine.build(image.dockerfile, image.dockerfile.parent, image.tags, built_on)
        print(name, image.tag, flush=True)


def main(arguments: list[str], usage: str) -> int:
    """0 built, 1 one could not be, 64 wrong words."""
    names, base = [], BASE
    words = iter(arguments)
    for word in words:
        if word in ("-h", "--help"):
            print(usage)
            return 0
        if word == "--list":
            print("".join(f"{name} {image.tag}\n" for name, image in known().items()), end="")
            return 0
        if word == "--base":
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
            build(names or list(known()), base)
    except CannotBuildError as error:
        print(f"images/build: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0
