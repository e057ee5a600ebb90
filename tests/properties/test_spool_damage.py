"""Damage of any kind anywhere in the segments of the past costs what it hit, and that is declared."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.spooling import World, write_boot

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
BOOTS = {"a": [5, 1, 7], "b": [9], "c": [3, 6]}
damages = st.tuples(
    st.integers(0, 5),
    st.sampled_from(["flip", "zeros", "cut out", "insert", "end"]),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=600),
)


def damage(path: str, kind: str, where: float, chance: bytes) -> None:
    with open(path, "rb") as file:
        content = file.read()
    at = int(where * len(content))
    behind = at + len(chance)
    changed = {
        "flip": content[:at] + bytes([content[at] ^ (chance[0] or 1)]) + content[at + 1 :] if content else b"",
        "zeros": content[:at] + bytes(len(content[at:behind])) + content[behind:],
        "cut out": content[:at] + content[behind:],
        "insert": content[:at] + chance + content[at:],
        "end": content[:at],
    }[kind]
    with open(path, "wb") as file:
        file.write(changed)


@pytest.mark.rule("D-spool-quarantine", "D-spool-declared", "D-spool-reader")
@settings(max_examples=150, deadline=None)
@given(st.lists(damages, min_size=1, max_size=4))
def test_what_damage_hit_is_declared_and_all_else_is_delivered(found: list[tuple[int, str, float, bytes]]) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as root:
        expected = {}
        for number, (boot, sizes) in enumerate(BOOTS.items(), 1):
            write_boot(f"{root}/main", number, boot, [["state"] * size for size in sizes], size=200)
            expected |= {(boot, seq): "state" for seq in range(1, sum(sizes) + 1)}
        paths = sorted(f"{root}/main/{name}" for name in os.listdir(f"{root}/main"))
        for index, kind, where, chance in found:
            damage(paths[index], kind, where, chance)
        world = World(root, boots=list(BOOTS))
        world.settle()
        world.settle()
        last = {boot: max([seq for one, seq in world.delivered if one == boot], default=0) for boot in BOOTS}
        for boot, seq in expected:
            # At the end of a boot nobody can tell damage from a write that never returned; and before the very first
            # event nothing is known to have been.
            known = seq < last[boot] and not (boot == "a" and seq < first_of(world, "a"))
            assert (boot, seq) in world.delivered or world.declared(boot, seq) or not known
        undamaged = set(range(6)) - {index for index, *_ in found}
        for index, (boot, first, size) in enumerate(spans()):
            if index in undamaged:
                assert all((boot, seq) in world.delivered for seq in range(first, first + size))
        world.journal.close()
        world.kill_reporter()


def spans() -> list[tuple[str, int, int]]:
    """Boot, first sequence and length of each segment."""
    return [(boot, 1 + sum(sizes[:n]), size) for boot, sizes in BOOTS.items() for n, size in enumerate(sizes)]


def first_of(world: World, boot: str) -> int:
    """The first event of a boot that was delivered."""
    return min(seq for one, seq in world.delivered if one == boot)
