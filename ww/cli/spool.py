"""`ww spool`: what the journal holds, and what of it each sink still lacks; `ww spool drain` sees to it that that is nothing."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import click

from ww.cli.asking import Ended, Patience, Target, explain, target, timeout_option
from ww.cli.options import root_option
from ww.cli.screen import clean, coloured, duration, moment, paragraph, table
from ww.clib import json_dumps
from ww.clock import Clock, stamp
from ww.config.reading import CannotRead, load
from ww.errors import EXIT_CONFIG, EXIT_TRY_AGAIN, EXIT_UNAVAILABLE, EXIT_USAGE, ConfigError
from ww.events.quarantine import DIRECTORY as BAD
from ww.events.quarantine import count
from ww.events.shelf import Shelf, after
from ww.events.spool import Cursors
from ww.events.survey import Survey
from ww.home.control import FORBIDDEN, Answer, Unreachable, ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ww.events.position import Position
    from ww.events.survey import Pile

POLL_S = 0.2
URGE_S = 5.0
"""How often a receiver that somebody waits for is tried at least."""
ANSWER_S = 2.0
REJECTED = "rejected"
EPILOG = """\b
Examples:
  ww spool
  ww spool --json | jq .undelivered.events
  ww spool drain --timeout 60 && docker stop web

\b
Exit codes:
  0   printed                             69  there is no journal
  64  wrong command line
"""
DRAIN_EPILOG = """\b
Examples:
  ww spool drain
  ww spool drain --sink web --timeout 10

\b
Exit codes:
  0   everything is delivered             75  not within the time limit, or
  64  wrong command line, or there            the data is in use by somebody
      is no such sink                         who does not answer here
  69  there is no journal, or it is       78  the configuration is invalid, or
      another user's                          a sink cannot be used at all
"""
_TERMINATED = 128 + signal.SIGTERM


@click.group(epilog=EPILOG, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the spool document (format 1, docs/operations.md).")
@root_option()
@click.pass_context
def spool(context: click.Context, as_json: bool, root: str | None) -> None:
    """Show what is journalled and what waits for delivery.

    Where the journal is and why, how much it holds, what each sink still lacks and since when, what is missing and was
    declared so, and what was set aside. It is read from the files: no instance needs to run.
    """
    context.obj = root
    if context.invoked_subcommand is None:
        at = target(root)
        document = describe(look(at, _known_sinks(at)))
        click.echo(json_dumps(document) if as_json else "\n".join(lines_of(document)))


@spool.command(epilog=DRAIN_EPILOG)
@timeout_option()
@click.option("--sink", metavar="NAME", help="Wait for this sink only. Default: for every one that is configured.")
@root_option()
@click.pass_obj
def drain(before: str | None, timeout_s: float, sink: str | None, root: str | None) -> None:
    """See to it that everything that is journalled by now is delivered, and wait for that.

    The running instance delivers, and tries at once and every few seconds where it waits for a better moment; what it
    journals meanwhile is not waited for. Where no instance runs, the sinks deliver in this process, with the
    configuration as it was compiled last, and no `ww run` gets the data meanwhile. A sink has taken an event when its
    receiver has accepted it, or has refused it for good.
    """
    at = target(root if root is not None else before)
    patience = Patience(timeout_s)
    found = look(at, configured(at), sink)
    if not found.behind():
        return
    if found.forbidden:
        raise Ended(f"nobody can be asked to deliver what waits: {found.why_not}", EXIT_UNAVAILABLE)
    if found.running:
        _await_delivery(at, found, sink, patience)
    else:
        _deliver_here(at, found, patience)


def _await_delivery(at: Target, found: Found, sink: str | None, patience: Patience) -> None:
    """Wait for the running instance. Raises Ended."""
    next_s = 0.0
    while behind := found.behind():
        if patience.over:
            raise _not_in_time(found, behind, patience, {})
        if patience.spent_s >= next_s:
            next_s = patience.spent_s + URGE_S
            # What it says matters not: an older one does not know of this, and delivers all the same.
            ask(at.run, {"op": "drain", "sink": sink}, ANSWER_S)
        time.sleep(POLL_S)


def _deliver_here(at: Target, found: Found, patience: Patience) -> None:
    """Deliver in this process. Raises Ended, TryAgainError."""
    from ww.drain import Foreground

    signal.signal(signal.SIGTERM, _terminated)
    deadline = None if patience.limit_s is None else time.monotonic() + patience.left_s
    with Foreground(at.layout, at.run, found.names, found.directories) as work:
        for words in work.unusable.values():
            click.echo(f"ww spool: {words}", err=True)
        behind = work.deliver(found.behind, URGE_S, deadline)
        if not behind:
            return
        if set(behind) <= set(work.unusable):
            raise Ended(f"nothing can be delivered to {', '.join(behind)}, see above", EXIT_CONFIG)
        raise _not_in_time(found, behind, patience, {name: work.why(name) for name in behind})


def _not_in_time(found: Found, behind: list[str], patience: Patience, why: dict[str, str]) -> Ended:
    waiting = []
    for name in behind:
        last = f"; its last error: {clean(why[name])}" if why.get(name) else ""
        waiting.append(f"{name} ({found.survey.waiting[name].events} events{last})")
    words = (
        f"not everything was delivered within {patience.limit_s or 0:g} s; at the start waited: {', '.join(waiting)}"
    )
    return Ended(words, EXIT_TRY_AGAIN)


def _terminated(_number: int, _frame: object) -> None:
    raise Ended("interrupted; what was delivered is remembered", _TERMINATED)


class Found:
    """The journal of an instance and what is known beside it."""

    def __init__(self, at: Target, names: Sequence[str], answer: Answer | Unreachable) -> None:
        status = answer.body.get("status") if isinstance(answer, Answer) and answer.ok else None
        self.directories = [f"{at.layout.data}/.ww/journal", f"{at.run}/journal"]
        self.names = names
        self.running = status is not None
        self.why_not = explain(at, answer) if isinstance(answer, Unreachable) else ""
        self.forbidden = isinstance(answer, Unreachable) and answer.why == FORBIDDEN
        self.boot = str((status or {}).get("boot") or "")
        reporter = (status or {}).get("reporter")
        self.stats: dict[str, Any] = (reporter.get("sinks") or {}) if isinstance(reporter, dict) else {}
        self.cursors = Cursors(self.directories, looking=True)
        self.survey = Survey(self.directories, {name: self.cursors.get(name) for name in names}, self.boot)

    def behind(self, cursors: Cursors | None = None) -> list[str]:
        """The sinks that have by now not come as far as the survey went; `cursors`: those of this process."""
        cursors = cursors or Cursors(self.directories, looking=True)
        target = self.survey.last
        places = Shelf(self.directories, self.boot).places()
        return [
            name
            for name in self.names
            if _is_behind(cursors.get(name), target, [p.boot for p in after(places, cursors.get(name), self.boot)])
        ]


def _is_behind(position: Position, target: Position, boots: list[str]) -> bool:
    if position.boot == target.boot:
        return position.seq < target.seq
    return target.boot in boots


def look(at: Target, names: list[str], sink: str | None = None) -> Found:
    """What there is for the sinks `names`, or for `sink`. Raises Ended where there is no journal, or no sink `sink`."""
    answer = ask(at.run, {"op": "status"}, ANSWER_S)
    if sink is not None and sink not in names:
        known = f"it has {', '.join(names)}" if names else "it has none"
        raise Ended(f"there is no sink {sink!r} in ww.sinks: {known}", EXIT_USAGE)
    found = Found(at, names if sink is None else [sink], answer)
    if not any(os.path.isdir(path) for path in found.directories):
        looked = " nor ".join(found.directories)
        raise Ended(f"there is no journal: neither {looked} can be read", EXIT_UNAVAILABLE)
    return found


def configured(at: Target) -> list[str]:
    """The names of the sinks in the configuration as it was compiled last, or would be now. Raises ConfigError."""
    try:
        ww = load(at.layout, os.environ).get("ww")
    except CannotRead:
        from ww.drain import configuration

        ww = configuration(at.layout, os.environ).get("ww")
    sinks = ww.get("sinks") if isinstance(ww, dict) else None
    if not isinstance(sinks, dict):
        return []
    return sorted(name for name, sink in sinks.items() if not (isinstance(sink, dict) and sink.get("enabled") is False))


def _known_sinks(at: Target) -> list[str]:
    """The same; without a valid configuration there is none, and a journal to look at all the same."""
    try:
        return configured(at)
    except ConfigError:
        return []


# The document


def describe(found: Found) -> dict[str, Any]:
    """The spool document, format 1."""
    survey = found.survey
    now_ms = Clock().wall_ms()
    piles = [survey.waiting[name] for name in found.names]
    slowest = max(piles, key=lambda pile: pile.events, default=None)
    files, ever = zip(*[count(directory) for directory in found.directories], strict=True)
    return {
        "format": 1,
        "running": found.running,
        "journal": {
            "directory": survey.directory,
            "why": _why(found),
            "segments": survey.segments,
            **_pile(survey.all, now_ms),
        },
        "undelivered": _pile(slowest, now_ms),
        "sinks": [_sink(found, name, now_ms) for name in found.names],
        "missing": {
            "gaps": survey.missing.gaps,
            "health": survey.missing.health,
            "lifecycle": survey.missing.lifecycle,
        },
        "quarantined": {"files": sum(files), "ever": sum(ever)},
        "unreadable": survey.unreadable,
    }


def _why(found: Found) -> str:
    survey = found.survey
    if survey.directory is None:
        return "it holds no event yet"
    if survey.directory == found.directories[0]:
        return "on the volume"
    if survey.moved is not None:
        return f"in the run directory: {clean(survey.moved.data.get('reason') or 'the volume failed')}"
    there = os.path.isdir(found.directories[0])
    return "in the run directory: " + ("the volume could not be written" if there else "there is no volume")


def _pile(pile: Pile | None, now_ms: int) -> dict[str, Any]:
    oldest = None if pile is None else pile.oldest_ms
    return {
        "events": pile.events if pile else 0,
        "lifecycle": pile.lifecycle if pile else 0,
        "bytes": pile.bytes if pile else 0,
        "oldest": None if oldest is None else stamp(oldest),
        "oldest_s": None if oldest is None else max(0, now_ms - oldest) / 1000,
    }


def _sink(found: Found, name: str, now_ms: int) -> dict[str, Any]:
    position = found.cursors.get(name)
    stats = found.stats.get(name)
    rejected = sum(_files(f"{directory}/{REJECTED}/{name}") for directory in found.directories)
    return {
        "name": name,
        "boot_no": position.boot_no if position.boot else None,
        "boot": position.boot or None,
        "seq": position.seq if position.boot else None,
        "at": found.cursors.at(name) or None,
        "undelivered": _pile(found.survey.waiting[name], now_ms),
        "rejected": rejected,
        "error": (stats.get("last_error") or None) if isinstance(stats, dict) else None,
    }


def _files(directory: str) -> int:
    try:
        return sum(not name.startswith(".") for name in os.listdir(directory))
    except OSError:
        return 0


# Words


def lines_of(document: dict[str, Any]) -> list[str]:
    """A spool document as lines for people."""
    journal, missing = document["journal"], document["missing"]
    held = f"{_events(journal['events'])} in {_many(journal['segments'], 'segment')}, {size(journal['bytes'])}"
    since = f", since {moment(journal['oldest'])}" if journal["oldest"] else ""
    lines = [
        paragraph(
            f"{journal['directory'] or 'no event yet'} ({journal['why']})" if journal["directory"] else "no event yet"
        )
    ]
    lines.append(paragraph(held + since))
    lines.append(paragraph(_waiting(document)))
    if missing["gaps"]:
        lost = f"{missing['health']} health and {missing['lifecycle']} other events"
        lines.append(paragraph(f"{_many(missing['gaps'], 'gap')} declared: {lost} are missing"))
    if document["quarantined"]["ever"]:
        ever = document["quarantined"]["ever"]
        lines.append(
            paragraph(f"{_many(ever, 'damaged segment')} set aside, {document['quarantined']['files']} kept in {BAD}/")
        )
    lines += [paragraph(f"{coloured('failed')}: {clean(path)} cannot be read") for path in document["unreadable"]]
    sinks = document["sinks"]
    if sinks:
        head = ("SINK", "WAITING", "SIZE", "OLDEST", "UP TO", "REJECTED", "ERROR")
        lines += ["", *table(head, [_row(one) for one in sinks], whole=True)]
    return lines


def _waiting(document: dict[str, Any]) -> str:
    waiting = document["undelivered"]
    if not document["sinks"]:
        return "no sink is configured: nothing is to be delivered"
    if not waiting["events"]:
        return "everything is delivered"
    kinds = f"{waiting['lifecycle']} lifecycle, {waiting['events'] - waiting['lifecycle']} health"
    late = f"{size(waiting['bytes'])}, the oldest for {duration(waiting['oldest_s'])}"
    return f"{_events(waiting['events'])} undelivered ({kinds}), {late}"


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    waiting = one["undelivered"]
    return (
        one["name"],
        str(waiting["events"]),
        size(waiting["bytes"]),
        duration(waiting["oldest_s"]),
        f"boot {one['boot_no']}, {one['seq']}" if one["boot"] else "",
        str(one["rejected"] or ""),
        one["error"] or "",
    )


def _events(number: int) -> str:
    return _many(number, "event")


def _many(number: int, one: str) -> str:
    return f"{number} {one}{'s' * (number != 1)}"


def size(number: int) -> str:
    """`85 kB`, `2.1 MB`: bytes at a glance."""
    amount = float(number)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.1f} {unit}" if amount < 10 and unit != "B" else f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
