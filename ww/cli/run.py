"""`ww run`: only its help is click's; the program itself starts in `ww.launch`, before click is imported."""

from __future__ import annotations

import click

from ww.entrypoint import DASHES


def _assignments(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for item in given:
        if "=" not in item or item.startswith(("=", ":=")):
            raise click.BadParameter(f"{item}: it takes KEY=VALUE, as in a.b=5")
    return given


class _WithCommand(click.Command):
    """A command that takes another one behind `--`, whatever that looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What stands before the first `--` is ours."""
        ctx.params["command"] = None
        if DASHES in args:
            at = args.index(DASHES)
            ctx.params["command"], args = args[at + 1 :], args[:at]
            if not ctx.params["command"] or not ctx.params["command"][0]:
                raise click.UsageError("there is no command behind --", ctx)
        return super().parse_args(ctx, args)


@click.command(
    "run",
    cls=_WithCommand,
    options_metavar="[OPTIONS] [-- COMMAND [ARGUMENT]...]",
    epilog="""\b
Examples:
  ww run                                  in a container, as PID 1
  ww run --root ./site                    outside one: everything below ./site
  ww run --root ./site --set memory=512   one value over the configuration
  ww run -- nginx -g 'daemon off;'        a program under ww, as under tini

\b
Exit codes:
  0   clean stop              70  a hook failed for good
  1   the service gave up     75  try again later (data in use)
  64  wrong command line      78  configuration, hooks or data cannot be used
  A COMMAND's own: 128+n by signal n, 127 not found, 126 not executable
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
def run(root: str | None, sets: tuple[str, ...], command: list[str] | None) -> None:  # noqa: ARG001
    """Be the instance, from its configuration to UP and down again.

    Runs in the foreground and logs to standard output. SIGTERM, SIGINT and SIGQUIT stop it, a second one forces;
    SIGHUP restarts the services; ww.signals changes that.

    With a COMMAND: its input, output and terminal are its own, every signal is passed on to it, and its end ends the
    run with its exit code.
    """
    raise click.ClickException("ww run is started by ww.launch")  # pragma: no cover - launch never comes here
