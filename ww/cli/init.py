"""`ww init`: words on the command line."""

from __future__ import annotations

import shlex

import click

from ww.errors import UsageError

EPILOG = """\b
Examples:
  ww init ./shop                 ./shop/ww/usr, ./shop/ww/etc, ./shop/ww/files
  ww init --service shop ./site  the same, and ww.service is shop
  ww init --force .              add what is missing, overwrite nothing

\b
Exit codes:
  0 made; 64 wrong usage, or DIRECTORY is not empty or cannot be written
"""


@click.command(epilog=EPILOG, short_help="Make a directory to start a service from.")
@click.argument("directory")
@click.option(
    "--service", metavar="NAME", default="", help="Name of the service (ww.service). Default: that of DIRECTORY."
)
@click.option("--force", is_flag=True, help="Also where DIRECTORY is not empty; a file that is there is kept.")
def init(directory: str, service: str, force: bool) -> None:
    """Make a directory to start a service from.

    DIRECTORY becomes a home: it holds ww/usr with every hook, commented and working, ww/etc with a configuration and
    its schema, and ww/files with a program that stands for yours. `ww run --root DIRECTORY` runs it as it is, and
    DIRECTORY/ww is what an image copies to /ww.
    """
    from ww.authoring.template import DEFAULTS, make_home

    try:
        result = make_home(directory, service, force)
    except OSError as error:
        raise UsageError(f"cannot make {error.filename or directory}: {error.strerror}") from None
    for path in result.made:
        click.echo(f"made  {directory}/{path}")
    for path in result.kept:
        click.echo(f"kept  {directory}/{path}")
    if service and f"ww/{DEFAULTS}" in result.kept:
        click.echo(f"ww init: {directory}/ww/{DEFAULTS} was kept: set ww.service in it yourself", err=True)
    home = shlex.quote(directory)
    click.echo(f"\nnext:\n  ww check {home}\n  ww explain --root {home}\n  ww run --root {home}")
