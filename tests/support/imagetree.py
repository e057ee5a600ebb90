"""A home that holds a real service image's `/ww`, and a configuration over its defaults as an operator gives it."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

from tests.support.home import Home
from tests.support.paths import REPO

IMAGES = REPO / "images"


class ImageTree(Home):
    """The directory that `--root` gets, with the hooks and defaults of `images/NAME`; `config` lies over them."""

    def __init__(self, root: pathlib.Path, image: str) -> None:
        super().__init__(root)
        self.install(image)

    def install(self, image: str) -> None:
        """Put the image's `/ww` in the place of what is there, as a new version of an image does."""
        shutil.rmtree(self.root / "ww")
        shutil.copytree(IMAGES / image / "ww", self.root / "ww")

    def configure(self, **values: object) -> ImageTree:
        """Set keys of the image's configuration; `reload` or a start takes them over."""
        self.config.update(values)
        return self

    def figures(self) -> dict[str, Any]:
        """What the monitor hook printed last; empty before it ran."""
        health = self.status()["health"] or {}
        return health.get("monitor") or {}

    def write_config(self) -> None:
        layer = self.root / "ww/etc/conf.d/90-operator.json"
        layer.parent.mkdir(exist_ok=True)
        layer.write_text(json.dumps(self.config))
