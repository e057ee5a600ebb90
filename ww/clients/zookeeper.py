"""ZooKeeper over kazoo: nodes, transactions, a session and its nodes, digest users, a chroot, TLS.

kazoo keeps the session in threads of its own: a process that has an open client must not fork without exec. A write
whose answer was lost raises `UnknownOutcome` and is not sent again. Requests are not queued while the connection is
away; a call waits for it as long as its deadline allows. Deadlines are values of `time.monotonic()`.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from kazoo import exceptions as raised  # type: ignore[import-untyped]
from kazoo.client import KazooClient  # type: ignore[import-untyped]
from kazoo.handlers.threading import SequentialThreadingHandler  # type: ignore[import-untyped]
from kazoo.protocol.states import KazooState, KeeperState  # type: ignore[import-untyped]
from kazoo.retry import KazooRetry  # type: ignore[import-untyped]
from kazoo.security import OPEN_ACL_UNSAFE, make_acl, make_digest_acl  # type: ignore[import-untyped]

from ww.clients import tls as tls_side
from ww.clients.errors import Refused, TlsFault, Unavailable, UnknownOutcome, Why

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from ww.clients.tls import Tls

MAX_BYTES = (1 << 20) - 4096
"""A server closes the connection on a larger request (jute.maxbuffer), so it is not sent."""
ANY_VERSION = -1
_SHORTEST_S = 0.05
_POLL_S = 0.01
_RECONNECT_S = 0.05
_LONGEST_RECONNECT_S = 1.0
_DEAD_S = 1.0
"""A connection loop that says CLOSED so long after its start has ended."""
_REFUSALS = {
    raised.NoNodeError: Why.MISSING,
    raised.NodeExistsError: Why.EXISTS,
    raised.BadVersionError: Why.VERSION,
    raised.NotEmptyError: Why.NOT_EMPTY,
    raised.NoAuthError: Why.AUTH,
    raised.AuthFailedError: Why.AUTH,
    raised.InvalidACLError: Why.AUTH,
    raised.QuotaExceededError: Why.FULL,
    raised.NoChildrenForEphemeralsError: Why.INVALID,
    raised.BadArgumentsError: Why.INVALID,
    raised.UnimplementedError: Why.INVALID,
}
_NOT_DONE = (raised.ThrottledOpError, raised.NotReadOnlyCallError)


class State(Enum):
    """What is known of the session."""

    CONNECTED = "connected"
    SUSPENDED = "suspended"
    """The connection is away; the session and its nodes may live or not."""
    LOST = "lost"
    """There is no session; its nodes are gone."""


class Readers(Enum):
    """Who may read what a client with a user creates; only that user may change it. Without a user all may do all."""

    ANYONE = "anyone"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class User:
    """Digest authentication: `password` is asked for whenever a session begins."""

    name: str
    password: Callable[[], str]
    readers: Readers = Readers.ANYONE


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it was read; `owner` is the session that it goes with, 0 for one that stays."""

    data: bytes
    version: int
    owner: int
    children: int


@dataclass(frozen=True, slots=True)
class Create:
    """A new node; `ephemeral` goes with the session, `sequence` gets a number behind its name."""

    path: str
    data: bytes
    ephemeral: bool = False
    sequence: bool = False


@dataclass(frozen=True, slots=True)
class Set:
    """Change a node that has this version."""

    path: str
    data: bytes
    version: int = ANY_VERSION


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a node that has this version."""

    path: str
    version: int = ANY_VERSION


@dataclass(frozen=True, slots=True)
class Check:
    """Do nothing, if a node has this version."""

    path: str
    version: int


Operation = Create | Set | Delete | Check


class ZooKeeper:
    """A session with one of `hosts` (`name:2181`); begins with the first call. All paths are below `chroot`.

    `on_state` is called in a thread of kazoo's, and must not call this object.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        session_s: float,
        user: User | None = None,
        chroot: str = "",
        tls: Tls | None = None,
        on_state: Callable[[State], None] | None = None,
    ) -> None:
        if not hosts:
            raise ValueError("a ZooKeeper client needs a host")
        self._hosts = ",".join(hosts)
        self._session_s = session_s
        self._user = user
        self._chroot = chroot.rstrip("/")
        self._tls = tls
        self._on_state = on_state
        self._kazoo: Any = None
        self._started = 0.0
        self._acl: list[Any] = []
        self._words = _LastWords()

    @property
    def state(self) -> State:
        """What is known now."""
        return State.LOST if self._kazoo is None else State(self._kazoo.state.lower())

    @property
    def session(self) -> int:
        """The number of the session, 0 while not connected."""
        known = self._kazoo.client_id if self._kazoo is not None else None
        return int(known[0]) if known else 0

    def connect(self, deadline: float) -> None:
        """Have a session. Raises Unavailable, Refused (AUTH)."""
        if self._kazoo is not None and self._is_dead():
            self.forget()
        if self._kazoo is None:
            self._begin()
        while not self._kazoo.connected:
            if self._kazoo.client_state == KeeperState.AUTH_FAILED:
                raise Refused(Why.AUTH, f"{self._hosts}: the user was not accepted")
            if time.monotonic() >= deadline:
                raise Unavailable(f"{self._hosts}: no connection to ZooKeeper in time{self._words.because()}")
            time.sleep(_POLL_S)

    def get(self, path: str, deadline: float, on_change: Callable[[], None] | None = None) -> Node | None:
        """A node, None if it is not there; `on_change` is called once, in a thread of kazoo's, when that changes.

        Raises Unavailable, Refused.
        """
        watch = None if on_change is None else lambda _: on_change()
        try:
            data, stat = self._ask(path, deadline, "get_async", watch=watch)
        except Refused as refused:
            if refused.why is not Why.MISSING:
                raise
            if watch is not None and self._ask(path, deadline, "exists_async", watch=watch) is not None:
                return self.get(path, deadline, on_change)
            return None
        return Node(data or b"", stat.version, stat.ephemeralOwner or 0, stat.numChildren)

    def children(self, path: str, deadline: float, on_change: Callable[[], None] | None = None) -> list[str] | None:
        """The names below a node, sorted; None if it is not there. Raises Unavailable, Refused."""
        watch = None if on_change is None else lambda _: on_change()
        try:
            names = self._ask(path, deadline, "get_children_async", watch=watch)
        except Refused as refused:
            if refused.why is not Why.MISSING:
                raise
            return None
        return sorted(names)

    def sync(self, path: str, deadline: float) -> None:
        """See what all others have written by now. Raises Unavailable, Refused."""
        self._ask(path, deadline, "sync_async")

    def transaction(self, operations: Sequence[Operation], deadline: float) -> list[str]:
        """All of them, or none; the paths of what was created. Raises Unavailable, Refused, UnknownOutcome."""
        size = sum(len(one.data) + len(one.path) for one in operations if isinstance(one, Create | Set))
        if size > MAX_BYTES:
            raise Refused(Why.TOO_LARGE, f"{self._hosts}: {size} bytes, and ZooKeeper takes {MAX_BYTES}")
        self.connect(deadline)
        request = self._kazoo.transaction()
        for one in operations:
            self._add(request, one)
        results = self._wait(request.commit_async(), deadline, write=True)
        for one, result in zip(operations, results, strict=True):
            if isinstance(result, Exception) and not isinstance(
                result, raised.RolledBackError | raised.RuntimeInconsistency
            ):
                raise self._fault(result, one.path, write=True)
        return [self._short(result) for result in results if isinstance(result, str)]

    def make_folders(self, path: str, deadline: float) -> None:
        """Have every node above `path`, the chroot included. Raises Unavailable, Refused, UnknownOutcome."""
        self.connect(deadline)
        parts = (self._chroot + path).strip("/").split("/")[:-1]
        for number in range(1, len(parts) + 1):
            folder = "/" + "/".join(parts[:number])
            # Asked first: who may not create in a folder may still use what is there.
            if self._wait(self._kazoo.exists_async(folder), deadline, write=False) is not None:
                continue
            try:
                self._wait(self._kazoo.create_async(folder, b"", acl=self._acl), deadline, write=True, path=folder)
            except Refused as refused:
                if refused.why is not Why.EXISTS:
                    raise

    def forget(self) -> None:
        """End the session without waiting for it; the next call begins another, and asks for the password anew."""
        self.close(time.monotonic())

    def close(self, deadline: float) -> None:
        """End the session, and with it its nodes; one that cannot be ended in time runs out by itself."""
        kazoo, self._kazoo = self._kazoo, None
        if kazoo is None:
            return
        # kazoo waits for the server's answer, and for its own threads, for as long as the session.
        ending = threading.Thread(target=_end, args=(kazoo,), daemon=True, name="zookeeper close")
        ending.start()
        ending.join(max(deadline - time.monotonic(), 0.0))

    def _begin(self) -> None:
        auth: list[tuple[str, str]] = []
        self._acl = list(OPEN_ACL_UNSAFE)
        if self._user is not None:
            password = self._user.password()
            auth = [("digest", f"{self._user.name}:{password}")]
            self._acl = [make_digest_acl(self._user.name, password, all=True)]
            if self._user.readers is Readers.ANYONE:
                self._acl.append(make_acl("world", "anyone", read=True))
        tls: dict[str, Any] = {}
        if self._tls is not None:
            tls = {"use_ssl": True, "check_hostname": True, "handler": _TlsHandler(self._tls)}
        kazoo = KazooClient(
            hosts=self._hosts,
            timeout=self._session_s,
            auth_data=auth,
            # kazoo's own gives up at once, or waits for an hour between two attempts.
            connection_retry=KazooRetry(
                max_tries=-1, delay=_RECONNECT_S, max_delay=min(_LONGEST_RECONNECT_S, self._session_s / 4)
            ),
            logger=self._words.logger,
            **tls,
        )
        if self._on_state is not None:
            kazoo.add_listener(self._told)
        self._kazoo, self._started = kazoo, time.monotonic()
        kazoo.start_async()

    def _told(self, state: str) -> None:
        told = {KazooState.CONNECTED: State.CONNECTED, KazooState.SUSPENDED: State.SUSPENDED}.get(state, State.LOST)
        if self._on_state is not None:
            self._on_state(told)

    def _is_dead(self) -> bool:
        """Whether kazoo has given up: the user was refused, or its thread died."""
        state = self._kazoo.client_state
        begun = time.monotonic() - self._started > _DEAD_S
        return state == KeeperState.AUTH_FAILED or (state == KeeperState.CLOSED and begun)

    def _ask(self, path: str, deadline: float, verb: str, **more: Any) -> Any:
        self.connect(deadline)
        return self._wait(getattr(self._kazoo, verb)(self._chroot + path, **more), deadline, write=False, path=path)

    def _wait(self, asked: Any, deadline: float, *, write: bool, path: str = "") -> Any:
        try:
            return asked.get(timeout=max(deadline - time.monotonic(), _SHORTEST_S))
        except self._kazoo.handler.timeout_exception:
            lost = UnknownOutcome if write else Unavailable
            raise lost(f"{self._hosts}: no answer in time") from None
        except raised.KazooException as error:
            raise self._fault(error, path, write=write) from None

    def _fault(self, error: Exception, path: str, *, write: bool) -> Exception:
        name = type(error).__name__.removesuffix("Error")
        text = f"{self._hosts}: {path}: {name}" if path else f"{self._hosts}: {name}"
        why = _REFUSALS.get(type(error))
        if why is not None:
            return Refused(why, f"{text} ({why.value})")
        if write and not isinstance(error, _NOT_DONE):
            return UnknownOutcome(text)
        return Unavailable(text)

    def _add(self, request: Any, one: Operation) -> None:
        path = self._chroot + one.path
        if isinstance(one, Create):
            request.create(path, one.data, acl=self._acl, ephemeral=one.ephemeral, sequence=one.sequence)
        elif isinstance(one, Set):
            request.set_data(path, one.data, one.version)
        elif isinstance(one, Delete):
            request.delete(path, one.version)
        else:
            request.check(path, one.version)

    def _short(self, path: str) -> str:
        return path.removeprefix(self._chroot)


class _TlsHandler(SequentialThreadingHandler):  # type: ignore[misc]
    """kazoo's own threads, with our rules about TLS: its own trust `ca_file` besides all authorities of the machine."""

    def __init__(self, tls: Tls) -> None:
        super().__init__()
        self._tls = tls

    def create_connection(
        self, address: tuple[str, int], hostname: str = "", timeout: float | None = None, **_: object
    ) -> ssl.SSLSocket:
        """A connection, by what the files hold now. Raises OSError, as kazoo expects."""
        try:
            context = tls_side.context(self._tls)
        except TlsFault as error:
            raise OSError(0, str(error)) from None
        plain = socket.create_connection(address, timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return context.wrap_socket(plain, server_hostname=self._tls.server_name or hostname or address[0])
        except BaseException:
            plain.close()
            raise


def _end(kazoo: Any) -> None:
    try:
        kazoo.stop()
    except (OSError, AttributeError, raised.KazooException):
        # Its connection was gone already.
        pass
    try:
        kazoo.close()
    except Exception as error:
        # kazoo's own, without a class: what is left are threads that end when the server answers, or with the process.
        if "until it is stopped" not in str(error):
            raise


class _LastWords(logging.Handler):
    """What kazoo says of each attempt to connect is none for a container log, and its debug lines hold passwords.

    The last of its warnings is why there is no connection.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        # Not from the tree of loggers: nobody else listens to it, whatever is configured there.
        self.logger = logging.Logger("ww.clients.zookeeper", logging.WARNING)  # noqa: LOG001
        self.logger.addHandler(self)
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if it tells of a connection."""
        words = record.getMessage()
        if words.startswith(("Connection ", "Cannot resolve")):
            self._last = words.rpartition("socket connection error: ")[2]

    def because(self) -> str:
        """The end of a sentence."""
        return f": {self._last}" if self._last else ""
