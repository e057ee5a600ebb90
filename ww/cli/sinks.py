"""`ww sinks`: the types that are known here, whether the configured ones can be reached, and the conformance kit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ww.cli.options import root_option
from ww.cli.screen import coloured, duration, paragraph, table
from ww.clib import json_dumps
from ww.errors import EXIT_GAVE_UP, EXIT_OK, EXIT_UNAVAILABLE

if TYPE_CHECKING:
    from ww.home.layout import Layout
    from ww.sinks.conformance.verdict import Report, Result
    from ww.sinks.reachability import Reached


@click.group(
    epilog="""\b
Examples:
  ww sinks list
  ww sinks check --root ./site
  ww sinks conformance mysink.bench:Bench

\b
Exit codes:
  0   done                                69  check: a sink cannot be reached
  1   conformance: not as claimed         78  check: invalid configuration
  64  wrong command line
""",
    short_help="What events can be sent to, and whether it can be reached.",
)
def sinks() -> None:
    """What events can be sent to, and whether it can be reached."""


@sinks.command(
    "list",
    epilog="""\b
Examples:
  ww sinks list
  ww sinks list --json | jq -r '.types[].name'

\b
Exit codes: 0 listed; 64 wrong command line.
""",
    short_help="List the types that are known here.",
)
@root_option()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_types(root: str | None, as_json: bool) -> None:
    """List the types that are known here: ww's own and those of installed packages, each with its guarantee."""
    from ww.home.layout import layout_for
    from ww.sinks.base import SinkType
    from ww.sinks.registry import every

    known = [
        _type(name, origin, found.guarantee.value, found.summary, "")
        if isinstance(found, SinkType)
        else _type(name, origin, "", "", found.words)
        for name, origin, found in every(layout_for(root, os.environ).etc)
    ]
    if as_json:
        click.echo(json_dumps({"format": 1, "types": known}))
        return
    rows = [(one["name"], one["guarantee"] or "-", one["origin"] or "-", one["why"] or one["summary"]) for one in known]
    click.echo("\n".join(table(("TYPE", "GUARANTEE", "FROM", "WHAT"), rows, whole=True)))


def _type(name: str, origin: str, guarantee: str, summary: str, why: str) -> dict[str, str]:
    return {"name": name, "origin": origin, "guarantee": guarantee, "summary": summary, "why": why}


@sinks.command(
    "check",
    epilog="""\b
Examples:
  ww sinks check                     in the container of an instance
  ww sinks check --root ./site       a home
  ww sinks check image/ww            what an image copies to /ww

\b
Exit codes:
  0   every sink was reached         69  at least one was not
  64  wrong command line             78  the configuration is invalid
""",
    short_help="Try to reach every configured sink.",
)
@click.argument("directory", required=False)
@root_option()
@click.option("--set", "sets", metavar="KEY=VALUE", multiple=True, help="As for ww run: set one value.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Seconds for each."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(directory: str | None, root: str | None, sets: tuple[str, ...], timeout_s: float, as_json: bool) -> int:
    """Try to reach every configured sink, from here and with its secrets. No event is sent.

    DIRECTORY is a home or what becomes the /ww of an image, as for `ww check`; without it, the instance of --root.
    """
    from ww.sinks.reachability import DISABLED, REACHED, reach_all

    if directory is not None and root is not None:
        raise click.UsageError("name a DIRECTORY or --root, not both")
    found = reach_all(_layout(directory, root), os.environ, sets, timeout_s)
    if as_json:
        click.echo(json_dumps({"format": 1, "sinks": [_reached(one) for one in found]}))
    elif not found:
        click.echo("no sink is configured")
    else:
        rows = [(one.name, one.type, one.result, "yes" * one.required, one.why) for one in found]
        click.echo("\n".join(table(("SINK", "TYPE", "RESULT", "REQUIRED", "WHY"), rows, whole=True)))
    return EXIT_OK if all(one.result in (REACHED, DISABLED) for one in found) else EXIT_UNAVAILABLE


def _layout(directory: str | None, root: str | None) -> Layout:
    from ww.authoring.place import find_place
    from ww.home.layout import layout_for

    return layout_for(root, os.environ) if directory is None else find_place(directory).layout


def _reached(one: Reached) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.type,
        "result": one.result,
        "required": one.required,
        "why": one.why,
        "seconds": round(one.seconds, 3),
    }


@sinks.command(
    epilog="""\b
Examples:
  ww sinks conformance mysink.bench:Bench
  ww sinks conformance tests/bench.py:Bench --scenario crash
  ww sinks conformance mysink.bench:Bench --json

\b
Exit codes:
  0   the sink keeps what it claims   64  wrong command line, or the bench
  1   it does not                         itself cannot be used
""",
    short_help="Find out what a sink really guarantees.",
)
@click.argument("bench")
@click.option(
    "--scenario", "only", metavar="NAME", multiple=True, help="Run only this one (and quiet, which is first)."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def conformance(bench: str, only: tuple[str, ...], as_json: bool) -> int:
    """Find out what a sink really guarantees, beside what it claims.

    BENCH is MODULE:BENCH or FILE.py:BENCH, a class derived from ww.sinks.conformance.bench.Bench: the sink, settings for it,
    a look at what its receiver holds, and the faults that the receiver can be given. The sink is then killed, sent
    things twice and in the wrong order, cut off, kept waiting, refused. See docs/writing-a-sink.md.
    """
    from ww.sinks.conformance.kit import SCENARIOS, examine

    unknown = [name for name in only if name not in SCENARIOS]
    if unknown:
        raise click.UsageError(f"there is no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    report = examine(bench, only, None if as_json else _told)
    click.echo(json_dumps(report.document()) if as_json else "\n".join(_verdict(report)))
    return EXIT_OK if report.holds else EXIT_GAVE_UP


def _told(result: Result) -> None:
    outcome = result.outcome
    shown = result.against or result.faults
    said = result.skipped or (shown[0].what if shown else result.said)
    click.echo(
        f"{result.name:<11} {coloured(outcome)}{' ' * (10 - len(outcome))} {duration(result.seconds):>6}  {said}"
    )


def _verdict(report: Report) -> list[str]:
    from ww.sinks.conformance.verdict import BROKEN, TO_DO

    found = report.found
    lines = [
        "",
        f"sink      {report.sink}",
        f"claimed   {report.claimed.value}",
        f"found     {found.value if found else BROKEN}",
    ]
    for name in dict.fromkeys(fault.name for fault in report.faults):
        lines += ["", name]
        seen = {fault.scenario: fault for fault in reversed(report.faults) if fault.name == name}
        lines += [paragraph(f"  {fault.scenario}: {fault.what}") for fault in reversed(seen.values())]
        lines += [paragraph(f"  What to do: {TO_DO[name]}")]
    if report.not_tried:
        lines += ["", paragraph(f"Not tried: {', '.join(report.not_tried)}. Of these nothing is known.")]
    tried = ", as far as it was tried" * bool(report.not_tried)
    return [*lines, "", f"It keeps what it claims{tried}." if report.holds else "It does not keep what it claims."]
