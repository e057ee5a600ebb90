"""`ww explain`: words on the command line."""

from __future__ import annotations

import os

import click

from ww.cli.options import root_option
from ww.clib import json_dumps
from ww.errors import EXIT_OK
from ww.home.layout import layout_for

EPILOG = """\b
Examples:
  ww explain --root ./site                    what ww run would do with it
  ww explain --root ./site --set memory=512   the same with one value more
  docker run --rm IMAGE ww explain            what this image would do
  ww explain --json                           for a program

\b
Exit codes: 0 nothing stands against a start; 64 wrong usage;
  75 or 78 what ww run would exit with if it were started now.
"""


@click.command(epilog=EPILOG, short_help="Say what ww run would do, and do nothing.")
@root_option()
@click.option("--set", "sets", metavar="KEY=VALUE", multiple=True, help="As for ww run: set one value.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(root: str | None, sets: tuple[str, ...], as_json: bool) -> int:
    """Say what ww run would do, and do nothing.

    In which states which hooks and services would run, in which order and with which limits; which upgrade steps are
    pending; how it heals, gives up and stops; where things are, and what cannot be written. Nothing is started and
    nothing is written.
    """
    from ww.authoring.explain import explain as look
    from ww.authoring.explaintext import to_words

    layout = layout_for(root, os.environ)
    if layout.root and not os.path.isdir(layout.root):
        raise click.UsageError(f"--root {layout.root}: there is no such directory")
    document = look(layout, os.environ, sets)
    click.echo(json_dumps(document) if as_json else to_words(document))
    code = document["exit_code"]
    return code if isinstance(code, int) else EXIT_OK
