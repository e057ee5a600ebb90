"""`ww events`: what the instance has journalled, which is read and not asked for (docs/decisions/0006)."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from ww.cli.asking import Ended, Target, target
from ww.cli.options import count_option, root_option
from ww.cli.screen import clean, coloured, fit, width
from ww.clib import json_dumps
from ww.clock import stamp
from ww.errors import EXIT_UNAVAILABLE
from ww.events.model import HEALTH, STATE
from ww.events.segment import parse_name, segment_names
from ww.events.spool import read_segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.events.model import Event
    from ww.events.spool import Segment

POLL_S = 0.2
_EVERY_SEQ = 1 << 62
HEAD = f"{'SEQ':>6}  {'TIME (UTC)':<23}  {'EVENT':<14}  WHY"


@click.command(
    epilog="""\b
Examples:
  ww events                     the last 20
  ww events -n all --kind state
  ww events -f --json | jq -c .data

\b
Exit codes: 0 printed; 64 wrong command line; 69 there is no journal.
"""
)
@click.option("-f", "--follow", is_flag=True, help="Go on with the events that come, until interrupted.")
@count_option(20, "events")
@click.option("--kind", metavar="KIND", help="Only events of one kind: state, health, gap ...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line (docs/operations.md).")
@root_option()
def events(follow: bool, count: int | None, kind: str | None, as_json: bool, root: str | None) -> None:
    """Show the events that the instance has journalled.

    States, health and what befell the journal itself, oldest first, of this boot and of those before it, for as long
    as the journal keeps them. Secrets are masked in it.
    """
    at = target(root)
    reader = Reader(at)
    if not reader.directories() and not follow:
        looked = " nor ".join(reader.candidates)
        raise Ended(f"there is no journal: neither {looked} can be read", EXIT_UNAVAILABLE)
    printer = Printer(as_json)
    printer.put(reader.last(count, kind))
    while follow:
        time.sleep(POLL_S)
        printer.put(one for one in reader.fresh() if kind in (None, one[1].kind))


class Reader:
    """The segments of the journal on the data and of the one in the run directory, which takes over when that fails."""

    def __init__(self, at: Target) -> None:
        self.candidates = (f"{at.layout.data}/.ww/journal", f"{at.run}/journal")
        self._sizes: dict[str, int] = {}
        self._seen: dict[str, int] = {}

    def directories(self) -> list[str]:
        """Those that are there and can be read."""
        return [path for path in self.candidates if os.access(path, os.R_OK | os.X_OK) and os.path.isdir(path)]

    def last(self, count: int | None, kind: str | None) -> list[tuple[Segment, Event]]:
        """The last `count` events of `kind`, oldest first (None: all); what `fresh` gives begins behind them."""
        found: list[tuple[Segment, Event]] = []
        for path in reversed(self._ordered()):
            if count is not None and len(found) >= count:
                self._skip(path)
                continue
            segment = self._read(path)
            if segment is not None:
                found[:0] = [(segment, event) for event in segment.events if kind in (None, event.kind)]
        return found if count is None else found[len(found) - min(count, len(found)) :]

    def fresh(self) -> Iterator[tuple[Segment, Event]]:
        """Events that were written since."""
        for path in self._ordered():
            if _size(path) == self._sizes.get(path):
                continue
            seen = dict(self._seen)
            segment = self._read(path)
            if segment is not None:
                yield from ((segment, one) for one in segment.events if one.seq > seen.get(segment.boot_id, 0))

    def _skip(self, path: str) -> None:
        """Nobody wants to see it, now or when it grows: only the newest segment of a boot does, and that is read first."""
        parts = parse_name(os.path.basename(path))
        self._sizes[path] = _size(path)
        if parts is not None:
            self._seen.setdefault(parts[1], _EVERY_SEQ)

    def _read(self, path: str) -> Segment | None:
        size = _size(path)
        try:
            segment = read_segment(path)
        except OSError:
            return None  # retention has just taken it
        self._sizes[path] = size
        newest = max((event.seq for event in segment.events), default=0)
        self._seen[segment.boot_id] = max(newest, self._seen.get(segment.boot_id, 0))
        return segment

    def _ordered(self) -> list[str]:
        """Every segment in the order of writing: by boot, and boots of one number (there was no volume) by their time."""
        found = []
        begun: dict[tuple[int, str], int] = {}
        for directory in self.directories():
            for name in segment_names(directory):
                parts = parse_name(name)
                if parts is not None:
                    path = f"{directory}/{name}"
                    found.append((parts, path))
                    begun[parts[:2]] = min(_written_ns(path), begun.get(parts[:2], 1 << 63))
        return [path for _, path in sorted(found, key=lambda one: (one[0][0], begun[one[0][:2]], one[0][1:], one[1]))]


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def _written_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


class Printer:
    """One line per event: a table with a line before each boot, or JSON."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._boot = ""

    def put(self, found: Iterator[tuple[Segment, Event]] | list[tuple[Segment, Event]]) -> None:
        """Print them."""
        for segment, event in found:
            if self._as_json:
                click.echo(json_dumps(as_record(segment, event)).encode("utf-8", "backslashreplace"))
            else:
                self._row(segment, event)

    def _row(self, segment: Segment, event: Event) -> None:
        if segment.boot_id != self._boot:
            click.echo(HEAD if not self._boot else "")
            click.echo(f"boot {segment.boot_no}, {clean(segment.boot_id)}")
            self._boot = segment.boot_id
        name = clean(event.data.get("state") if event.kind == STATE else event.kind)
        when = stamp(event.wall_ms)
        head = f"{event.seq:>6}  {when[:10]} {when[11:23]}  "
        room = width()
        why = fit(reason_of(event), room - len(head) - 16) if room else reason_of(event)
        shown = coloured(name) if event.kind == STATE else name
        click.echo(f"{head}{shown}{' ' * (14 - len(name))}  {why}".rstrip())


def reason_of(event: Event) -> str:
    """Why it happened, or what it says, as one line."""
    data: dict[str, Any] = event.data
    if event.kind == STATE:
        return clean(data.get("reason") or "")
    if event.kind == HEALTH:
        return clean(data.get("failure") or ("healthy" if data.get("healthy") else "unhealthy"))
    return clean(data.get("words") or data.get("reason") or data.get("error") or json_dumps(data))


def as_record(segment: Segment, event: Event) -> dict[str, Any]:
    """An event as `ww events --json` prints it."""
    return {
        "boot_no": segment.boot_no,
        "boot": segment.boot_id,
        "seq": event.seq,
        "time": stamp(event.wall_ms),
        "mono_ms": event.mono_ms,
        "kind": event.kind,
        "data": event.data,
    }
