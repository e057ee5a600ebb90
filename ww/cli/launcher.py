"""`ww launcher`: words on the command line."""

from __future__ import annotations

import sys

import click

from ww.errors import EXIT_USAGE, UsageError


@click.command(
    epilog='\b\nExamples:\n  RUN ww launcher /ww\n  ENTRYPOINT ["/ww/run"]\n\n\b\nExit codes:\n  0 written   64 cannot be written'
)
@click.argument("directory")
def launcher(directory: str) -> None:
    """Write the launchers of an image.

    They are run, run.bundle, cfg and bin/ww in DIRECTORY (an image's /ww). DIRECTORY/run is what a container runs as
    PID 1: it blocks the stop signals before Python starts, so that none is lost, and starts ww without site packages.
    DIRECTORY/run.bundle is what it runs of ww, ready to load, for a quick start; without it run works, only slower.
    DIRECTORY/cfg reads one configuration value, DIRECTORY/bin/ww is the command for the PATH of hooks.
    """
    from ww.launcher import write_launchers

    try:
        for path in write_launchers(directory):
            click.echo(path)
    except (UsageError, OSError) as error:
        click.echo(f"ww launcher: {error}", err=True)
        sys.exit(EXIT_USAGE)
