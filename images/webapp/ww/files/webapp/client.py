"""Asks the running web process over HTTP, for the hooks."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import quote


class Unwell(Exception):
    """The service did not answer as a healthy one does; the message is for people."""


def get(host: str, port: int, path: str, timeout_s: float = 5.0) -> object:
    """The JSON that `path` answers with. Raises Unwell for anything but a 200 with JSON."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(1 << 24).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise Unwell(f"GET {path}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise Unwell(f"GET {path}: status {answer.status}: {text[:200]}")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unwell(f"GET {path}: not JSON: {text[:200]}") from error


def health(host: str, port: int) -> dict[str, object]:
    """The health of the service. Raises Unwell unless it says WEBAPPUP."""
    answer = get(host, port, "/healthz", timeout_s=8.0)
    if not isinstance(answer, dict) or answer.get("state") != "WEBAPPUP":
        raise Unwell(f"/healthz does not say WEBAPPUP: {json.dumps(answer)[:200]}")
    return answer


def warm(host: str, port: int, searches: list[str]) -> str:
    """Ask for what visitors will ask for; says how much it was and how long it took. Raises Unwell."""
    began = time.monotonic()
    read = 0
    for words in searches:
        found = get(host, port, f"/notes?q={quote(words)}", timeout_s=30.0)
        read += len(found) if isinstance(found, list) else 0
    return f"{len(searches)} lists with {read} notes in the cache after {(time.monotonic() - began) * 1000:.0f} ms"


def _reachable(bind: str) -> str:
    """What listens on every address is asked on the loopback's."""
    return "127.0.0.1" if bind in ("", "0.0.0.0") else bind  # noqa: S104
