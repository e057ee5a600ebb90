"""What a reload makes of the services that run: which stay, start, stop and restart."""

from __future__ import annotations

from ww.instance.services.member import Member

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ww.instance.services.definition import Definition


def take_over(
    known: dict[str, Member], definitions: Sequence[Definition], touched: Collection[str], now_ms: int
) -> tuple[dict[str, Member], list[str], set[str]]:
    """(all members from now on, names to restart, names that are started or stopped).

    touched: names whose configuration keys changed. One that runs keeps its old definition until it is down.
    """
    members: dict[str, Member] = {}
    restart: list[str] = []
    concerned: set[str] = set()
    for definition in definitions:
        name = definition.name
        member = members[name] = known.get(name) or Member(definition, now_ms)
        if name in known and member.definition == definition and name not in touched:
            continue
        was_enabled = name in known and member.definition.enabled
        member.next_definition = definition
        if was_enabled and definition.enabled:
            restart.append(name)
        elif was_enabled or definition.enabled:
            concerned.add(name)
            member.start_now(now_ms) if definition.enabled else member.retire(now_ms)
        else:
            member.take_next()
    for name in known.keys() - members.keys():
        members[name] = known[name]
        members[name].removed = True
        members[name].retire(now_ms)
        concerned.add(name)
    return members, restart, concerned
