"""Wiring of `ww spool drain` where no instance runs: sinks deliver from the journal in the foreground, and nothing else.

It holds what `ww run` would hold (the data's lock, or that of the run directory, and the reporter's), so that neither begins
while the other is at work. Nothing is journalled, thinned or deleted: that is for the next `ww run` and its reporter.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from ww.clock import Clock, stamp
from ww.config.compiled import build
from ww.config.inputs import collect
from ww.config.reading import CannotRead, load
from ww.config.secrets import load_masker, references
from ww.config.settings import KEY, fill
from ww.config.sinkcheck import Sinks
from ww.config.sinktypes import Unusable
from ww.errors import ConfigError, TryAgainError
from ww.events.spool import Cursors, Reader
from ww.events.wire import Boot
from ww.home import datadir
from ww.home.lock import Held, NoLock, take_lock
from ww.instance.settings import Settings
from ww.reporting import process
from ww.reporting.alone import wait_until_alone
from ww.sinks.base import Origin
from ww.sinks.registry import sink_type
from ww.sinks.setup import Surroundings, set_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ww.home.layout import Layout
    from ww.sinks.delivery.thread import Delivery
    from ww.types import Json

LOOK_S = 0.1
CLOSE_S = 2.0
"""What sinks may take to let go of their receivers."""
LAST_WORDS_S = 3.0
"""The reporter of a `ww run` that was killed takes no longer to end."""


def configuration(layout: Layout, environ: Mapping[str, str]) -> dict[str, Json]:
    """As it was compiled last; where it never was, as it would be now. Raises ConfigError."""
    try:
        return load(layout, environ)
    except CannotRead:
        compiled = build(collect(layout, environ, []), layout.etc)
        if compiled.problems:
            raise ConfigError(compiled.problems) from None
        return compiled.cfg


class Foreground:
    """Deliveries to the sinks `names` from the journals in `directories`; a context, within which they are at work.

    Entering raises TryAgainError where somebody else is at work on the data, or where nothing could be remembered there.
    """

    def __init__(self, layout: Layout, run: str, names: Sequence[str], directories: Sequence[str]) -> None:
        self._layout = layout
        self._run = run
        self._names = names
        self._directories = [directory for directory in directories if os.path.isdir(directory)]
        self._cfg = configuration(layout, os.environ)
        self._held = ExitStack()
        self._deliveries: list[Delivery] = []
        self.unusable: dict[str, str] = {}
        """Why a sink cannot be used at all, by its name."""
        self.cursors = Cursors(self._directories, say=_warn)

    def __enter__(self) -> Self:
        try:
            self._refuse_another_user()
            self._take_locks()
            # Somebody may have come further until now.
            self.cursors = Cursors(self._directories, say=_warn)
            self._set_up()
        except BaseException:
            self._held.close()
            raise
        for delivery in self._deliveries:
            delivery.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What was taken is remembered, also where a sink does not let go."""
        self.cursors.save(force=True)
        deadline = time.monotonic() + CLOSE_S
        for delivery in self._deliveries:
            delivery.stop(deadline)
        self.cursors.save(force=True)
        self._held.close()

    def deliver(self, behind: Callable[[Cursors], list[str]], urge_s: float, deadline: float | None) -> list[str]:
        """Until nobody is `behind`, or nobody who can be helped, or `deadline` (monotonic); who is behind then.

        Each receiver is tried every `urge_s` at least: whoever drains waits for it.
        """
        next_urge = time.monotonic() + urge_s
        while left := behind(self.cursors):
            now = time.monotonic()
            if (deadline is not None and now >= deadline) or set(left) <= set(self.unusable):
                return left
            if now >= next_urge:
                next_urge = now + urge_s
                for delivery in self._deliveries:
                    delivery.urge()
            self.cursors.save()
            time.sleep(LOOK_S)
        return []

    def why(self, name: str) -> str:
        """What the sink said last; "" if it said nothing."""
        stats = {delivery.name: delivery.stats() for delivery in self._deliveries}.get(name, {})
        return self.unusable.get(name) or str(stats.get("last_error") or "")

    # Parts

    def _refuse_another_user(self) -> None:
        """Root could deliver anybody's events, and would leave records behind that their owner cannot read."""
        directory, user = self._directories[0], os.geteuid()
        owner = os.stat(directory).st_uid
        if user == 0 != owner:
            words = f"cannot deliver: the events in {directory} are user {owner}'s, and this is user {user}"
            raise TryAgainError(f"{words}; run it as that user, as by docker run --user {owner}:0")

    def _take_locks(self) -> None:
        holder = f"ww spool drain on {os.uname().nodename}, pid {os.getpid()}, since {stamp(Clock().wall_ms())}"
        data, on_volume = self._layout.data, False
        if os.path.isdir(f"{data}/.ww"):
            access = datadir.open_data(data, may_create=False)
            if not isinstance(access, datadir.Usable):
                raise TryAgainError(f"cannot deliver, as it could not be remembered: {access.why}")
            self._take(f"{access.path}/lock", data, holder)
            on_volume = True
        if not on_volume or f"{self._run}/journal" in self._directories:
            self._take(f"{self._run}/lock", self._run, holder)
        try:
            fd = wait_until_alone(self._directories[0], time.monotonic() + LAST_WORDS_S)
        except TimeoutError:
            words = f"cannot deliver: another reporter works on the events in {self._directories[0]}"
            raise TryAgainError(f"{words}; its ww run has ended, so end it or wait for its end") from None
        if fd is not None:
            self._held.callback(os.close, fd)

    def _take(self, file: str, directory: str, holder: str) -> None:
        answer = take_lock(file, directory, holder)
        if isinstance(answer, Held):
            words = f"cannot deliver: {directory} is in use by {answer.holder}"
            raise TryAgainError(f"{words}; what runs delivers by itself, unless it hangs")
        if isinstance(answer, NoLock):
            raise TryAgainError(f"cannot deliver: {answer.why}")
        self._held.callback(answer.release)

    def _set_up(self) -> None:
        settings = Settings(fill(self._cfg), {})
        sinks = settings.section("sinks")
        around = self._surroundings(settings)
        for name in self._names:
            # Nothing else is at work here that a plugin's import could hold up.
            found = sink_type(str(sinks[name]["type"]), self._layout.etc)
            if isinstance(found, Unusable):
                made: Delivery | Unusable = Unusable(f"ww.sinks.{name}.type: {found.words}")
            else:
                made = set_up(name, sinks[name], around)
            if isinstance(made, Unusable):
                self.unusable[name] = made.words
            else:
                self._deliveries.append(made)

    def _surroundings(self, settings: Settings) -> Surroundings:
        layout = self._layout
        instance = settings.text("instance") or _volume(layout) or os.uname().nodename
        # No boot runs: whose events they are, the events of each boot say themselves.
        present = Boot(settings.text("service"), instance, "")
        secrets = list(references(self._cfg.get(KEY)))
        hidden = _hidden(self._cfg, layout.etc)
        return Surroundings(
            origin=Origin(
                present.service, instance, "", settings.labels, self._run if os.path.isdir(self._run) else ""
            ),
            present=present,
            layout=layout,
            environ=os.environ,
            journal=self._directories[0],
            source=lambda after: Reader(self._directories, after),
            bookmarks=self.cursors,
            say=process.say,
            mask=lambda text: load_masker(secrets, layout, os.environ, hidden).mask(text),
            declare=_unheard,
            reached=_unheard,
        )


def _hidden(cfg: dict[str, Json], etc: str) -> list[str]:
    """Secrets of sinks that stand in the configuration as they are."""
    found = []
    for path in Sinks(cfg.get(KEY), etc).hidden(cfg):
        value: Any = cfg
        for part in path:
            value = value[part]
        found += [value] if isinstance(value, str) else []
    return found


def _volume(layout: Layout) -> str:
    try:
        return datadir.volume_id(f"{layout.data}/.ww")
    except OSError:
        return ""


def _unheard(*_: object) -> None:
    """Only PID 1 could make something of it."""


def _warn(words: str) -> None:
    process.say("warn", words)
