"""What the shell may offer behind Tab: the names that only a running instance knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.cli.asking import target
from ww.home.control import Answer, ask

if TYPE_CHECKING:
    import click

LIMIT_S = 0.3
"""A shell that waits for Tab must not seem to hang."""


def service_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The services of the instance that the rest of the command line names; none if it does not answer at once."""
    answer = ask(target(context.params.get("root")).run, {"op": "status"}, LIMIT_S)
    if not isinstance(answer, Answer) or not answer.ok:
        return []
    names = [str(one.get("name")) for one in answer.body["status"].get("services") or []]
    return [name for name in names if name.startswith(incomplete)]
