"""`ww check`: words on the command line."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

import click

from ww.clib import json_dumps
from ww.errors import EXIT_OK

if TYPE_CHECKING:
    from ww.authoring.finding import Finding

EXIT_FOUND = 1
"""Problems were found."""
WIDTH = 80

EPILOG = """\b
Examples:
  ww check ./site           a home: ./site/ww/usr, ./site/ww/etc
  ww check image/ww         what an image copies to /ww
  RUN ww check --compile /ww  in a Dockerfile, after the last COPY
                            (pip install 'whaleware[check]' for it)
  ww check --json ./site    for a program

\b
Exit codes: 0 clean; 1 problems (with --strict also warnings); 64 wrong usage.
"""


@click.command(epilog=EPILOG, short_help="Say what is wrong with a directory of hooks and settings.")
@click.argument("directory")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option(
    "--compile",
    "compiling",
    is_flag=True,
    help="Without problems, write etc/cfg_schema.check and etc/sinks.check: quicker starts.",
)
def check(directory: str, as_json: bool, strict: bool, compiling: bool) -> int:
    """Say what is wrong with a directory of hooks and settings.

    Looks at every hook (x bits, first lines, shell syntax, names), at the configuration and its schema, at upgrade
    steps, services and sinks. No hook is executed, and without --compile nothing is written. A problem is what `ww run`
    would refuse, or not do; a warning is what works and is probably not meant, or what services need and is not here.
    """
    from ww.authoring.check import check as look
    from ww.authoring.check import problems_in, report
    from ww.authoring.configuration import compile_schema, compile_sinks
    from ww.authoring.place import find_place

    place = find_place(directory)
    found = look(place)
    problems = problems_in(found)
    compiled = compile_schema(place) if compiling and not problems else None
    table = compile_sinks(place) if compiled is not None else ""
    if as_json:
        click.echo(json_dumps(report(place, found, compiled.path if compiled else "", table)))
    else:
        for item in found:
            _show(item)
        if compiled is not None:
            click.echo(f"checked the slow way: {compiled.reason}" if compiled.reason else f"compiled {compiled.path}")
            click.echo(f"wrote {table}")
        click.echo(_sum(problems, len(found) - problems, directory))
        if found and strict and not problems:
            click.echo("failed: with --strict a warning is a problem")
    return EXIT_FOUND if problems or (strict and found) else EXIT_OK


def _show(item: Finding) -> None:
    """Where, and under it what and what to do, at most 80 columns wide."""
    colour = "red" if item.level == "problem" else "yellow"
    level = item.level if os.environ.get("NO_COLOR") else click.style(item.level, fg=colour)
    click.echo(f"{level}  {item.where}")
    for words in (item.what, item.do):
        for line in textwrap.wrap(words, WIDTH - 4, break_on_hyphens=False, break_long_words=False):
            click.echo(f"    {line}")
    click.echo("")


def _sum(problems: int, warnings: int, directory: str) -> str:
    if not problems + warnings:
        return f"{directory}: nothing found"
    words = [
        f"{count} {name}{'s' if count != 1 else ''}" for count, name in ((problems, "problem"), (warnings, "warning"))
    ]
    return f"{directory}: {', '.join(words)}"
