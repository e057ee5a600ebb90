"""The HTTP server of the probes: `/livez /readyz /startupz /state /metrics` (docs/probes.md).

Whoever is slow, silent or too long holds up nobody else: every connection has a deadline, there is a bounded number of
them, and the one that takes longest makes room. Each connection serves one request.
"""

from __future__ import annotations

import hmac
import io
import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CONNECTIONS = 16
HEAD_BYTES = 16 << 10
"""The request line and all headers."""
DEADLINE_S = 5.0
"""For a request to come, and again for its answer to go."""
AGAIN_S = 1.0
"""How long after a port was found in use it is tried again."""
PLAIN = "text/plain; charset=utf-8"


class Page:
    """An answer; `body` is text or bytes of the content type `kind`."""

    def __init__(self, status: HTTPStatus, body: str | bytes, kind: str = PLAIN) -> None:
        self.status = status
        self.body = f"{body}\n".encode("utf-8", "backslashreplace") if isinstance(body, str) else body
        self.kind = kind
        self.headers: dict[str, str] = {}


class Pages:
    """What is behind each path: `plain` is for everybody, `guarded` for those who know the token.

    `token` reads it ("" where none is wanted), and raises ValueError or OSError in words where it cannot.
    """

    def __init__(
        self,
        plain: dict[str, Callable[[], tuple[bool, str]]],
        guarded: dict[str, Callable[[str], Page]],
        token: Callable[[], str | None],
    ) -> None:
        self._plain = plain
        self._guarded = guarded
        self._token = token

    def page(self, path: str, headers: Any) -> Page:
        """The answer to a request for `path`."""
        if path in self._plain:
            good, words = self._plain[path]()
            return Page(HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, words)
        if path not in self._guarded:
            return Page(HTTPStatus.NOT_FOUND, f"there are {', '.join([*self._plain, *self._guarded])}")
        return self._refusal(str(headers.get("Authorization") or "")) or self._guarded[path](
            str(headers.get("Accept") or "")
        )

    def _refusal(self, said: str) -> Page | None:
        try:
            token = self._token()
        except (ValueError, OSError) as error:
            return Page(HTTPStatus.SERVICE_UNAVAILABLE, f"the token of this page cannot be read: {error}")
        if token is None:
            return None
        if not token:
            return Page(HTTPStatus.SERVICE_UNAVAILABLE, "the token of this page is empty, so nobody can know it")
        kind, _, word = said.partition(" ")
        known = hmac.compare_digest(word.strip().encode("utf-8", "replace"), token.encode("utf-8", "replace"))
        if kind.lower() == "bearer" and known:
            return None
        page = Page(HTTPStatus.UNAUTHORIZED, "this page wants a bearer token")
        page.headers["WWW-Authenticate"] = 'Bearer realm="ww"'
        return page


class Probes:
    """Serves `pages` at `host` and `port` in threads of its own, as soon as it can have the port."""

    def __init__(self, host: str, port: int, pages: Pages, say: Callable[[str, str], None]) -> None:
        self._host = host
        self._port = port
        self._pages = pages
        self._say = say
        self.bound = threading.Event()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="probes", daemon=True).start()

    def _run(self) -> None:
        complaint = ""
        while True:
            try:
                server = _Server(self._host, self._port, self._pages)
            except OSError as error:
                words = f"probes: cannot listen at {self._host} port {self._port}: {error.strerror or error}"
                if words != complaint:
                    complaint = words
                    self._say("warn", f"{words}; it is tried again every {AGAIN_S:g} s")
                time.sleep(AGAIN_S)
                continue
            self._say("info", f"probes: listening at {self._host} port {self._port}")
            self.bound.set()
            server.serve_forever(poll_interval=3600)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self.address_family = family
        self.pages = pages
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._lock = threading.Lock()
        self._open: dict[socket.socket, None] = {}
        super().__init__((str(address[0]), port), _Handler)

    def server_bind(self) -> None:
        """As the grandparent has it: the parent would ask a name server who we are."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "ww", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for it; where there are too many, the one that takes longest goes: an honest one takes no time."""
        if not self._room.acquire(blocking=False):
            self._displace()
            self._room.acquire()
        try:
            with self._lock:
                self._open[request] = None
            super().process_request(request, client_address)
        except RuntimeError:  # no thread is to be had
            self._over(request)
            self._room.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it, and leave room for the next one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._over(request)
            self._room.release()

    def _over(self, request: socket.socket) -> None:
        with self._lock:
            self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up hears nothing, and neither does the log."""

    def _displace(self) -> None:
        with self._lock:
            oldest = next(iter(self._open), None)
            if oldest is not None:
                del self._open[oldest]
                try:
                    oldest.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # it has gone by itself


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Read all of the head at once, so that one deadline holds for it."""
        self.connection = self.request
        self.close_connection = True
        self._answer = io.BytesIO()
        self.wfile = self._answer
        self._fault: Page | None = None
        head = self._head()
        self.rfile = io.BufferedReader(io.BytesIO(head))

    def _head(self) -> bytes:
        deadline = time.monotonic() + DEADLINE_S
        head = b""
        while b"\r\n\r\n" not in head and b"\n\n" not in head:
            if len(head) >= HEAD_BYTES:
                self._fault = Page(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "this request is too long")
                break
            try:
                self.request.settimeout(max(0.001, deadline - time.monotonic()))
                part = self.request.recv(HEAD_BYTES - len(head))
            except TimeoutError:
                self._fault = Page(HTTPStatus.REQUEST_TIMEOUT, "this request did not come in time")
                break
            if not part:
                return b""
            head += part
        return head

    def handle(self) -> None:
        """Answer the one request."""
        if self._fault is not None:
            self._refuse(self._fault)
        else:
            self.handle_one_request()

    def finish(self) -> None:
        """Send the answer; what the client says besides is not waited for."""
        self.request.settimeout(DEADLINE_S)
        try:
            self.request.sendall(self._answer.getvalue())
            self.request.shutdown(socket.SHUT_WR)
            # Closing a socket with unread input would throw the answer away on its way.
            self.request.settimeout(0.2)
            for _ in range(4):
                if not self.request.recv(HEAD_BYTES):
                    break
        except OSError:
            return  # it has hung up

    def do_GET(self) -> None:
        """A page."""
        self._put(self.server.pages.page(self.path.partition("?")[0], self.headers))

    do_HEAD = do_GET  # noqa: N815

    def _other(self) -> None:
        page = Page(HTTPStatus.METHOD_NOT_ALLOWED, "these pages can be read, by GET and HEAD")
        page.headers["Allow"] = "GET, HEAD"
        self._put(page)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_CONNECT = do_TRACE = _other  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the parser of the library refuses, in plain text."""
        status = HTTPStatus(code)
        self._refuse(Page(status, message or status.phrase))

    def _refuse(self, page: Page) -> None:
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = "HTTP/1.1"
        self.requestline = ""
        self._put(page)

    def _put(self, page: Page) -> None:
        self.send_response(page.status)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def version_string(self) -> str:
        """Whose pages these are; what they are made with is nobody's business."""
        return "ww"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Probes come every few seconds for as long as an instance lives."""
