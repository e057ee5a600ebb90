"""Wiring of the readiness child: asks a service by TCP or HTTP until it answers (check = we ask; probe = we answer).

One process for each wait for readiness, ended by TERM when the time is over. It ends with 0 as soon as the service is
ready, and on TERM with 1 after one line that says what was wrong with the last try. Credentials and the query of a URL
are never printed.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

from ww import __version__
from ww.errors import EXIT_OK, UsageError
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPConnection
    from urllib.parse import SplitResult

    Try = Callable[[float], str]

INTERVAL_S = 0.2
ATTEMPT_S = 2.0
_SHORTEST_S = 0.01
_LONGEST_S = 3600.0
_LONGEST_WORDS = 200
"""Characters of what a server says of itself."""
_UNIX = "unix:"
_URL_CHARACTERS = "/%:=&~+!$,;'@()*"
_NOT_READY = 1
_NO_URL = "check: that is no URL of the form http://HOST:PORT/PATH (or https)"
"""It may hold a password, so it is not repeated."""
_KINDS = ("tcp", "http")


class Arguments(Value):
    """`kind` is tcp or http; one try begins `interval_s` after the last, and may take `attempt_s`."""

    __slots__ = ("attempt_s", "interval_s", "kind", "target")

    def __init__(self, kind: str, target: str, interval_s: float, attempt_s: float) -> None:
        self.kind = kind
        self.target = target
        self.interval_s = interval_s
        self.attempt_s = attempt_s


def main(argv: list[str]) -> int:
    """Try as `argv` says (`tcp HOST:PORT|unix:PATH` or `http URL`, `--interval-s S`, `--attempt-s S`); the exit code.

    Ends the process by itself once the service is ready, as a look-up of a name cannot be interrupted.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    try:
        arguments = parse_arguments(argv)
        where, attempt = http(arguments.target) if arguments.kind == "http" else tcp(arguments.target)
    except UsageError as error:
        _say(str(error))
        return error.exit_code
    watcher = _Watcher(arguments, where, attempt)
    threading.Thread(target=watcher.run, daemon=True).start()
    signal.sigwait((signal.SIGTERM,))
    _say(watcher.problem)
    return _NOT_READY


def parse_arguments(argv: list[str]) -> Arguments:
    """Raises UsageError."""
    seconds = {"--interval-s": INTERVAL_S, "--attempt-s": ATTEMPT_S}
    if len(argv) < 2 or argv[0] not in _KINDS or len(argv) % 2:
        raise UsageError("check: tcp HOST:PORT, tcp unix:PATH or http URL, then --interval-s S and --attempt-s S")
    for name, text in zip(argv[2::2], argv[3::2], strict=True):
        if name not in seconds:
            raise UsageError(f"check: there is no option {name!r}; --interval-s and --attempt-s are all there is")
        seconds[name] = _seconds(name, text)
    return Arguments(argv[0], argv[1], *seconds.values())


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not _SHORTEST_S <= value <= _LONGEST_S:
        raise UsageError(f"check: {name} is between {_SHORTEST_S:g} and {_LONGEST_S:g} seconds, and not {text!r}")
    return value


class _Watcher:
    """One try after the other, until one succeeds: then the process ends with 0."""

    def __init__(self, arguments: Arguments, where: str, attempt: Try) -> None:
        self._arguments = arguments
        self._where = where
        self._attempt = attempt
        self.problem = f"{where}: the first try has not come to an end"

    def run(self) -> None:
        """Never returns."""
        parent = os.getppid()
        while os.getppid() == parent:
            began = time.monotonic()
            words = self._attempt(began + self._arguments.attempt_s)
            if not words:
                os._exit(EXIT_OK)
            self.problem = f"{self._where}: {words}"
            time.sleep(max(0.0, began + self._arguments.interval_s - time.monotonic()))
        os._exit(_NOT_READY)  # Nobody waits for us any more.


def tcp(target: str) -> tuple[str, Try]:
    """The name of `HOST:PORT`, `[HOST]:PORT` or `unix:PATH` (`unix:@NAME` is abstract) and what tries to connect.

    A try takes the monotonic time by which it must be over and returns what was wrong; "" if nothing was.
    Raises UsageError.
    """
    if target.startswith(_UNIX) and len(target) > len(_UNIX):
        return target, lambda until: _connected(lambda: _unix(target[len(_UNIX) :], until), until)
    host, _, port = target.rpartition(":")
    bare = host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host
    if not bare or not _is_port(port) or "[" in bare:
        raise UsageError(f"check: {target!r} is neither HOST:PORT nor unix:PATH")
    return target, lambda until: _connected(lambda: _tcp(bare, int(port), until), until)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 1 << 16


def _connected(connect: Callable[[], socket.socket], until: float) -> str:
    try:
        with connect() as made:
            # A port of the kernel's own choosing may be the very one that is asked for: that connects to itself.
            itself = made.family != socket.AF_UNIX and made.getsockname() == made.getpeername()
            return "connection refused" if itself else ""
    except (OSError, ValueError) as error:
        return _words(error, until)


def _left(until: float) -> float:
    return max(_SHORTEST_S, until - time.monotonic())


def _tcp(host: str, port: int, until: float) -> socket.socket:
    return socket.create_connection((host, port), _left(until))


def _unix(path: str, until: float) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(_left(until))
        made.connect(f"\0{path[1:]}" if path[0] == "@" else path)
    except (OSError, ValueError):
        made.close()
        raise
    return made


def _words(error: Exception, until: float) -> str:
    """What went wrong with one try, for a person."""
    if isinstance(error, TimeoutError) or time.monotonic() >= until:
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return f"the name cannot be looked up: {error.strerror}"
    if hasattr(error, "verify_message"):
        return f"the certificate is refused: {error.verify_message}"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return _printable(words[:1].lower() + words[1:])


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_LONGEST_WORDS])


def http(url: str) -> tuple[str, Try]:
    """The name of a URL without what may be secret, and what asks it: any answer of 2xx or 3xx is one. Raises UsageError."""
    parts, port = _split(url)
    host = parts.hostname or ""
    where = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}{parts.path}"
    where = _printable(where + ("?…" if parts.query else ""))
    if parts.scheme == "http":
        # http.client imports it always, and it takes as long as all the rest; only https needs it.
        sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    import http.client
    from urllib.parse import quote

    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = quote(parts.path or "/", safe=_URL_CHARACTERS)
    if parts.query:
        path += f"?{quote(parts.query, safe=_URL_CHARACTERS + '?[]')}"
    headers = {"User-Agent": f"whaleware/{__version__}", "Accept": "*/*", "Connection": "close", **_credentials(parts)}

    def attempt(until: float) -> str:
        try:
            connection = kind(host, port, timeout=_left(until))
            return _ask(connection, path, headers, until)
        except (OSError, ValueError, http.client.HTTPException) as error:
            return _words(error, until)

    return where, attempt


def _split(url: str) -> tuple[SplitResult, int | None]:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(_NO_URL) from None
    unclean = any(not c.isprintable() or c == " " for c in url)
    if unclean or parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UsageError(_NO_URL)
    return parts, port


def _credentials(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    from base64 import b64encode
    from urllib.parse import unquote

    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(pair.encode('utf-8', 'replace')).decode()}"}


def _ask(connection: HTTPConnection, path: str, headers: dict[str, str], until: float) -> str:
    # A server that sends a byte now and then would never run into a time-out of the socket.
    cut = threading.Timer(_left(until), _cut, (connection,))
    cut.daemon = True
    cut.start()
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if 200 <= answer.status < 400:
            return ""
        return _printable(f"answered {answer.status} {answer.reason}".strip())
    finally:
        cut.cancel()
        connection.close()


def _cut(connection: HTTPConnection) -> None:
    try:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # It is over already.


def _say(words: str) -> None:
    sys.stdout.buffer.write(words.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()
