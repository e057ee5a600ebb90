"""The delivery options of one sink: what `ww.sinks.NAME` says besides the type's own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ww.config.sinktypes import filled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ww.types import Json


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """How events are delivered to one sink; docs/sinks.md explains each, and the schema of the settings has the defaults."""

    name: str
    type: str
    enabled: bool = True
    required: bool = False
    kinds: frozenset[str] = frozenset(("state", "health", "gap", "notice"))
    max_events: int = 500
    max_bytes: int = 1 << 20
    wait_s: float = 0.05
    timeout_s: float = 10.0
    first_s: float = 1.0
    max_s: float = 60.0
    breaker_failures: int = 5
    breaker_open_s: float = 30.0
    max_bytes_per_s: float = 0.0
    dead_letter_bytes: int = 4 << 20


def options_of(name: str, given: Mapping[str, Json]) -> DeliveryOptions:
    """The options of a valid `ww.sinks.NAME`, defaults applied."""
    full: dict[str, Any] = filled(given)
    batch, retry, breaker = full["batch"], full["retry"], full["breaker"]
    return DeliveryOptions(
        name=name,
        type=str(full["type"]),
        enabled=bool(full["enabled"]),
        required=bool(full["required"]),
        kinds=frozenset(full["kinds"]),
        max_events=int(batch["max_events"]),
        max_bytes=int(batch["max_bytes"]),
        wait_s=float(batch["wait_s"]),
        timeout_s=float(full["timeout_s"]),
        first_s=float(retry["first_s"]),
        max_s=float(retry["max_s"]),
        breaker_failures=int(breaker["failures"]),
        breaker_open_s=float(breaker["open_s"]),
        max_bytes_per_s=float(full["max_bytes_per_s"]),
        dead_letter_bytes=int(full["dead_letter"]["max_bytes"]),
    )
