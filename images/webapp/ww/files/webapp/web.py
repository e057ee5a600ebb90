"""The web process: `/`, `/notes`, `/healthz`. It has no data of its own but a cache of what the store has answered."""

from __future__ import annotations

import json
import os
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import page
import remote
from cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable

LISTED = 50
"""Notes on one page."""


class Refusal(Exception):
    """The request cannot be answered as it was asked."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


class WebServer(ThreadingHTTPServer):
    """Listens as soon as it is made."""

    # Requests under way are answered before a stop is complete.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], title: str, max_note_bytes: int, entries: int) -> None:
        self.title = title
        self.max_note_bytes = max_note_bytes
        self.cache = Cache(entries)
        self.began = time.monotonic()
        self.posted = 0
        super().__init__(address, Handler)

    def find(self, words: str, limit: int) -> tuple[dict[str, Any], bool]:
        """`notes` and their `count` in all, and whether the cache had them. Raises StoreDown, Refused."""
        found, cached = self.cache.get((words, limit), lambda: remote.ask("find", words=words, limit=limit))
        return (found if isinstance(found, dict) else {}), cached

    def add(self, text: str) -> object:
        """Keep a note. Raises StoreDown, Refused."""
        try:
            return remote.ask("add", text=text)
        finally:
            self.cache.forget()  # also when the answer was lost: the note may be there
            self.posted += 1

    def health(self) -> dict[str, object]:
        """What `monitor` reports. Raises StoreDown, Refused."""
        began = time.monotonic()
        store = remote.ask("health")
        return {
            "state": "WEBAPPUP",
            **(store if isinstance(store, dict) else {}),
            "version": os.environ.get("WW_TO", ""),
            "posted": self.posted,
            "store_ms": round((time.monotonic() - began) * 1000, 2),
            "cache_entries": len(self.cache),
            "cache_hits": self.cache.hits,
            "cache_misses": self.cache.misses,
            "uptime_s": round(time.monotonic() - self.began, 1),
        }


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: WebServer
    timeout = 5

    def do_GET(self) -> None:
        """`/`, `/notes?q=&limit=` and `/healthz`."""
        self._answer({"/": self._page, "/notes": self._list, "/healthz": self._health})

    def do_POST(self) -> None:
        """`/notes`: JSON `{"text": …}` or a form with `text`."""
        self._answer({"/notes": self._add})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """One line per request on stderr; health checks would only be noise."""
        if getattr(self, "path", "").startswith("/healthz"):  # unset while the request line is unread
            return
        try:
            sys.stderr.write(f"{self.address_string()} {format % args}\n")
        except OSError:
            pass  # nobody reads the log any more; the service goes on

    def _answer(self, routes: dict[str, Callable[[], None]]) -> None:
        try:
            routes.get(urlsplit(self.path).path, self._nowhere)()
        except Refusal as refusal:
            self._json({"error": str(refusal)}, refusal.status)
        except remote.Refused as refused:
            self._json({"error": str(refused)}, HTTPStatus.NOT_IMPLEMENTED)
        except remote.StoreDown as down:
            self._json({"state": "WEBAPPDOWN", "error": str(down)}, HTTPStatus.SERVICE_UNAVAILABLE)

    def _nowhere(self) -> None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"there is no {self.command} {urlsplit(self.path).path}")

    def _health(self) -> None:
        self._json(self.server.health())

    def _page(self) -> None:
        query = self._query("q").strip()
        found, cached = self.server.find(query, LISTED)
        text = page.render(self.server.title, found["count"], found["notes"], query)
        self._send(text.encode(), "text/html; charset=utf-8", cached=cached)

    def _list(self) -> None:
        limit = self._query("limit") or str(LISTED)
        if not limit.isdecimal() or not 0 < int(limit) <= 1000:
            raise Refusal(HTTPStatus.BAD_REQUEST, "limit is a whole number from 1 to 1000")
        found, cached = self.server.find(self._query("q").strip(), int(limit))
        self._json(found["notes"], cached=cached)

    def _add(self) -> None:
        is_form = self.headers.get_content_type() == "application/x-www-form-urlencoded"
        body = self._body()
        text = (parse_qs(body).get("text") or [""])[0] if is_form else _text_of(body)
        if not text.strip():
            raise Refusal(HTTPStatus.BAD_REQUEST, "a note needs a text")
        note = self.server.add(text.strip())
        if is_form:
            self.send_response(HTTPStatus.SEE_OTHER)
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._json(note, HTTPStatus.CREATED)

    def _body(self) -> str:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Refusal(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        if int(length) > self.server.max_note_bytes:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a note has at most {self.server.max_note_bytes} bytes")
        try:
            return self.rfile.read(int(length)).decode()
        except UnicodeDecodeError:
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body is not UTF-8") from None

    def _query(self, name: str) -> str:
        return (parse_qs(urlsplit(self.path).query).get(name) or [""])[0]

    def _json(self, value: object, status: HTTPStatus = HTTPStatus.OK, *, cached: bool | None = None) -> None:
        body = json.dumps(value, ensure_ascii=False).encode() + b"\n"
        self._send(body, "application/json", status, cached=cached)

    def _send(
        self, body: bytes, content_type: str, status: HTTPStatus = HTTPStatus.OK, *, cached: bool | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if cached is not None:
            self.send_header("X-Cache", "HIT" if cached else "MISS")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
        self.end_headers()
        self.wfile.write(body)


def _text_of(body: str) -> str:
    try:
        note = json.loads(body)
    except ValueError:
        raise Refusal(HTTPStatus.BAD_REQUEST, 'the body is not JSON: {"text": "…"} is wanted') from None
    text = note.get("text") if isinstance(note, dict) else None
    if not isinstance(text, str):
        raise Refusal(HTTPStatus.BAD_REQUEST, 'the body has no text: {"text": "…"} is wanted')
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the text holds half a surrogate pair") from None
    return text
