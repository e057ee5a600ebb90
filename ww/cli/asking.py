"""What the commands that ask a running instance share: finding it, asking it, and saying why there is no answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ww.clock import Clock
from ww.errors import EXIT_CONFIG, EXIT_GAVE_UP, EXIT_TRY_AGAIN, EXIT_UNAVAILABLE, EXIT_USAGE, WwError
from ww.home.control import ABSENT, Answer, Unreachable, ask, last_words, looked_at, run_of
from ww.home.layout import layout_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.home.layout import Layout

ANSWER_S = 5.0
"""How long an instance may take for what it can say at once."""
PATIENCE_S = 300.0
"""How long a command waits by default for what takes its time: as long as a hook may."""

EXIT_CODES = """\b
Exit codes:
  0   done                                64  wrong command line
  1   it ended otherwise                  69  no instance answers
                                          75  not within the time limit
"""

_CODES = {"config": EXIT_CONFIG, "bad_request": EXIT_USAGE, "unknown_service": EXIT_USAGE}
_CODES |= {"unknown_op": EXIT_UNAVAILABLE, "version": EXIT_UNAVAILABLE, "forbidden": EXIT_UNAVAILABLE}
_CODES |= dict.fromkeys(("busy", "crowded", "displaced", "late"), EXIT_TRY_AGAIN)


class Ended(WwError):
    """A command that must end with `exit_code`, and why."""

    def __init__(self, words: str, exit_code: int) -> None:
        super().__init__(words)
        self.exit_code = exit_code


class Target(NamedTuple):
    """The instance that a command is about."""

    layout: Layout
    run: str


def target(root: str | None) -> Target:
    """The instance below `root` (None: `WW_ROOT`, else the container's)."""
    layout = layout_for(root, os.environ)
    return Target(layout, run_of(layout, os.environ))


def demand(at: Target, request: dict[str, Any], timeout_s: float = ANSWER_S) -> dict[str, Any]:
    """The answer to `request`. Raises Ended where there is none, or where it is a refusal."""
    return body_of(at, ask(at.run, request, timeout_s))


def body_of(at: Target, answer: Answer | Unreachable) -> dict[str, Any]:
    """What was answered. Raises Ended."""
    if isinstance(answer, Unreachable):
        raise Ended(explain(at, answer), EXIT_UNAVAILABLE)
    if not answer.ok:
        raise Ended(answer.message or answer.code, exit_code_of(answer))
    return answer.body


def exit_code_of(answer: Answer) -> int:
    """What a refusal ends a command with."""
    return _CODES.get(answer.code, EXIT_GAVE_UP)


def explain(at: Target, gone: Unreachable) -> str:
    """Why nobody answers: what was looked for and where, and what the last run left in writing."""
    if gone.why != ABSENT:
        return gone.words
    last = last_words(at.run)
    others = [path for path in looked_at(at.layout, os.environ) if path != at.run]
    words = f"not running; {last}" if last else "not running"
    also = f", nor in {', '.join(others)}" if others else ""
    hint = "" if at.layout.root else "; --root DIR or WW_ROOT names an instance outside a container"
    return f"{words} ({gone.words}{also}{hint})"


class Patience:
    """A time limit in seconds; None or 0 is none."""

    def __init__(self, limit_s: float | None) -> None:
        self._clock = Clock()
        self._begun_ms = self._clock.mono_ms()
        self.limit_s = limit_s or None

    @property
    def spent_s(self) -> float:
        """Seconds since it began."""
        return (self._clock.mono_ms() - self._begun_ms) / 1000

    @property
    def left_s(self) -> float:
        """Seconds that are left: at least a little, and a day where there is no limit."""
        return max(0.001, self.limit_s - self.spent_s) if self.limit_s else 86400.0

    @property
    def over(self) -> bool:
        """Nothing is left."""
        return self.limit_s is not None and self.spent_s >= self.limit_s


def timeout_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--timeout S`."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0),
        default=PATIENCE_S,
        metavar="S",
        help=f"Wait at most S seconds; 0 waits for as long as it takes. Default: {PATIENCE_S:g}.",
    )


def no_wait_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--no-wait`."""
    return click.option("--no-wait", is_flag=True, help=f"Ask for it and leave; do not wait until {what}.")
