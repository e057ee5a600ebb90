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
