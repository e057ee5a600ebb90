"""Asks the running notes over HTTP, for the hooks monitor and warmup."""

from __future__ import annotations

import http.client
import json
import time


class Unwell(Exception):
    """The service did not answer as a healthy one does; the message is for people."""


def get(port: int, path: str, timeout_s: float = 5.0) -> object:
    """The JSON that `path` answers with. Raises Unwell for anything but a 200 with JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(1 << 20).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise Unwell(f"GET http://127.0.0.1:{port}{path}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise Unwell(f"GET {path}: status {answer.status}: {text[:200]}")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unwell(f"GET {path}: not JSON: {text[:200]}") from error


def health(port: int) -> dict[str, object]:
    """The health of the service. Raises Unwell unless it says NOTESUP."""
    answer = get(port, "/healthz")
    if not isinstance(answer, dict) or answer.get("state") != "NOTESUP":
        raise Unwell(f"/healthz does not say NOTESUP: {json.dumps(answer)[:200]}")
    return answer


def wait(port: int, within_s: float) -> dict[str, object]:
    """Health as soon as there is one. Raises the last Unwell after `within_s`."""
    until = time.monotonic() + within_s
    while True:
        try:
            return health(port)
        except Unwell:
            if time.monotonic() >= until:
                raise
        time.sleep(0.05)


def warm(port: int) -> str:
    """Read the newest notes, as the first visitor would; says how long it took. Raises Unwell."""
    began = time.monotonic()
    notes = get(port, "/notes?limit=1000", timeout_s=30.0)
    read = len(notes) if isinstance(notes, list) else 0
    return f"{read} notes read in {(time.monotonic() - began) * 1000:.0f} ms"
