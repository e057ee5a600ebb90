"""The sink to etcd: the key of the instance under a lease, what was last known of it, and a ring of recent events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from ww.clients.errors import ClientError, Refused, UnknownOutcome, Why
from ww.clients.etcd import MAX_BYTES, Etcd
from ww.clients.etcd_wire import Put, Read, Unchanged
from ww.sinks.base import Accepted, Answer, Rejected, RetryAfter, Sink
from ww.sinks.currentstate import Present, Standing, path_of, why_newer
from ww.sinks.etcd.ring import Ring
from ww.sinks.storeaccess import tls_of, user_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.sinks.base import Context, Item
    from ww.types import Json

_TRIES = 8
_RENEWALS = 3
"""A lease is renewed when a third of its time has passed."""


class EtcdSink(Sink):
    """Shows the state of one instance in etcd."""

    def __init__(self, settings: Mapping[str, Json], context: Context) -> None:
        prefix = str(settings["prefix"]).rstrip("/")
        who = path_of(context.origin.service, context.origin.instance)
        self._context = context
        self._live = f"{prefix}/live/{who}"
        self._last = f"{prefix}/last/{who}" if settings["last"] else ""
        self._ttl_s = cast("int", settings["ttl_s"])
        self.idle_s = self._ttl_s / _RENEWALS
        self._client = _client(settings, context)
        self._present = Present(context.name, context.origin, context.log)
        size = cast("int", settings["ring"])
        self._ring = Ring(self._client, f"{prefix}/ring/{who}", size) if size else None
        self._lease = 0
        self._renewed = 0.0
        self._shown: Standing | None = None
        self._revisions = (0, 0)
        self._outranked = ""
        self._trouble = False

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """Show the newest state of the batch, and put the events into the ring."""
        self._present.take(batch)
        try:
            if self._present.now != self._shown or self._due():
                self._show(deadline)
            old = (
                self._ring.add([item for item in batch if len(item.text) <= MAX_BYTES], deadline) if self._ring else ()
            )
        except ClientError as error:
            too_large = isinstance(error, Refused) and error.why is Why.TOO_LARGE
            return [RetryAfter(reason=str(error), too_large=too_large)] * len(batch)
        return [self._answer(item, old) for item in batch]

    def reach(self, deadline: float) -> str:
        """Whether the key can be read."""
        try:
            self._client.read(self._live, deadline)
        except ClientError as error:
            return str(error)
        return ""

    def idle(self, deadline: float) -> None:
        """Keep the lease, and put the key back if it is not what it should be."""
        if self._present.now is None:
            return
        try:
            if self._shown is not None:
                found = self._client.read(self._live, deadline)
                if not found or found[0].mod_revision != self._revisions[0]:
                    self._shown = None
            self._show(deadline)
            self._trouble = False
        except ClientError as error:
            if not self._trouble:
                self._context.log(f"the lease of {self._live} was not kept: {error}")
            self._trouble = True

    def close(self, deadline: float) -> None:
        """Take the key away if the instance has ended; else leave it its time, for the next reporter to take over."""
        now = self._present.now
        if self._lease and now is not None and now.ended and self._shown == now:
            try:
                self._client.revoke(self._lease, deadline)
            except ClientError as error:
                self._context.log(f"{self._live} goes by itself within {self._ttl_s} s: {error}")
        self._client.close()

    def _answer(self, item: Item, old: Sequence[Item]) -> Answer:
        if self._ring and len(item.text) > MAX_BYTES:
            return Rejected(f"it has {len(item.text)} bytes, and etcd takes {MAX_BYTES}")
        return Accepted(duplicate=item in old)

    def _due(self) -> bool:
        return bool(self._lease) and time.monotonic() - self._renewed >= self._ttl_s / _RENEWALS

    def _show(self, deadline: float) -> None:
        """Have a lease, and under it the present state, unless a newer boot shows its own. Raises ClientError."""
        now = self._present.now
        if now is None:
            return
        for _ in range(_TRIES):
            self._keep_lease(deadline)
            if self._shown == now:
                return
            try:
                if self._put(now, deadline):
                    return
            except UnknownOutcome:
                # Writing it twice does no harm; whether it was written is seen when it is read.
                self._revisions = (0, 0)
                if time.monotonic() >= deadline:
                    raise
            except Refused as refused:
                if refused.why is not Why.MISSING:
                    raise
                self._lease = 0
        raise UnknownOutcome(f"{self._live}: others write it all the time")

    def _keep_lease(self, deadline: float) -> None:
        if self._due():
            asked = time.monotonic()
            if self._client.keep_alive(self._lease, deadline):
                self._renewed = asked
            else:
                self._context.log(f"the lease of {self._live} had run out; it is shown anew")
                self._lease = 0
        if not self._lease:
            self._shown = None
            asked = time.monotonic()
            self._lease = self._client.grant(self._ttl_s, deadline)
            self._renewed = asked

    def _put(self, now: Standing, deadline: float) -> bool:
        """Write if nothing has changed since it was last read; read else. Whether all is done."""
        document = now.document(self._context.origin)
        keys = [self._live] + ([self._last] if self._last else [])
        written = [Put(self._live, document, self._lease)] + ([Put(self._last, document)] if self._last else [])
        unchanged = [Unchanged(key, known) for key, known in zip(keys, self._revisions, strict=False)]
        answer = self._client.transaction(unchanged, written, [Read(key) for key in keys], deadline)
        if answer.succeeded:
            self._revisions = (answer.revision, answer.revision)
            self._shown, self._outranked = now, ""
            return True
        found = [pairs[0] if pairs else None for pairs in answer.reads]
        live, last = found[0], found[1] if self._last else None
        self._revisions = (live.mod_revision if live else 0, last.mod_revision if last else 0)
        newer = why_newer(live.value if live else None, now) or why_newer(
            last.value if last else None, now, surely=True
        )
        if newer and newer != self._outranked:
            self._context.log(f"{self._live} is left as it is: {newer}")
        self._outranked = newer
        if newer:
            # Not shown, and nothing of it may be replaced: `idle` looks again, for the other one may go.
            self._revisions = (0, 0)
        return bool(newer)


def _client(settings: Mapping[str, Json], context: Context) -> Etcd:
    user = user_of(settings)
    endpoints = [str(endpoint) for endpoint in cast("Sequence[str]", settings["endpoints"])]
    credentials = None if user is None else lambda: (user, context.secret(settings["password"]))
    return Etcd(endpoints, credentials, tls_of(settings))
