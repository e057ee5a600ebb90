"""`ww healthcheck` without click: a container engine asks every few seconds for as long as a container lives.

`parse` takes what it knows for certain and leaves everything else to click; a test shows that both read alike.
"""

from __future__ import annotations

import os

from ww.errors import EXIT_GAVE_UP, EXIT_OK, EXIT_UNAVAILABLE
from ww.home.control import Unreachable, ask, last_words, run_of
from ww.home.layout import layout_for
from ww.lifecycle.verdict import judge as readiness
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

LIMIT_S = 5.0
"""How long an instance may take to say how it is."""


class Request(Value):
    """The plain question: of the instance below `root` (None: `WW_ROOT`)."""

    __slots__ = ("root",)

    def __init__(self, root: str | None) -> None:
        self.root = root


class Verdict(Value):
    """What a health check concludes: the exit code, one line of words, and the state (None: no answer)."""

    __slots__ = ("exit_code", "words", "state")

    def __init__(self, exit_code: int, words: str, state: str | None) -> None:
        self.exit_code = exit_code
        self.words = words
        self.state = state


def parse(argv: Sequence[str]) -> Request | None:
    """The request in the words behind `ww healthcheck`; None for anything that is not certainly plain."""
    root: str | None = None
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        following = value if equals else next(words, None)
        if name != "--root" or following is None:
            return None
        root = following
    return Request(root)


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Answer a plain `ww healthcheck` and return its exit code; None if click must read the words."""
    request = parse(argv)
    if request is None:
        return None
    verdict = check(request.root, environ)
    try:
        os.write(1, verdict.words.encode("utf-8", "backslashreplace") + b"\n")
    except OSError:
        pass  # the exit code is the answer
    return verdict.exit_code


def check(root: str | None, environ: Mapping[str, str]) -> Verdict:
    """Ask the instance how it is."""
    at = run_of(layout_for(root, environ), environ)
    answer = ask(at, {"op": "status"}, LIMIT_S)
    if isinstance(answer, Unreachable):
        last = last_words(at)
        return Verdict(EXIT_UNAVAILABLE, _line(f"no answer: {answer.words}{f'; {last}' if last else ''}"), None)
    if not answer.ok:
        return Verdict(EXIT_UNAVAILABLE, _line(f"no answer: {answer.message}"), None)
    return judge(answer.body["status"])


def judge(status: dict[str, Any]) -> Verdict:
    """What everybody is told who asks whether it is ready, as an exit code."""
    ready, words = readiness(status)
    return Verdict(EXIT_OK if ready else EXIT_GAVE_UP, words, status.get("state"))


def _line(words: str) -> str:
    return " ".join(words.split())
