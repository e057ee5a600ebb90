"""What is behind each path of the probes."""

from __future__ import annotations

import os
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ww.clib import json_dumps
from ww.config.secrets import SecretError, resolve
from ww.home.control import Unreachable, ask
from ww.home.layout import Layout
from ww.reporting.probes import Page, Pages, Probes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ww.reporting.known import Known

ASK_S = 3.0
"""How long PID 1 may take to tell its status."""
KEPT_S = 0.25
"""However many ask for it, PID 1 is asked no oftener than this."""
JSON = "application/json"


def serve(known: Known, probes: Mapping[str, Any], say: Callable[[str, str], None]) -> Probes | None:
    """Begin to serve what `ww.probes` (flat) wants; None: nothing."""
    port = probes.get("http.port")
    if port is None:
        return None
    reference = probes.get("http.token")
    layout = Layout(str(known.hello["root"]))

    def token() -> str | None:
        try:
            return resolve(reference, layout, os.environ) if reference else None
        except SecretError as error:
            raise ValueError(str(error)) from None

    plain = {"/livez": known.live, "/readyz": known.ready, "/startupz": known.started}
    guarded = {"/state": _State(str(known.hello.get("run") or "")).page, "/metrics": _Metrics(known).page}
    server = Probes(str(probes["http.host"]), int(port), Pages(plain, guarded, token), say)
    server.start()
    return server


class _State:
    """`/state`: the status document, as `ww status --json` prints it."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._at = 0.0
        self._page: Page | None = None

    def page(self, _accept: str) -> Page:
        """The document, at most a quarter of a second old."""
        with self._lock:
            if self._page is None or time.monotonic() - self._at > KEPT_S:
                self._page = self._ask()
                self._at = time.monotonic()
            return self._page

    def _ask(self) -> Page:
        if not self._run:
            return Page(HTTPStatus.SERVICE_UNAVAILABLE, "no directory for a control socket can be written here")
        answer = ask(self._run, {"op": "status"}, ASK_S)
        if isinstance(answer, Unreachable):
            return Page(HTTPStatus.SERVICE_UNAVAILABLE, answer.words)
        if not answer.ok:
            return Page(HTTPStatus.SERVICE_UNAVAILABLE, answer.message)
        return Page(HTTPStatus.OK, json_dumps(answer.body["status"]), JSON)


class _Metrics:
    """`/metrics`; the library that writes it is imported by the first who asks."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._lock = threading.Lock()
        self._metrics: Any = None

    def page(self, accept: str) -> Page:
        """The page as `accept` wants it."""
        with self._lock:
            if self._metrics is None:
                from ww.reporting.metrics import Metrics

                self._metrics = Metrics(self._known)
            body, kind = self._metrics.page(accept)
        return Page(HTTPStatus.OK, body, kind)
