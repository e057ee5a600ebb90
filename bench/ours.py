"""ww's own ways to be PID 1: with services, around a command, and with a new configuration at each start."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from bench.install import PLACE
from bench.lives import clean_environment
from bench.peers import CHILD, Peer, Start, fresh, link_services

RUN = str(PLACE / "launch" / "run")
CFG = str(PLACE / "launch" / "cfg")
WW = str(PLACE / "ww" / "bin" / "ww")
SETTINGS = {"ww": {"restart": {"backoff_s": 0}}}
NEW_BYTES = 2000


def home(place: Path, count: int) -> Path:
    """A home with `count` services, made once and kept from life to life, so that its inputs are unchanged."""
    made = place / "home"
    if not made.exists():
        fresh(place)
        for name in ("ww/usr", "ww/etc", "data", "run"):
            (made / name).mkdir(parents=True)
        (made / "ww/etc/default_cfg.json").write_text(json.dumps(SETTINGS))
        link_services(made / "ww/usr/services", count)
    return made


def services(place: Path, count: int) -> Start:
    return Start([RUN, "--root", str(home(place, count))])


def wrap(place: Path, _count: int) -> Start:
    """`run -- COMMAND`: no hook, no service directory."""
    return Start([RUN, "--root", str(home(place, 0)), "--", CHILD])


def new_values(size: int, turn: int) -> dict[str, object]:
    """A configuration of about `size` bytes of JSON that differs at every turn; `a.b` and `list` are always there."""
    values: dict[str, object] = {"a": {"b": f"value {turn}"}, "list": [{"id": "one", "turn": turn}]}
    tree: dict[str, dict[str, object]] = {}
    values["tree"] = tree
    room = size - len(json.dumps(values))
    number = 0
    while room > 0:
        leaf = {"host": f"host-{number}.example", "port": 1024 + number % 60000, "on": number % 2 == 0}
        room -= len(json.dumps({f"n{number}": leaf}))
        tree[f"n{number}"] = leaf  # type: ignore[assignment]
        number += 1
    return values


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"type": "object", "required": ["b"], "properties": {"b": {"type": "string", "minLength": 1}}},
        "list": {"type": "array", "items": {"type": "object", "required": ["id"]}},
        "tree": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["host", "port"],
                "additionalProperties": False,
                "properties": {
                    "host": {"type": "string", "pattern": "^[a-z0-9.-]+$"},
                    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
                    "on": {"type": "boolean"},
                },
            },
        },
    },
}
MERGING = {
    **SCHEMA,
    "properties": {
        **SCHEMA["properties"],  # type: ignore[dict-item]
        "list": {"type": "array", "mergeStrategy": "arrayMergeById", "mergeOptions": {"idRef": "id"}},
    },
}


class NewConfiguration:
    """`make` of a peer whose CFG is another one at each start. Raises LookupError where this ww cannot do that."""

    def __init__(self, schema: dict[str, object] | None = None, compiled: bool = False) -> None:
        self._schema = schema
        self._compiled = compiled
        self._turn = 0

    def __call__(self, place: Path, count: int) -> Start:
        made = home(place, count)
        schema = made / "ww/etc/cfg_schema.json"
        if self._schema and not schema.exists():
            schema.write_text(json.dumps(self._schema))
        if self._compiled and not list(schema.parent.glob("cfg_schema.check*")):
            compile_schema(made)
        self._turn += 1
        return Start([RUN, "--root", str(made)], {"CFG": json.dumps(new_values(NEW_BYTES, self._turn))})


def compile_schema(made: Path) -> None:
    """As an image build does it. Raises LookupError where this ww does not."""
    done = subprocess.run(
        [WW, "check", "--compile", str(made)],
        env=clean_environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if not list((made / "ww/etc").glob("cfg_schema.check*")):
        raise LookupError(
            f"`ww check --compile` left no compiled schema: {(done.stderr or done.stdout).strip()[-200:]}"
        )


class LargeConfiguration:
    """`make` of a peer with `size` bytes of defaults; `new`: that differ at each start."""

    def __init__(self, size: int, new: bool) -> None:
        self._size = size
        self._new = new
        self._turn = 0

    def __call__(self, place: Path, count: int) -> Start:
        made = home(place, count)
        defaults = made / "ww/etc/default_cfg.json"
        if self._new or self._turn == 0:
            defaults.write_text(json.dumps({**SETTINGS, **new_values(self._size, self._turn)}))
        self._turn += 1
        return Start([RUN, "--root", str(made)])


def ours(name: str, make: object, many: bool = True) -> Peer:
    return Peer(name, make, cannot=() if many else ("many",), heals_s=5, needs="ww")  # type: ignore[arg-type]


PLAIN = ours("ww", services)
WRAP = ours("ww run -- COMMAND", wrap, many=False)
CONFIGURED = {
    "new-compiled": ours("ww", NewConfiguration(SCHEMA, compiled=True)),
    "new-none": ours("ww", NewConfiguration()),
    "new-strategies": ours("ww", NewConfiguration(MERGING)),
    "new-uncompiled": ours("ww", NewConfiguration(SCHEMA)),
}


def forget(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)


def lookup_environment(place: Path) -> dict[str, str]:
    return clean_environment({"WW_ROOT": str(place / "home"), "BENCH_LOG": os.devnull})
