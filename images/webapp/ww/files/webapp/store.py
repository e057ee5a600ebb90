"""The store process: owns the database, and does what the web process asks."""

from __future__ import annotations

import json
import socketserver
import sqlite3
from typing import TYPE_CHECKING

import remote
from database import DatabaseError, Notes

if TYPE_CHECKING:
    import socket


class StoreServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens as soon as it is made."""

    # What is being written is written before a stop is complete.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        super().__init__(remote.address(), Handler)

    def verify_request(self, request: socket.socket, client_address: object) -> bool:  # noqa: ARG002
        """Strangers get no answer."""
        return remote.is_ours(request)

    def perform(self, request: dict[str, object]) -> object:
        """One request. Raises DatabaseError, sqlite3.Error."""
        match request:
            case {"operation": "add", "text": str(text)}:
                return self.notes.add(text)
            case {"operation": "find", "words": str(words), "limit": int(limit)}:
                return {"notes": self.notes.find(words, limit), "count": self.notes.count()}
            case {"operation": "health"}:
                return {"notes": self.notes.count(), "schema": self.notes.schema}
        raise DatabaseError(f"the store knows no such request: {request}")


class Handler(socketserver.StreamRequestHandler):
    """Answers one request."""

    server: StoreServer
    timeout = remote.TIMEOUT_S

    def handle(self) -> None:
        """One line, one answer."""
        try:
            self.wfile.write(json.dumps(self._answer(self.rfile.readline())).encode() + b"\n")
        except OSError:
            pass  # whoever asked is gone

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            request = json.loads(line)
            return {"answer": self.server.perform(request if isinstance(request, dict) else {})}
        except (DatabaseError, sqlite3.Error, ValueError) as error:
            return {"error": str(error)}
