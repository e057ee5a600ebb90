"""The journal of upgrade steps, `/data/.ww/steps.jsonl`: which were begun, which are done, and what that means."""

from __future__ import annotations

from ww.clib import BadJson, json_dumps, json_loads
from ww.home.smallfile import append_line, read_text
from ww.types import Value

_LIMIT_BYTES = 4 * 1024 * 1024


class StepRecord(Value):
    """What is known of the data's steps: `done` in order, and how often each unfinished one was begun."""

    __slots__ = ("done", "begun")

    def __init__(self, done: tuple[str, ...], begun: dict[str, int]) -> None:
        self.done = done
        self.begun = begun


def read_steps(path: str) -> StepRecord:
    """The step journal at `path`. A torn or foreign line says nothing and is passed over. Raises OSError."""
    done: list[str] = []
    begun: dict[str, int] = {}
    for line in (read_text(path, _LIMIT_BYTES) or "").splitlines():
        try:
            record = json_loads(line)
        except BadJson:
            continue
        step = record.get("step") if isinstance(record, dict) else None
        if not isinstance(record, dict) or not isinstance(step, str):
            continue
        if record.get("state") == "done" and step not in done:
            done.append(step)
            begun.pop(step, None)
        elif record.get("state") == "begun":
            begun[step] = begun.get(step, 0) + 1
    return StepRecord(tuple(done), begun)


def write_step(path: str, step: str, state: str, at: str, version: str) -> None:
    """Append `begun` or `done` for `step` and sync it; for a forked child only. Raises OSError."""
    append_line(path, step_line(step, state, at, version))


def step_line(step: str, state: str, at: str, version: str) -> str:
    """One line of the step journal, without its end."""
    return json_dumps({"step": step, "state": state, "at": at, "version": version})


def newer_steps(record: StepRecord, image_steps: tuple[str, ...]) -> tuple[str, ...]:
    """Steps that the data has had, or half had, and the image lacks: the data is newer than the image."""
    held = dict.fromkeys((*record.done, *record.begun))
    return tuple(step for step in held if step not in image_steps)


def pending_steps(record: StepRecord, image_steps: tuple[str, ...]) -> tuple[str, ...]:
    """Steps of the image that the data has not had yet, in order."""
    return tuple(step for step in image_steps if step not in record.done)
