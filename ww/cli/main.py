"""The command `ww`: a click group whose commands are imported only when they are called.

To add a command, add a line to `COMMANDS`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from ww import __version__
from ww.errors import EXIT_LOOKUP, EXIT_OK, EXIT_USAGE, ConfigError, WwError, problem_text

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "backup": ("ww.cli.ondemand:backup", "Run the image's backup hook now."),
    "cfg": ("ww.cli.cfg:cfg", "Print a value of the configuration."),
    "check": ("ww.cli.check:check", "Say what is wrong with a directory of hooks and settings."),
    "explain": ("ww.cli.explain:explain", "Say what ww run would do, and do nothing."),
    "init": ("ww.cli.init:init", "Make a directory to start a service from."),
    "completion": ("ww.cli.completion:completion", "Print the completion script of a shell."),
    "events": ("ww.cli.events:events", "Show the events that the instance has journalled."),
    "healthcheck": ("ww.cli.healthcheck:healthcheck", "Tell by the exit code whether the instance is UP and healthy."),
    "launcher": ("ww.cli.launcher:launcher", "Write the launchers of an image."),
    "logs": ("ww.cli.logs:logs", "Show the log of the instance."),
    "maintenance": ("ww.cli.steer:maintenance", "Switch maintenance on or off."),
    "reload": ("ww.cli.steer:reload", "Read the configuration again and apply what changed."),
    "render": ("ww.cli.render:render", "Make a file from a template and the configuration."),
    "restart": ("ww.cli.steer:restart", "Restart the services, or one of them."),
    "restore": ("ww.cli.ondemand:restore", "Run the image's restore hook for one backup."),
    "run": ("ww.cli.run:run", "Be the instance, from its configuration to UP and down again."),
    "sinks": ("ww.cli.sinks:sinks", "What events can be sent to, and whether it can be reached."),
    "spool": ("ww.cli.spool:spool", "Show what is journalled and what waits for delivery."),
    "status": ("ww.cli.status:status", "Show what state the instance is in."),
    "stop": ("ww.cli.steer:stop", "Stop the instance."),
    "wait": ("ww.cli.wait:wait", "Wait until the instance is in a state."),
}
"""Name of each command, where it is, and its one line in `ww --help` (the command says the same: a test)."""

LOOKUP_COMMANDS = ("cfg", "render")
"""Commands whose wrong usage ends with 2, since 1 and 2 are what scripts know of them; all others end with 64."""


class Commands(click.Group):
    """A group that knows its commands by name, and ends with the exit codes of ww instead of click's."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every name in `COMMANDS`."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **options: Any
    ) -> None:
        """Run the command in `args` (default: the process's own arguments) and end the process."""
        words = list(sys.argv[1:] if args is None else args)
        sys.exit(self._code(words, prog_name or "ww", options))

    def _code(self, words: list[str], prog_name: str, options: dict[str, Any]) -> int:
        options["standalone_mode"] = False
        try:
            result = super().main(words, prog_name, **options)
        except click.UsageError as error:
            error.show()
            return EXIT_LOOKUP if words and words[0] in LOOKUP_COMMANDS else EXIT_USAGE
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.Abort:
            return 130
        except WwError as error:
            for line in _lines(error):
                click.echo(f"ww {words[0] if words else ''}: {line}", err=True)
            return error.exit_code
        except BrokenPipeError:
            # Whoever read us has left; what remains in the buffer must not raise again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return EXIT_LOOKUP
        return result if isinstance(result, int) else EXIT_OK


def _lines(error: WwError) -> list[str]:
    """What there is to say, each problem of a configuration by itself."""
    return [problem_text(one) for one in error.problems] if isinstance(error, ConfigError) else [str(error)]


@click.group(cls=Commands, context_settings={"help_option_names": ["--help", "-h"]})
@click.version_option(__version__, message="ww %(version)s")
def cli() -> None:
    """A service image that boots itself, says truthfully what state it is in, heals itself and stops cleanly.

    Commands about an instance take --root DIR (or the variable WW_ROOT) where it is kept under DIR.
    """
