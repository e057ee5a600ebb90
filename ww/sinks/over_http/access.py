"""What sinks that speak HTTP have in common: where to, who we are, whom we trust; secrets are read at each request."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING

from ww.clients.http import MAX_ANSWER_BYTES, HttpClient, Options, proxy_fault
from ww.clients.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ww.types import Json

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
OWN_HEADERS = frozenset({
    "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "idempotency-key", "te", "trailer", "transfer-encoding", "upgrade", "ww-clock-offset", "ww-clock-rtt", "ww-sent", "ww-signature",
})  # fmt: skip
"""Headers that a sink sets itself."""


def http_client(settings: Mapping[str, Json]) -> HttpClient:
    """A client as `tls`, `environment_proxies` and `max_answer_bytes` say. Raises ValueError."""
    said = settings.get("tls")
    tls = said if isinstance(said, dict) else {}
    made = Tls(
        ca_file=str(tls.get("ca_file") or ""),
        cert_file=str(tls.get("cert_file") or ""),
        key_file=str(tls.get("key_file") or ""),
        min_version=str(tls.get("min_version") or "1.2"),
        server_name=str(tls.get("server_name") or ""),
        verify=tls.get("verify") is not False,
    )
    if made.key_file and not made.cert_file:
        raise ValueError("tls.key_file without tls.cert_file: a key alone is no identity")
    return HttpClient(
        Options(
            tls=made,
            environment_proxies=settings.get("environment_proxies") is not False,
            max_answer_bytes=int(settings.get("max_answer_bytes") or MAX_ANSWER_BYTES),  # type: ignore[arg-type]
        )
    )


class Access:
    """Headers that say who we are, and the proxy; their secrets are read anew each time they are asked for."""

    def __init__(self, settings: Mapping[str, Json], secret: Callable[[Json], str]) -> None:
        self._secret = secret
        self._plain = _headers(settings.get("headers"), "headers")
        self._hidden = _headers(settings.get("secret_headers"), "secret_headers")
        self._bearer = settings.get("bearer")
        self._api_key = settings.get("api_key")
        basic = settings.get("basic")
        self._basic = basic if isinstance(basic, dict) else None
        self._proxy = settings.get("proxy")
        ways = [name for name in ("bearer", "api_key", "basic") if settings.get(name)]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} are given: there is one Authorization header, choose one")

    def headers(self) -> dict[str, str]:
        """Raises ww.config.secrets.SecretError, and ValueError for a secret that no header can hold."""
        made = {name: str(value) for name, value in self._plain.items()}
        for name, value in self._hidden.items():
            made[name] = self._secret(value)
        if self._bearer:
            made["Authorization"] = f"Bearer {self._secret(self._bearer)}"
        if self._api_key:
            made["Authorization"] = f"ApiKey {self._secret(self._api_key)}"
        if self._basic:
            pair = f"{self._secret(self._basic.get('user'))}:{self._secret(self._basic.get('password'))}"
            made["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        return {name: header_value(name, value) for name, value in made.items()}

    def proxy(self) -> str:
        """Raises SecretError, and ValueError if it is not a usable URL."""
        url = self._secret(self._proxy) if self._proxy else ""
        if words := url and proxy_fault(url):
            raise ValueError(f"proxy: {words}")
        return url


def header_value(name: str, value: str) -> str:
    """UTF-8, as the transport wants it. Raises ValueError, without the value, if it would end the line."""
    if _LINE.search(value):
        raise ValueError(f"the value of the header {name} holds a line end or another control character")
    return value.strip().encode().decode("latin-1")


def _headers(said: Json, setting: str) -> dict[str, Json]:
    given = said if isinstance(said, dict) else {}
    for name in given:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{setting}: {name!r} cannot be the name of a header")
        if name.lower() in OWN_HEADERS:
            raise ValueError(f"{setting}: {name} is set by the sink itself; there is a setting for what it may hold")
    return given
