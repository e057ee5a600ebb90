"""Items as a sink is given them, and a context that remembers what a sink said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ww.config.secrets import SecretError
from ww.sinks.base import Advice, Context, Item, Origin

BOOT = "0197c2d4a6f07c3e0197c2d4a6f07c3e"


def item(seq: int, boot: str = BOOT, kind: str = "health", **data: Any) -> Item:
    """One event of a boot."""
    source = f"/instances/web/i-1/boots/{boot}"
    state = str(data.get("state", "UP")).lower()
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{seq:012d}",
        "source": source,
        "type": f"dev.whaleware.instance.{state if kind == 'state' else kind}.v1",
        "subject": "i-1",
        "time": f"2026-11-{1 + seq // 86400 % 28:02d}T10:00:{seq % 60:02d}.{seq % 1000:03d}Z",
        "sequence": f"{seq:012d}",
        "partitionkey": "i-1",
        "datacontenttype": "application/json",
        "data": {"mono_ms": seq, **data},
    }
    return Item(boot, seq, kind, event, json.dumps(event, separators=(",", ":")).encode())


def items(first: int, last: int, boot: str = BOOT) -> list[Item]:
    """A row of them, both ends included."""
    return [item(seq, boot) for seq in range(first, last + 1)]


class Told:
    """A context for a sink, and what it said there. `secrets` are read anew each time."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self.secrets: dict[str, str] = dict(secrets or {})
        self.advice: list[Advice] = []
        self.log: list[str] = []
        self.asked = 0
        """How often a secret was read."""
        self.on_secret: Callable[[], None] = lambda: None
        origin = Origin("web", "i-1", BOOT, {"zone": "a"})
        self.context = Context("out", origin, self._secret, self.advice.append, self.log.append)

    def _secret(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        self.asked += 1
        name = value["$secret"]
        if name not in self.secrets:
            raise SecretError(f"cannot resolve the $secret reference {name}")
        found = self.secrets[name]
        self.on_secret()
        return found
