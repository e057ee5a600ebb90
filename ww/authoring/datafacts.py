"""What a start would find in the data, looked at without touching it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ww.errors import EXIT_CONFIG, EXIT_TRY_AGAIN
from ww.home import datadir
from ww.home.restore import restoring
from ww.home.steps import newer_steps, pending_steps, read_steps
from ww.instance.hookset import step_files, step_names
from ww.types import Value

if TYPE_CHECKING:
    from ww.home.layout import Layout


class Refusal(Value):
    """Why a start would be refused, and what `ww run` would exit with."""

    __slots__ = ("exit_code", "why")

    def __init__(self, exit_code: int, why: str) -> None:
        self.exit_code = exit_code
        self.why = why


class DataFacts(Value):
    """The data as it is.

    marked:    whether a first boot has completed; None where that cannot be told.
    version:   whose upgrade completed on it, "" if unknown.
    attempts:  first boots that were begun and not completed.
    steps:     each step of the image with its state: done, pending, begun, or firstboot (done by a first boot).
    refusals:  what refuses a start.
    """

    __slots__ = ("marked", "version", "attempts", "steps", "refusals")

    def __init__(
        self, marked: bool | None, version: str, attempts: int, steps: list[tuple[str, str]], refusals: list[Refusal]
    ) -> None:
        self.marked = marked
        self.version = version
        self.attempts = attempts
        self.steps = steps
        self.refusals = refusals

    @property
    def pending(self) -> list[str]:
        """The steps that this boot would run."""
        return [name for name, state in self.steps if state in ("pending", "begun")]


def look_at_data(layout: Layout) -> DataFacts:
    """Read the records of the data; nothing is made, locked or changed."""
    own = f"{layout.data}/.ww"
    try:
        newer = datadir.newer_format(own)
        if newer is not None:
            return DataFacts(None, "", 0, [], [Refusal(EXIT_CONFIG, newer.why)])
        marked = datadir.is_marked(layout.data)
        record = read_steps(f"{own}/steps.jsonl")
        half = restoring(layout.data, layout.backup)
        version, attempts = datadir.read_version(own), datadir.firstboot_attempts(own)
    except OSError as error:
        why = f"cannot tell what was done to {layout.data}: {error.filename or own}: {error.strerror}"
        return DataFacts(None, "", 0, [], [Refusal(EXIT_TRY_AGAIN, why)])
    refusals = []
    if half:
        why = f"the restore of backup {half} was begun and not completed: run ww restore {half} again"
        refusals.append(Refusal(EXIT_CONFIG, why))
    too_new = newer_steps(record, step_names(layout.usr)) if marked else ()
    if too_new:
        why = f"the data has had upgrade steps that this image lacks: {', '.join(too_new)}; run a newer image"
        refusals.append(Refusal(EXIT_CONFIG, why))
    runnable = tuple(os.path.basename(file.path) for file in step_files(layout.usr))
    waiting = pending_steps(record, runnable) if marked else ()
    states = []
    for name in step_names(layout.usr):
        known = "done" if marked else "firstboot"
        states.append((name, ("begun" if name in record.begun else "pending") if name in waiting else known))
    return DataFacts(marked, version, attempts, states, refusals)
