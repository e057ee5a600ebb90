"""Where the command `ww` itself is, for those who start it again: hooks by PATH, its helper children by file."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMPILE = "_compile"
"""The word by which `ww run` starts its compile child through `ww/launch.py`."""

CHECK = "_check"
"""The word by which `ww run` starts a readiness child in the same way."""

REPORTER = "_reporter"
"""The word by which `ww run` starts the reporter in the same way."""


_HELPERS = (COMPILE, CHECK, REPORTER)


def own_directory(environ: Mapping[str, str]) -> str:
    """The directory that holds the command `ww`, for the PATH of hooks; "" if there is none."""
    here = os.path.dirname(os.path.abspath(sys.argv[0]))
    for directory in (environ.get("WW_SELF", ""), os.path.dirname(sys.executable), f"{here}/bin", here):
        if directory and os.path.isfile(f"{directory}/ww") and os.access(f"{directory}/ww", os.X_OK):
            return directory
    return ""


def is_own(argv: Sequence[str]) -> bool:
    """Whether this starts a helper child of ours."""
    return len(argv) > 3 and argv[0] == sys.executable and argv[3] in _HELPERS and argv[2].endswith("/launch.py")


def compile_command() -> tuple[str, ...]:
    """What starts the compile child: a bare interpreter on this very installation of ww; it adds site packages if it needs them."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return (sys.executable, "-IS", f"{package}/launch.py", COMPILE)


def check_command() -> tuple[str, ...]:
    """What starts a readiness child: an interpreter without site packages, as it needs none and is to start fast."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return (sys.executable, "-IS", f"{package}/launch.py", CHECK)


def reporter_command() -> tuple[str, ...]:
    """What starts the reporter: as the compile child, an interpreter that adds site packages itself."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return (sys.executable, "-IS", f"{package}/launch.py", REPORTER)
