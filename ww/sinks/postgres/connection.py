"""The way to a PostgreSQL server: what a connection is made with, and that neither making nor using one takes for ever."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from ww.sinks.base import Origin
    from ww.types import Json

_LEAST_CONNECT_S = 2
"""libpq takes no shorter time limit."""
_NAME_BYTES = 63


class LateError(Exception):
    """The deadline came first."""


def parameters(settings: Mapping[str, Json], origin: Origin, password: str, deadline: float) -> dict[str, Any]:
    """What psycopg connects with; `password` "" is none."""
    tls = settings["tls"]
    if not isinstance(tls, dict):
        raise TypeError("tls is no object")
    name = f"ww {origin.service}/{origin.instance}".encode("ascii", "replace")[:_NAME_BYTES].decode()
    made: dict[str, Any] = {
        "host": settings["host"],
        "port": settings["port"],
        "dbname": settings["database"],
        "user": settings["user"],
        "password": password or None,
        "sslmode": tls["mode"],
        "sslrootcert": tls["ca_file"],
        "sslcert": tls["certificate_file"],
        "sslkey": tls["key_file"],
        "application_name": name,
        "target_session_attrs": "read-write",
        "connect_timeout": max(_LEAST_CONNECT_S, int(deadline - time.monotonic())),
        "keepalives_idle": 60,
        "gssencmode": "disable",
    }
    return {key: value for key, value in made.items() if value is not None}


class Attempt:
    """Connecting, in a thread of its own: looking up a name and a second host know no deadline."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        self._lock = threading.Lock()
        self._abandoned = False
        self._made: psycopg.Connection[Any] | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="ww-postgres-connect", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return not self._thread.is_alive()

    def connection(self, deadline: float) -> psycopg.Connection[Any]:
        """What came of it by the deadline. Raises psycopg.Error, or LateError."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            made, self._made = self._made, None
            if self._error is not None:
                raise self._error
            if made is None:
                self._abandoned = True
                raise LateError("no connection within the time limit")
            return made

    def _run(self) -> None:
        made = None
        try:
            # Without prepared statements a pooler in between may hand every transaction to another connection.
            made = psycopg.connect(**self._parameters, autocommit=True, prepare_threshold=None)
        except (psycopg.Error, OSError, ValueError) as error:
            self._error = error if isinstance(error, psycopg.Error) else psycopg.OperationalError(str(error))
        with self._lock:
            if made is not None and self._abandoned:
                made.close()
            else:
                self._made = made


class Cutter:
    """Cuts a connection at `deadline`, if it is still in use by then: whoever waits for its answer wakes at once."""

    def __init__(self, connection: psycopg.Connection[Any], deadline: float) -> None:
        # A descriptor of its own: the number of the connection's may be somebody else's by then.
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()
        self._socket.close()

    def _cut(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # It is closed already.
