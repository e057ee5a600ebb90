"""`ww status`: what the instance is, at a glance or as JSON."""

from __future__ import annotations

from typing import Any

import click

from ww.cli.asking import demand, target
from ww.cli.options import root_option
from ww.cli.screen import clean, coloured, duration, moment, paragraph, table
from ww.clib import json_dumps

EPILOG = """\b
Examples:
  ww status
  ww status --root ./site
  docker exec web ww status --json | jq -r .state

\b
Exit codes:
  0   it answered, whatever its state     69  no instance answers
  64  wrong command line
"""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print the status document (format 1, docs/operations.md).")
@root_option()
def status(as_json: bool, root: str | None) -> None:
    """Show what state the instance is in.

    The state, since when and why; the last health check; every service, and why it last ended; the reporter, and how
    each sink stands, where there are any.
    """
    document = demand(target(root), {"op": "status"})["status"]
    click.echo(json_dumps(document) if as_json else "\n".join(describe(document)))


def describe(document: dict[str, Any]) -> list[str]:
    """A status document as lines for people."""
    state = clean(document.get("state") or "starting")
    since = f"  since {moment(document['since'])}" if document.get("since") else ""
    lines = [f"{coloured(state, strong=True)}{since}, for {duration(document.get('for_s'))}"]
    for words in (_who(document), _restarts(document), _health(document), _reason(document), _stop(document)):
        lines += [paragraph(words)] if words else []
    services = document.get("services") or []
    if services:
        head = ("SERVICE", "STATE", "PID", "FOR", "RESTARTS", "LAST END")
        lines += ["", *table(head, [_service(one) for one in services], colour=1)]
    return lines + _reporter(document.get("reporter"))


def _who(document: dict[str, Any]) -> str:
    versions = ""
    if document.get("image_version"):
        versions = f", image {document['image_version']}"
        if document.get("data_version") not in (None, "", document["image_version"]):
            versions += f" (data {document['data_version']})"
    labels = ", ".join(f"{name}={value}" for name, value in (document.get("labels") or {}).items())
    told = f"{document.get('service')}, instance {document.get('instance')}, pid {document.get('pid')}{versions}"
    return clean(f"{told}, ww {document.get('version')}{f', {labels}' if labels else ''}")


def _restarts(document: dict[str, Any]) -> str:
    count = document.get("restarts") or 0
    words = f"running for {duration(document.get('uptime_s'))}"
    words += f", restarted {count} time{'s' * (count != 1)}" if count else ""
    return words + ("; maintenance is on: nothing is healed" if document.get("maintenance") else "")


def _health(document: dict[str, Any]) -> str:
    health = document.get("health")
    if not health:
        return ""
    word = "healthy" if health.get("healthy") else "unhealthy"
    failure = clean(health.get("failure") or "")
    return f"{coloured(word)} at {moment(health.get('at'))}{f': {failure}' if failure else ''}"


def _reason(document: dict[str, Any]) -> str:
    reason = clean(document.get("reason") or "")
    return f"reason: {reason}" if reason else ""


def _stop(document: dict[str, Any]) -> str:
    stop = document.get("stop")
    if not stop:
        return ""
    waiting = clean(stop.get("waiting_for") or "")
    return (
        f"going down: {stop.get('left_s')} of {stop.get('budget_s')} s left{f', waiting for {waiting}' * bool(waiting)}"
    )


def _reporter(reporter: dict[str, Any] | None) -> list[str]:
    """The reporter and its sinks; nothing where there is none."""
    if not reporter:
        return []
    pid, count = reporter.get("pid"), reporter.get("restarts") or 0
    words = f"reporter: pid {pid}" if pid else "reporter: not running, it is started again soon"
    words += "" if reporter.get("answering") or not pid else ", not answering yet"
    words += f", started again {count} time{'s' * (count != 1)}" if count else ""
    sinks = reporter.get("sinks") or {}
    head = ("SINK", "TYPE", "STATE", "WAITING", "NEXT TRY", "LAST ERROR")
    rows = [_sink(name, one) for name, one in sorted(sinks.items()) if isinstance(one, dict)]
    return ["", paragraph(words), *(table(head, rows, colour=2, whole=True) if rows else [])]


def _sink(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    depth, retry_s = one.get("depth"), one.get("retry_in_s")
    again = f"in {duration(retry_s)}" if isinstance(retry_s, int | float) and retry_s > 0 else ""
    told = (name, one.get("type"), one.get("state"), "" if depth is None else depth, again, one.get("last_error"))
    return tuple(str(value or "") if value != 0 else "0" for value in told)


def _service(one: dict[str, Any]) -> tuple[str, ...]:
    last = one.get("last") or {}
    ended = str(last.get("words") or last.get("reason") or "")
    if ended and last.get("at"):
        ended += f", {moment(last['at'])}"
    said = one.get("status")
    return (
        str(one.get("name")),
        str(one.get("state")),
        str(one.get("pid") or ""),
        duration(one.get("for_s")),
        str(one.get("restarts") or 0),
        f"{ended} ({said})" if said and ended else str(said or ended),
    )
