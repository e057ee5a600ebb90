"""`ww backup` and `ww restore`: words on the command line."""

from __future__ import annotations

import os
import sys

import click

from ww.cli.options import root_option
from ww.errors import WwError
from ww.home.layout import layout_for

_CODES = """\b
Exit codes:
  0   done                       70  the hook failed
  64  wrong command line, or the image has no such hook
  75  the data is in use (restore: stop the instance first)
"""


def _perform(root: str | None, name: str, argument: str | None) -> None:
    from ww.home.command import own_directory
    from ww.ondemand import new_backup_name, run_on_demand

    layout = layout_for(root, os.environ)
    try:
        given = argument if argument is not None else new_backup_name(layout)
        run_on_demand(layout, os.environ, own_directory(os.environ), name, given)
    except WwError as error:
        click.echo(f"ww {name}: {error}", err=True)
        sys.exit(error.exit_code)
    click.echo(given if name == "backup" else f"restored {given}")


@click.command(epilog=f"\b\nExamples:\n  ww backup\n  docker exec notes ww backup before-the-move\n\n{_CODES}")
@root_option()
@click.argument("name", required=False)
def backup(root: str | None, name: str | None) -> None:
    """Run the image's backup hook now.

    The hook writes to /backup under NAME. NAME defaults to the time and the data's version. It is the only line on standard output besides the hook's own.
    An instance may be running: the hook sees to a consistent copy.
    """
    _perform(root, "backup", name)


@click.command(epilog=f"\b\nExamples:\n  ww restore 20261121T131500Z-1.0\n\n{_CODES}")
@root_option()
@click.argument("name")
def restore(root: str | None, name: str) -> None:
    """Run the image's restore hook for one backup.

    NAME is what `ww backup` printed. The instance must not be running.
    """
    _perform(root, "restore", name)
