"""What a compile leaves behind: `cfg.json`, its provenance, and the cache that PID 1 goes by (runtime.md 25).

Parses and merges nothing, so PID 1 may use it where there is nothing to compile.
"""

from __future__ import annotations

import marshal
import os

from ww.clib import json_dumps
from ww.config import settings
from ww.config.atomic import write
from ww.config.inputs import fingerprint
from ww.errors import ConfigError
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ww.config.model import Problem
    from ww.home.layout import Layout
    from ww.types import Json

CACHE_FORMAT = 3
PROVENANCE_FORMAT = 1


class Result(Value):
    """A valid configuration with the provenance of its leaves, its references to secrets, and the texts to be masked.

    `private`: a value that the schema hides stands in it as it is, so that only its owner may read the file.
    `rests_on`: what it was checked by besides its inputs, as paths with their fingerprints.
    """

    __slots__ = ("cfg", "leaves", "secrets", "hidden", "warnings", "private", "rests_on")

    def __init__(
        self,
        cfg: dict[str, Json],
        leaves: list[dict[str, Json]],
        secrets: list[dict[str, str]],
        hidden: list[str],
        warnings: list[Problem],
        *,
        private: bool,
        rests_on: dict[str, list[int]] | None = None,
    ) -> None:
        self.cfg = cfg
        self.leaves = leaves
        self.secrets = secrets
        self.hidden = hidden
        self.warnings = warnings
        self.private = private
        self.rests_on = rests_on or {}


EMPTY = Result({}, [], [], [], [], private=False)
"""What comes of no layer at all."""


def store(layout: Layout, run: str, key: str, result: Result) -> dict[str, Any]:
    """Write all three and return the cache; without a run directory ("") only `cfg.json` is written. Raises ConfigError."""
    cfg_path = _write_cfg(layout, run, result)
    cache = {
        "format": CACHE_FORMAT,
        "key": key,
        "settings": settings.fill(result.cfg),
        "service_defaults": settings.service_defaults(),
        "cfg_path": cfg_path,
        "cfg_print": fingerprint(cfg_path),
        "secrets": result.secrets,
        "hidden": result.hidden,
        "warnings": result.warnings,
        "rests_on": result.rests_on,
    }
    if run:
        provenance = {"format": PROVENANCE_FORMAT, "leaves": result.leaves}
        _write_own(f"{run}/cfg.provenance.json", json_dumps(provenance).encode() + b"\n")
        _write_own(f"{run}/cfg.cache", marshal.dumps(cache))
    return cache


def _write_cfg(layout: Layout, run: str, result: Result) -> str:
    """Write `cfg.json` where it can be written, remove the one that would hide it, and return its path; "" for none."""
    data = json_dumps(result.cfg).encode() + b"\n"
    mode = 0o600 if result.private else 0o644
    path, other = f"{layout.etc}/cfg.json", f"{run}/cfg.json"
    try:
        write(path, data, mode)
    except OSError as error:
        if not run and not result.cfg and not os.path.lexists(path):
            return ""  # nothing is configured, so nothing is missed: a wrapped command needs no place to write
        if not run:
            found = _unwritable(path, error)
            where = "and there is no run directory that could take it: mount a tmpfs at /run, or name one by WW_RUN"
            raise ConfigError([{**found, "message": f"{found['message']}, {where}"}]) from None
        _write_own(other, data, mode)
        return other
    if run:
        _remove(other)
    return path


def _write_own(path: str, data: bytes, mode: int = 0o600) -> None:
    try:
        write(path, data, mode)
    except OSError as error:
        raise ConfigError([_unwritable(path, error)]) from None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError([_unwritable(path, error)]) from None


def _unwritable(path: str, error: OSError) -> Problem:
    return {"layer": path, "file": path, "message": f"it cannot be written: {error.strerror}"}
