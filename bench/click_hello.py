"""The least that a command written with click costs."""

import click


@click.command()
def hello() -> None:
    """Say hello."""
    click.echo("hello")


hello()
