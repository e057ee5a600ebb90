"""How the sinks stand, as the reporter said it last, and what it left behind: for people."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.types import Json


def aged(told: Json, age_ms: int) -> Json:
    """How a sink stood so long ago, with times that have gone on since."""
    if not isinstance(told, dict):
        return told
    found = dict(told)
    retry_s, failing_s = told.get("retry_in_s"), told.get("failing_for_s")
    if isinstance(retry_s, int | float):
        found["retry_in_s"] = round(max(0.0, retry_s - age_ms / 1000), 3)
    if isinstance(failing_s, int | float):
        found["failing_for_s"] = round(failing_s + age_ms / 1000, 3)
    return found


def left_behind(left: int, *, ending: bool, again: bool) -> str:
    """What becomes of `left` events at the end of a reporter: of the instance (`ending`), or before another one (`again`)."""
    kept = (
        "are kept for the next start"
        if ending
        else "go out once it is started anew"
        if again
        else "stay in the journal"
    )
    return f"{left} events are not delivered yet; they {kept}"
