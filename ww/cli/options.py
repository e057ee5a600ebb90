"""Options that commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def root_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--root DIR`; its absence means `WW_ROOT`, which `layout_for` reads."""
    return click.option(
        "--root",
        metavar="DIR",
        help="Directory that holds the instance outside a container. Default: $WW_ROOT, else /.",
    )


def count_option(default: int, what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`-n N`, where `all` (None to the command) is everything."""
    return click.option(
        "-n",
        "--lines" if what == "lines" else "--count",
        "count",
        callback=_count,
        default=str(default),
        show_default=True,
        metavar="N",
        help=f"Show the last N {what}; all of them with -n all.",
    )


def _count(_context: click.Context, _parameter: click.Parameter, value: str) -> int | None:
    if value == "all":
        return None
    if not (value.isascii() and value.isdigit()):
        raise click.BadParameter(f"{value!r} is neither a number nor the word all")
    return int(value)
