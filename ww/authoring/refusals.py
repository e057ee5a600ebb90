"""What stands against a start here and now, each with the code that `ww run` would end with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ww.authoring.datafacts import Refusal
from ww.errors import EXIT_CONFIG, EXIT_TRY_AGAIN, problem_text
from ww.home.control import ABSENT, Unreachable, ask

if TYPE_CHECKING:
    from ww.authoring.datafacts import DataFacts
    from ww.config.compiled import Compiled
    from ww.home.layout import Layout
    from ww.home.places import Spot

_ANSWER_S = 2.0


def everything_against(
    layout: Layout, compiled: Compiled, told: list[str], data: DataFacts, places: list[Spot]
) -> list[Refusal]:
    """Every refusal, the one that `ww run` would come to first in front. told: problems of hooks and services."""
    at = {spot.name: spot.path for spot in places}
    return [
        *_running(at["run"]),
        *(Refusal(EXIT_CONFIG, f"configuration: {problem_text(item)}") for item in compiled.problems),
        *_nowhere_to_write(layout, compiled, at["cfg"]),
        *(Refusal(EXIT_CONFIG, problem) for problem in told),
        *data.refusals,
    ]


def _running(run: str) -> list[Refusal]:
    """An instance that uses the run directory: it has the lock there."""
    if not run or not os.path.lexists(f"{run}/ctl"):
        return []
    answer = ask(run, {"op": "ping"}, _ANSWER_S)
    if not isinstance(answer, Unreachable):
        who = f"pid {answer.body.get('pid')}, ww {answer.body.get('version')}" if answer.ok else answer.message
        words = f"an instance runs here already: {who}; it answers at {run}/ctl (ww status shows it, ww stop ends it)"
    elif answer.why != ABSENT:
        words = f"an instance seems to run here already: {answer.words}"
    else:
        return []
    return [Refusal(EXIT_TRY_AGAIN, words)]


def _nowhere_to_write(layout: Layout, compiled: Compiled, path: str) -> list[Refusal]:
    """Where nothing is configured nothing has to be written."""
    if path or not (compiled.cfg or os.path.lexists(f"{layout.etc}/cfg.json")):
        return []
    words = (
        f"cfg.json can be written neither to {layout.etc} nor to a run directory, and the hooks would have no"
        " configuration: give it a directory that can be written, as with docker run --tmpfs /run, or name one in WW_RUN"
    )
    return [Refusal(EXIT_CONFIG, words)]
