"""The notes over HTTP: `/`, `/notes`, `/healthz`."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import page
from store import Store, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

LISTED = 50
"""Notes on one page."""


class Refusal(Exception):
    """The request cannot be answered as it was asked."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


class NotesServer(ThreadingHTTPServer):
    """Listens as soon as it is made; `config` is what the boot hook rendered."""

    # Requests under way are answered before a stop is complete.
    daemon_threads = False

    def __init__(self, address: tuple[str, int], store: Store, config: dict[str, object]) -> None:
        self.store = store
        self.title = str(config.get("title", "Notes"))
        self.version = str(config.get("version", ""))
        self.max_note_bytes = int(str(config.get("max_note_bytes", 65536)))
        self.began = time.monotonic()
        self.posted = 0
        super().__init__(address, Handler)

    def health(self) -> dict[str, object]:
        """What `monitor` reports. Raises sqlite3.Error when the database does not answer."""
        return {
            "state": "NOTESUP",
            "notes": self.store.count(),
            "schema": self.store.schema,
            "version": self.version,
            "posted": self.posted,
            "uptime_s": round(time.monotonic() - self.began, 1),
        }


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: NotesServer
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
        except (sqlite3.Error, StoreError) as error:
            self._json({"state": "NOTESDOWN", "error": str(error)}, HTTPStatus.SERVICE_UNAVAILABLE)

    def _nowhere(self) -> None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"there is no {self.command} {urlsplit(self.path).path}")

    def _health(self) -> None:
        self._json(self.server.health())

    def _page(self) -> None:
        server = self.server
        query = self._query("q") if server.store.schema >= 2 else ""
        notes = server.store.search(query, LISTED) if query.strip() else server.store.recent(LISTED)
        text = page.render(server.title, server.version, server.store.schema, server.store.count(), notes, query)
        self._send(text.encode(), "text/html; charset=utf-8")

    def _list(self) -> None:
        limit, query = self._query("limit") or str(LISTED), self._query("q")
        if not limit.isdecimal() or not 0 < int(limit) <= 1000:
            raise Refusal(HTTPStatus.BAD_REQUEST, "limit is a whole number from 1 to 1000")
        if not query.strip():
            self._json(self.server.store.recent(int(limit)))
        elif self.server.store.schema < 2:
            raise Refusal(HTTPStatus.NOT_IMPLEMENTED, "search came with schema 2, this data has schema 1")
        else:
            self._json(self.server.store.search(query, int(limit)))

    def _add(self) -> None:
        is_form = self.headers.get_content_type() == "application/x-www-form-urlencoded"
        body = self._body()
        text = (parse_qs(body).get("text") or [""])[0] if is_form else _text_of(body)
        if not text.strip():
            raise Refusal(HTTPStatus.BAD_REQUEST, "a note needs a text")
        note = self.server.store.add(text.strip())
        self.server.posted += 1
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

    def _json(self, value: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(value, ensure_ascii=False).encode() + b"\n", "application/json", status)

    def _send(self, body: bytes, content_type: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
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
