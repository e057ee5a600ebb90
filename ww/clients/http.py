"""HTTP/1.1 over requests: one connection kept alive, one deadline for the whole of a request, a limit on answers.

No retry, no policy, no cookies, nothing from .netrc; redirects only to the same place (307, 308), so that credentials
never travel elsewhere. What it raises names the server by scheme, host and port: a path or a query may be a secret.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ProxyError, ReadTimeoutError

from ww.clients import tls as tls_side
from ww.clients.errors import Broken, ClientError, TimedOut, TlsFault, Unreachable
from ww.clients.lean import requests
from ww.clients.timed import HandshakeFault, NotConnected, dial, within
from ww.clients.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEEP_S = 4.0
"""An idle connection older than this is not used again: servers close theirs after 5 s and more, and a request that meets
the end of a connection fails."""
MAX_ANSWER_BYTES = 1 << 20
REDIRECTS = 3
_READ_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; `body` ends after the limit, and `cut` says that there was more."""

    status: int
    headers: Mapping[str, str]
    """Their names are found in any case."""
    body: bytes
    cut: bool = False
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a client behaves."""

    tls: Tls = field(default_factory=Tls)
    environment_proxies: bool = True
    """Take HTTP_PROXY, HTTPS_PROXY and NO_PROXY from the environment, where no proxy is given."""
    max_answer_bytes: int = MAX_ANSWER_BYTES


def origin(url: str) -> str:
    """Scheme, host and port: as much of a URL as may be shown."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}:{_port(url)}"


def url_fault(url: str) -> str:
    """Why a client cannot use this URL; "" if it can. The words hold nothing of the URL."""
    words = _fault(url)
    if not words and urlsplit(url).username is not None:
        words = "a user name or password does not belong into it; there are settings for them"
    return words and f"not a usable URL: {words}"


def proxy_fault(url: str) -> str:
    """The same for the URL of a proxy, which may hold a user and a password."""
    words = _fault(url)
    return words and f"not a usable URL of a proxy: {words}"


def _fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "its host or its port cannot be read"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "it does not begin with http:// or https:// and a host"
    if port == 0 or any(character <= " " or character == "\x7f" for character in url):
        return "it has a port 0, a blank or a control character in it"
    return ""


def _target(place: str, answer: Answer) -> str:
    """Where a redirect leads, if it keeps the request and leads to the same place; "" otherwise."""
    if answer.status not in (307, 308):
        return ""
    try:
        target = urljoin(place, answer.headers.get("location", ""))
    except ValueError:
        return ""
    return target if target != place and not url_fault(target) and origin(target) == origin(place) else ""


class HttpClient:
    """A client for one thread. Connects when it must, and again when a certificate file has changed."""

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()
        self._session: requests.Session | None = None
        self._marks: object = None
        self._used = 0.0

    def request(
        self,
        method: str,
        url: str,
        deadline: float,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        proxy: str = "",
    ) -> Answer:
        """Send, and wait for the whole answer; all of it by `deadline`, a value of `time.monotonic()`. Raises ClientError.

        `proxy` is a URL, which may hold a user and a password.
        """
        started = time.monotonic()
        if words := url_fault(url) or (proxy and proxy_fault(proxy)):
            raise Unreachable(words)
        place = url
        with within(deadline), told_as(url, proxy):
            session = self._ready(started)
            answer = self._once(session, method, place, body, headers or {}, proxy, started)
            for _ in range(REDIRECTS):
                target = _target(place, answer)
                if not target:
                    break
                place = target
                answer = self._once(session, method, place, body, headers or {}, proxy, started)
            self._used = time.monotonic()
            return answer

    def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _ready(self, now: float) -> requests.Session:
        marks = self._options.tls.marks()
        if marks != self._marks or now - self._used > KEEP_S:
            self.close()
        if self._session is None:
            self._session = unasked(self._options)
            self._marks = marks
        return self._session

    def _once(
        self,
        session: requests.Session,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        proxy: str,
        started: float,
    ) -> Answer:
        proxies = {"http": proxy, "https": proxy} if proxy else self._environment_proxies(url)
        response = session.request(
            method,
            url,
            data=body or None,
            headers={**headers},
            proxies=proxies,
            verify=self._options.tls.verify,
            stream=True,
            allow_redirects=False,
        )
        try:
            content, cut = self._content(response)
        finally:
            if not response.raw.closed:
                response.close()
        return Answer(response.status_code, response.headers, content, cut, time.monotonic() - started)

    def _content(self, response: requests.Response) -> tuple[bytes, bool]:
        parts = []
        size = 0
        while chunk := response.raw.read(_READ_BYTES, decode_content=True):
            parts.append(chunk)
            size += len(chunk)
            if size > self._options.max_answer_bytes:
                response.close()
                return b"".join(parts)[: self._options.max_answer_bytes], True
        return b"".join(parts), False

    def _environment_proxies(self, url: str) -> dict[str, str]:
        return dict(requests.utils.get_environ_proxies(url)) if self._options.environment_proxies else {}


class _Dialing:
    """Mixed into urllib3's connections: they are made by `dial`."""

    host: str
    port: int
    _dns_host: str
    socket_options: Any

    def _new_conn(self) -> Any:
        return dial(self._dns_host, self.port, self.socket_options or ())


class _Connection(_Dialing, HTTPConnection):
    pass


class _TlsConnection(_Dialing, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS: dict[str, Any] = {"http": _Pool, "https": _TlsPool}


class _Adapter(requests.adapters.HTTPAdapter):
    """requests' own, with our sockets, and with our TLS context in place of its own rules about certificates."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.startswith("https:"):
            kwargs["proxy_ssl_context"] = self._made_context()
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:  # noqa: ARG002 - theirs
        host, _ = super().build_connection_pool_key_attributes(request, True, None)
        if host["scheme"] != "https":
            return host, {}
        more = {"server_hostname": self._tls.server_name} if self._tls.server_name else {}
        return host, {"ssl_context": self._made_context(), **more}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002 - theirs
        conn.cert_reqs = "CERT_REQUIRED" if self._tls.verify else "CERT_NONE"

    def _made_context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = tls_side.http_context(self._tls)
        return self._context


class _Session(requests.Session):
    """Without requests' own idea of redirects, which it forms even where it is not to follow them."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - theirs
        return None


def unasked(options: Options) -> requests.Session:
    """A session that does nothing of which it was not asked: no proxies, cookies, .netrc or redirects of its own."""
    if not options.tls.verify:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session = _Session()
    session.trust_env = False
    session.headers.clear()
    session.headers["Accept-Encoding"] = "identity"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(options.tls)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class told_as:  # noqa: N801 - used as a function
    """Turns what requests, urllib3, ssl and the system raise into one of our own errors, without what may be secret."""

    def __init__(self, url: str, proxy: str = "") -> None:
        self._where = origin(url)
        self._proxy = proxy

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, ClientError):
            return
        if isinstance(error, (OSError, HTTPError, requests.RequestException, ValueError)):
            raise self._told(error) from None

    def _told(self, error: BaseException) -> ClientError:
        causes = list(_causes(error))
        found = {kind: next((cause for cause in causes if isinstance(cause, kind)), None) for kind in _ORDER}
        through = f" through the proxy {origin(self._proxy)}" if self._proxy else ""
        if (not_connected := found[NotConnected]) is not None:
            return Unreachable(str(not_connected))
        if isinstance(trust := found[ssl.SSLError], ssl.SSLError):
            words = f"{self._where}: {tls_side.words(trust)}"
            # An alert after the handshake is how TLS 1.3 refuses our certificate; anything else may have come too late.
            return TlsFault(words) if found[HandshakeFault] or "ALERT" in (trust.reason or "") else Broken(words)
        if found[TimeoutError] is not None or found[ReadTimeoutError] is not None:
            return TimedOut(f"{self._where}{through}: no complete answer in time")
        if (refused := found[ProxyError]) is not None:
            return Unreachable(f"{self._where}{through}: {_last_words(refused)}")
        if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidProxyURL)):
            return Unreachable(f"{self._where}{through}: not a usable URL")
        return Broken(f"{self._where}{through}: {_last_words(causes[-1])}")


_ORDER: tuple[type[BaseException], ...] = (
    NotConnected,
    HandshakeFault,
    ssl.SSLError,
    TimeoutError,
    ReadTimeoutError,
    ProxyError,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and everything that it was made of."""
    todo, seen = [error], set()
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        parts = [
            *one.args,
            getattr(one, "reason", None),
            getattr(one, "original_error", None),
            one.__cause__,
            one.__context__,
        ]
        todo += [part for part in parts if isinstance(part, BaseException)]


def _last_words(error: BaseException) -> str:
    """What is at the bottom of it: words of the system or of the protocol, which hold no URL."""
    bottom = list(_causes(error))[-1]
    if isinstance(bottom, OSError) and bottom.strerror:
        return bottom.strerror
    if str(bottom).startswith("Tunnel connection failed: "):
        return str(bottom)
    name = type(bottom).__name__
    return {
        "RemoteDisconnected": "the connection was closed without an answer",
        "IncompleteRead": "the answer ended before it was complete",
        "BadStatusLine": "the answer is not HTTP",
    }.get(name, name)


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
