"""`ww run`: only its help is click's; the program itself starts in `ww.launch`, before click is imported."""

from __future__ import annotations

import click


def _assignments(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for item in given:
        if "=" not in item or item.startswith(("=", ":=")):
            raise click.BadParameter(f"{item}: it takes KEY=VALUE, as in a.b=5")
    return given


@click.command(
    "run",
    epilog="""\b
Examples:
  ww run                                  in a container, as PID 1
  ww run --root ./site                    outside one: everything below ./site
  ww run --root ./site --set memory=512   one value over the configuration

\b
Exit codes:
  0   clean stop                 70  a hook failed for good
  1   the service gave up        75  try again later (data in use)
  64  wrong command line         78  configuration, hooks or data cannot be used
""",
)
@click.option("--root", metavar="DIR", help="Keep the whole layout (ww/usr, ww/etc, data, run ...) below DIR.")
@click.option(
    "--set",
    "sets",
    callback=_assignments,
    metavar="KEY=VALUE",
    multiple=True,
    help="Set one value; JSON if it parses, KEY:=TEXT is text.",
)
def run(root: str | None, sets: tuple[str, ...]) -> None:  # noqa: ARG001
    """Be the instance, from its configuration to UP and down again.

    Runs in the foreground and logs to standard output. SIGTERM, SIGINT and SIGQUIT stop it, a second one forces;
    SIGHUP restarts the services.
    """
    raise click.ClickException("ww run is started by ww.launch")  # pragma: no cover - launch never comes here
