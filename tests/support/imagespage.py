"""The table of images in docs/images.md."""

from __future__ import annotations

import re

from tests.support.paths import REPO

PAGE = (REPO / "docs" / "images.md").read_text()


def rows() -> dict[str, int]:
    """Each image, and how many MB it adds to the base."""
    return {name: int(size) for name, size in re.findall(r"^\| `([\w-]+)` \|.*\| (\d+) MB \|$", PAGE, re.MULTILINE)}
