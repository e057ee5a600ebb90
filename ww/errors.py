"""The errors of ww and its exit codes; imports nothing of ww.

    WwError              something a person must act on; carries the exit code
    ├── UsageError       64  the command line is wrong
    ├── ConfigError      78  the configuration cannot be used (carries every problem found)
    ├── HookError        70  a hook failed for good
    └── TryAgainError    75  a lock or a resource could not be had in time

Messages begin with what could not be done, then where, then what to do about it.
Outcomes that are part of normal work are values, never exceptions (decisions, "Three things to avoid").
"""

from __future__ import annotations

EXIT_OK = 0
"""Clean stop."""
EXIT_GAVE_UP = 1
"""The restart budget is spent: the service itself does not stay up."""
EXIT_LOOKUP = 2
"""`ww cfg` and `ww render` only: usage or a configuration that cannot be read."""
EXIT_USAGE = 64
"""The command line is wrong."""
EXIT_UNAVAILABLE = 69
"""Commands that ask an instance: none answers, because none runs or it cannot be reached."""
EXIT_HOOK = 70
"""A hook failed for good, or ww itself failed."""
EXIT_TRY_AGAIN = 75
"""A lock or a resource could not be had; the same start may work later."""
EXIT_CONFIG = 78
"""The configuration is invalid, or the data was written by a newer image."""


class WwError(Exception):
    """Base of every error that ww shows to a person; `exit_code` is what the process ends with."""

    exit_code = EXIT_HOOK


class UsageError(WwError):
    """The command line is wrong."""

    exit_code = EXIT_USAGE


class HookError(WwError):
    """A hook failed for good."""

    exit_code = EXIT_HOOK


class TryAgainError(WwError):
    """A lock or a resource could not be had in time; trying again later may work."""

    exit_code = EXIT_TRY_AGAIN


class ConfigError(WwError):
    """The configuration cannot be used.

    `problems` lists every one found: dicts with `message` and, where known, `layer`, `file`, `line`, `column`, `path`.
    """

    exit_code = EXIT_CONFIG

    def __init__(self, problems: list[dict[str, str | int]]) -> None:
        super().__init__("; ".join(problem_text(problem) for problem in problems))
        self.problems = problems


def problem_text(problem: dict[str, str | int]) -> str:
    """One problem of a configuration as one line: `LAYER:LINE:COLUMN: PATH: MESSAGE`, with the file if it has another name."""
    layer = str(problem.get("layer", "configuration"))
    file = str(problem.get("file", layer))
    where = layer if file == layer else f"{layer} ({file})"
    for key in ("line", "column"):
        if key in problem:
            where += f":{problem[key]}"
    path = problem.get("path")
    return f"{where}: {path}: {problem['message']}" if path else f"{where}: {problem['message']}"
