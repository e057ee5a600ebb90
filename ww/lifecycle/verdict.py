"""Whether an instance is ready, decided once for everybody who asks: `ww healthcheck`, probes, the status file, systemd."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UP = "UP"
_WELL = ("ready", "done", "disabled")


def judge(status: dict[str, Any]) -> tuple[bool, str]:
    """(ready, one line that says why or why not), from the members of a status document.

    Ready is UP with every essential service and no failed monitor since. Before the first monitor nothing speaks
    against it; what is down and not essential is named. Maintenance alone changes nothing.
    """
    ready, words = _judge(status)
    return ready, " ".join(words.split())


def _judge(status: dict[str, Any]) -> tuple[bool, str]:
    state, reason = status.get("state"), status.get("reason")
    if state != _UP:
        return False, f"{state or 'starting'}{f': {reason}' if reason else ''}"
    down = [row for row in status.get("services") or [] if row.get("state") not in _WELL]
    names = ", ".join(f"{row.get('name')} is {row.get('state')}" for row in down)
    if any(row.get("essential") for row in down):
        return False, f"UP, but {names}"
    health = status.get("health")
    if health and not health.get("healthy"):
        return False, f"UP, unhealthy: {health.get('failure') or 'the monitor failed'}"
    words = "UP, healthy" if health else "UP, not checked yet" if status.get("monitored") else "UP; there is no monitor"
    return True, f"{words}; {names}" if names else words
