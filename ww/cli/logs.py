"""`ww logs`: the log's copy in the run directory, which is read and not asked for (docs/decisions/0006)."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from ww.cli.asking import Ended, target
from ww.cli.completing import service_names
from ww.cli.options import count_option, root_option
from ww.cli.tail import Tail
from ww.clib import BadJson, json_dumps, json_loads
from ww.errors import EXIT_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.1
BAR = b" | "


@click.command(
    epilog="""\b
Examples:
  ww logs                       the last 100 lines
  ww logs db -n all             every kept line of the service db
  ww logs -f ww                 what ww itself says, now and from now on
  ww logs --json | jq -r .message

\b
Exit codes: 0 printed; 64 wrong command line; 69 there is no log.
"""
)
@click.argument("name", required=False, shell_complete=service_names)
@click.option("-f", "--follow", is_flag=True, help="Go on with the lines that come, until interrupted.")
@count_option(100, "lines")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line (docs/operations.md).")
@root_option()
def logs(name: str | None, follow: bool, count: int | None, as_json: bool, root: str | None) -> None:
    """Show the log of the instance.

    NAME is who said it: a service, a hook, or ww itself. The newest lines, 1 to 2 MiB of them, are kept in the run
    directory, also after the instance has ended; the whole log is the container's.
    """
    at = target(root)
    directory = f"{at.run}/log"
    if not _can_be_read(directory) and not follow:
        raise Ended(f"there is no log: {directory} does not exist or cannot be read", EXIT_UNAVAILABLE)
    tail = Tail(directory)
    wanted = _wanted(name)
    kept = tail.kept()
    lines = [line for line in kept if wanted(line)]
    if name is not None and not lines:
        _say_who_is_there(name, kept)
    _put(lines if count is None else lines[len(lines) - min(count, len(lines)) :], as_json)
    while follow:
        time.sleep(POLL_S)
        lines = [line for line in tail.fresh() if wanted(line)]
        if tail.lost():
            click.echo("ww logs: lines came faster than they were read; some are missing here", err=True)
        _put(lines, as_json)


def _can_be_read(directory: str) -> bool:
    return os.access(directory, os.R_OK | os.X_OK)


def _wanted(name: str | None) -> Callable[[bytes], bool]:
    """Whether a line is by NAME, or by a file of NAME.d."""
    if name is None:
        return lambda _line: True

    def by_name(line: bytes) -> bool:
        source = source_of(line)
        return source == name or source.startswith(f"{name}.d/")

    return by_name


def _say_who_is_there(name: str, kept: list[bytes]) -> None:
    """On stderr: nothing of that name is no error, and mostly a misspelling."""
    sources = sorted({source_of(line) for line in kept} - {""})
    others = f"; in it are {', '.join(sources)}" if sources else ""
    click.echo(f"ww logs: nothing by {name} is in the log{others}", err=True)


def source_of(line: bytes) -> str:
    """Who said a line, in either format; "" where that cannot be seen."""
    if line.startswith(b"{"):
        source = _record(line).get("source")
        return source if isinstance(source, str) else ""
    head, bar, _text = line.partition(BAR)
    return head.partition(b" ")[2].decode("utf-8", "replace") if bar else ""


def _record(line: bytes) -> dict[str, Any]:
    try:
        value = json_loads(line.decode("utf-8", "replace"))
    except (BadJson, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def as_record(line: bytes) -> dict[str, Any]:
    """A line as an object with time, source, stream and message; plain lines do not know their stream."""
    record = _record(line) if line.startswith(b"{") else {}
    if record:
        return record
    head, bar, text = line.partition(BAR)
    stamp, _blank, source = head.partition(b" ")
    if not bar:
        return {"time": None, "source": None, "stream": None, "message": line.decode("utf-8", "replace")}
    return {
        "time": stamp.decode("utf-8", "replace"),
        "source": source.decode("utf-8", "replace"),
        "stream": None,
        "message": text.decode("utf-8", "replace"),
    }


def _put(lines: list[bytes], as_json: bool) -> None:
    if not lines:
        return
    shown = [json_dumps(as_record(line)).encode("utf-8", "backslashreplace") for line in lines] if as_json else lines
    sys.stdout.buffer.write(b"\n".join(shown) + b"\n")
    sys.stdout.buffer.flush()
