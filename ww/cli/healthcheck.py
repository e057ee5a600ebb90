"""`ww healthcheck`: is it UP and healthy? For HEALTHCHECK of an image and for probes."""

from __future__ import annotations

import os

import click

from ww.cli.health import check
from ww.cli.options import root_option
from ww.clib import json_dumps


@click.command(
    epilog="""\b
Examples:
  HEALTHCHECK --interval=10s --start-period=5m CMD ["ww", "healthcheck"]
  ww healthcheck --json

\b
Exit codes: 0 UP and healthy; 1 not; 64 wrong usage; 69 no instance answers.
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON (format 1, docs/operations.md).")
@root_option()
def healthcheck(as_json: bool, root: str | None) -> int:
    """Tell by the exit code whether the instance is UP and healthy.

    Healthy means that the last monitor succeeded; before the first one, UP is enough. One line says why not.
    """
    verdict = check(root, os.environ)
    healthy = verdict.exit_code == 0
    document = {"format": 1, "healthy": healthy, "state": verdict.state, "words": verdict.words}
    click.echo(json_dumps(document) if as_json else verdict.words)
    return verdict.exit_code
