"""The sink to ZooKeeper: a node of the instance that goes with its session, and one with what was last known of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from ww.clients.errors import ClientError, Refused, UnknownOutcome, Why
from ww.clients.zookeeper import Create, Delete, Node, Operation, Readers, Set, User, ZooKeeper
from ww.sinks.base import Accepted, Answer, Rejected, RetryAfter, Sink
from ww.sinks.currentstate import Present, Standing, path_of, why_newer
from ww.sinks.storeaccess import tls_of, user_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.sinks.base import Context, Item
    from ww.types import Json

_TRIES = 8
_LOOKS = 3
"""The node is looked after each third of the session's time."""
_RACES = (Why.EXISTS, Why.VERSION, Why.MISSING)
"""Somebody else was faster, or a folder is not there yet: read again."""


class ZooKeeperSink(Sink):
    """Shows the state of one instance in ZooKeeper."""

    def __init__(self, settings: Mapping[str, Json], context: Context) -> None:
        prefix = str(settings["prefix"]).rstrip("/")
        who = path_of(context.origin.service, context.origin.instance)
        session_s = float(cast("float", settings["session_s"]))
        self._context = context
        self._live = f"{prefix}/live/{who}"
        self._last = f"{prefix}/last/{who}"
        self.idle_s = session_s / _LOOKS
        self._client = _client(settings, context, session_s)
        self._present = Present(context.name, context.origin, context.log)
        self._shown: tuple[Standing, int] | None = None
        self._outranked = ""
        self._trouble = False

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """Show the newest state of the batch."""
        self._present.take(batch)
        if self._present.now is None or self._shown == (self._present.now, self._client.session):
            return [Accepted()] * len(batch)
        try:
            self._show(deadline)
        except Refused as refused:
            if refused.why is Why.TOO_LARGE:
                return self._too_large(batch, str(refused))
            self._renew(refused)
            return [RetryAfter(reason=str(refused))] * len(batch)
        except ClientError as error:
            return [RetryAfter(reason=str(error))] * len(batch)
        return [Accepted()] * len(batch)

    def reach(self, deadline: float) -> str:
        """Whether the node can be read."""
        try:
            self._client.get(self._live, deadline)
        except ClientError as error:
            return str(error)
        return ""

    def idle(self, deadline: float) -> None:
        """Put the node back if it is not what it should be: the session may have been lost, or somebody removed it."""
        if self._present.now is None:
            return
        try:
            self._show(deadline)
        except ClientError as error:
            if not self._trouble:
                self._context.log(f"{self._live} is perhaps not shown: {error}")
            self._trouble = True
            if isinstance(error, Refused):
                self._renew(error)

    def close(self, deadline: float) -> None:
        """End the session: the node goes with it."""
        self._client.close(deadline)

    def _renew(self, refused: Refused) -> None:
        """A password that was changed meanwhile is asked for with the next session."""
        if refused.why is Why.AUTH:
            self._shown = None
            self._client.forget()

    def _too_large(self, batch: Sequence[Item], words: str) -> Sequence[Answer]:
        now = self._present.now
        state = now.seq if now is not None else 0
        return [Rejected(words) if item.kind == "state" and item.seq == state else Accepted() for item in batch]

    def _show(self, deadline: float) -> None:
        """Have the present state in a node of this session, unless a newer boot shows its own. Raises ClientError."""
        now = self._present.now
        if now is None:
            return
        for _ in range(_TRIES):
            try:
                if self._put(now, deadline):
                    self._trouble = False
                    return
            except UnknownOutcome:
                # Writing it twice does no harm; whether it was written is seen when it is read.
                if time.monotonic() >= deadline:
                    raise
            except Refused as refused:
                if refused.why not in _RACES:
                    raise
                if refused.why is Why.MISSING:
                    self._client.make_folders(self._live, deadline)
                    self._client.make_folders(self._last, deadline)
        raise UnknownOutcome(f"{self._live}: others write it all the time")

    def _put(self, now: Standing, deadline: float) -> bool:
        """Read, and write what is not as it should be, in one transaction; whether all is well now."""
        live = self._client.get(self._live, deadline)
        last = self._client.get(self._last, deadline)
        session = self._client.session
        if not session:
            return False
        document = now.document(self._context.origin)
        newer = why_newer(live.data if live else None, now) or why_newer(last.data if last else None, now, surely=True)
        if newer:
            if newer != self._outranked:
                self._context.log(f"{self._live} is left as it is: {newer}")
            self._outranked, self._shown = newer, None
            return True
        ours = live is not None and live.owner == session
        if not (ours and live and live.data == document and last and last.data == document):
            # The version of the node that stays rises with each write, so that this is done by one writer only.
            writes = self._writes(live, last, document, ours=ours)
            self._client.transaction(writes, deadline)
        self._shown, self._outranked = (now, session), ""
        return self._client.session == session

    def _writes(self, live: Node | None, last: Node | None, document: bytes, *, ours: bool) -> list[Operation]:
        writes: list[Operation] = [
            Set(self._last, document, last.version) if last is not None else Create(self._last, document)
        ]
        if live is not None and ours:
            return [*writes, Set(self._live, document, live.version)]
        if live is not None:
            # Of an earlier session: it would go with that one.
            writes.append(Delete(self._live, live.version))
        return [*writes, Create(self._live, document, ephemeral=True)]


def _client(settings: Mapping[str, Json], context: Context, session_s: float) -> ZooKeeper:
    name = user_of(settings)
    user = None
    if name is not None:
        user = User(name, lambda: context.secret(settings["password"]), Readers(settings["readers"]))
    tls = tls_of(settings)
    return ZooKeeper(
        [str(host) for host in cast("Sequence[str]", settings["hosts"])],
        session_s,
        user,
        str(settings["chroot"] or ""),
        tls if settings["tls"] else None,
    )
