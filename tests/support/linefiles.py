"""Files that somebody adds lines to while a test reads them."""

from __future__ import annotations

import pathlib


def whole_lines(path: pathlib.Path) -> list[str]:
    """Each line without its end, which is a line feed and nothing else; one that is being written is none yet."""
    return [line.decode() for line in path.read_bytes().split(b"\n")[:-1]]
