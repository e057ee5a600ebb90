"""What is to be declared when events go that nobody has taken, gap events among them: no declaration is lost with them."""

from __future__ import annotations

from ww.events.declaring import gap_of
from ww.events.model import GAP, HEALTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.events.model import Event
    from ww.types import JsonObject

MOST_BOOTS = 32
"""Of how many boots the holes are told one by one; those of boots before them become one gap event."""


def gaps_for(reason: str, words: str, boot_no: int, boot: str, gone: Sequence[Event]) -> list[JsonObject]:
    """The gap events, as data, that take the place of the undelivered events `gone` of one boot, oldest boot first."""
    health = sum(event.kind == HEALTH for event in gone)
    own: JsonObject = {
        **gap_of(reason, boot_no, boot, gone[0].seq, gone[-1].seq),
        "health": health,
        "lifecycle": len(gone) - health,
    }
    found = {boot: own}
    whole: list[JsonObject] = []
    for event in gone:
        if event.kind == GAP:
            _carry(event.data, reason, own, found, whole)
    ordered = sorted(found.values(), key=lambda gap: _number(gap, "boot_no"))
    if len(ordered) > MOST_BOOTS:
        whole.append(_as_whole(reason, ordered[: 1 - MOST_BOOTS]))
        ordered = ordered[1 - MOST_BOOTS :]
    return [{**gap, "words": words} for gap in (*whole, *ordered)]


def _carry(
    told: JsonObject, reason: str, own: JsonObject, found: dict[str, JsonObject], whole: list[JsonObject]
) -> None:
    """Take over what one gap event told."""
    boot, first, last = told.get("boot"), told.get("from"), told.get("to")
    if isinstance(boot, str) and isinstance(first, int) and isinstance(last, int):
        known = found.setdefault(boot, gap_of(reason, _number(told, "boot_no"), boot, first, last))
        known["from"] = min(first, _number(known, "from"))
        known["to"] = max(last, _number(known, "to"))
        _add(known, told)
    elif "boots" in told:
        whole.append({**told, "reason": reason})
    else:
        # PID 1 itself lost some when its disk refused; the number of this event is that of the first of them.
        _add(own, told)


def _as_whole(reason: str, gaps: Sequence[JsonObject]) -> JsonObject:
    first, last = _number(gaps[0], "boot_no"), _number(gaps[-1], "boot_no")
    merged: JsonObject = {"reason": reason, "boot_no": first, "boot": None, "from": None, "to": None}
    merged["boots"] = last - first + 1
    for gap in gaps:
        _add(merged, gap)
    return merged


def _add(to: JsonObject, told: JsonObject) -> None:
    for name in ("health", "lifecycle"):
        to[name] = _number(to, name) + _number(told, name)


def _number(gap: JsonObject, name: str) -> int:
    value = gap.get(name)
    return value if isinstance(value, int) else 0
