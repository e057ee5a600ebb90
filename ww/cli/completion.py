"""`ww completion`: the script that teaches a shell to complete `ww`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog="""\b
Examples:
  eval "$(ww completion bash)"                                  in ~/.bashrc
  eval "$(ww completion zsh)"                                   in ~/.zshrc
  ww completion fish > ~/.config/fish/completions/ww.fish

\b
Exit codes: 0 printed; 64 wrong command line.
"""
)
@click.argument("shell", type=click.Choice(SHELLS), metavar="bash|zsh|fish")
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options, states, and the names of the services of a running instance.
    """
    from ww.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click knows all three
        raise click.ClickException(f"this version of click knows no completion for {shell}")
    click.echo(kind(cli, {}, "ww", "_WW_COMPLETE").source())
