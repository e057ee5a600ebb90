"""`ww cfg`: a value of the configuration, as text, JSON or shell, or the story of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ww.cli.options import root_option
from ww.config import explain as explaining
from ww.config.fastcfg import EXIT_MISSING, Request, answer, complain, default_text, find, put
from ww.config.query import BadPath, Found, Missing, explain_missing, lookup, parse_path, to_text
from ww.config.reading import load, load_provenance
from ww.config.secrets import resolve_all
from ww.config.shell import CannotShell, assignments, name_of, quote
from ww.errors import WwError
from ww.home.layout import layout_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.home.layout import Layout
    from ww.types import Json

EPILOG = """\b
Examples:
  ww cfg memory                      512
  ww cfg 'servers[0].name'           the first server's name
  ww cfg 'servers[-1]' --json        the last server, as JSON
  ww cfg 'log."max.size"'            a key with a dot in it
  ww cfg timezone --default UTC      UTC where nothing is set
  eval "$(ww cfg --shell db)"        cfg_db_host ... as shell variables
  ww cfg memory --explain            which layer set it, and what it overrode
  ww cfg                             everything, secrets as references

\b
Exit codes: 0 found; 1 no such key; 2 wrong usage, or no usable configuration.
"""


@click.command(epilog=EPILOG, short_help="Print a value of the configuration.")
@click.argument("key", required=False)
@click.option("--default", metavar="VALUE", help="Print VALUE where there is no such key, and exit 0.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, strings too.")
@click.option("--shell", is_flag=True, help="Print assignments of variables named cfg_..., safe to eval.")
@click.option("--explain", is_flag=True, help="Print which layer set it and what it overrode; secrets are masked.")
@click.option("--reveal", is_flag=True, help="Without KEY: put the values of secrets in place of their references.")
@root_option()
def cfg(
    key: str | None,
    default: str | None,
    as_json: bool,
    shell: bool,
    explain: bool,
    reveal: bool,
    root: str | None,
) -> int:
    """Print a value of the configuration.

    KEY is a path: names between dots, [n] for an element of an array (from its end if negative), a name in double
    quotes if it holds a dot, a bracket or a quote. Strings are printed as they are, all else as compact JSON.
    Without KEY the whole configuration is printed.
    """
    _refuse_mixtures(
        key is None, default=default is not None, json=as_json, shell=shell, explain=explain, reveal=reveal
    )
    environ = os.environ
    layout = layout_for(root, environ)
    try:
        if explain:
            return _explain(key, as_json, layout, environ)
        if key is None:
            return _everything(shell, reveal, layout, environ)
        if shell:
            return _shell(key, default, layout, environ)
    except (WwError, BadPath, CannotShell) as error:
        return complain(str(error))
    return answer(Request(key, default, as_json, root), environ)


def _refuse_mixtures(whole: bool, **given: bool) -> None:
    """Options that contradict each other, or that would be ignored, are wrong usage."""
    pairs = [("shell", "json"), ("shell", "explain"), ("explain", "default"), ("explain", "reveal")]
    for one, other in pairs:
        if given[one] and given[other]:
            raise click.UsageError(f"--{one} and --{other} cannot be used together")
    if whole and given["default"]:
        raise click.UsageError("--default needs a KEY")
    if given["reveal"] and not whole:
        raise click.UsageError("--reveal is for the whole configuration; a KEY shows its secrets anyway")


def _everything(shell: bool, reveal: bool, layout: Layout, environ: Mapping[str, str]) -> int:
    value: Json = load(layout, environ)
    if reveal:
        value = resolve_all(value, layout, environ)
    return _put_lines(assignments(value, ())) if shell else put(to_text(value))


def _shell(key: str, default: str | None, layout: Layout, environ: Mapping[str, str]) -> int:
    found = find(load(layout, environ), key, layout, environ)
    parts = parse_path(key)
    if isinstance(found, Found):
        return _put_lines(assignments(found.value, parts))
    if default is None:
        return _missing(key, found)
    return put(f"{name_of(parts)}={quote(default_text(default, as_json=False))}")


def _explain(key: str | None, as_json: bool, layout: Layout, environ: Mapping[str, str]) -> int:
    parts = [] if key is None else parse_path(key)
    config = load(layout, environ)
    known = load_provenance(layout, environ)
    if key is not None and isinstance(lookup(config, parts), Missing):
        found = find(config, key, layout, environ)
        if isinstance(found, Missing):
            return _missing(key, found)
        known = explaining.of_defaults(config)
    leaves = explaining.about(known, parts)
    return put(to_text(leaves) if as_json else explaining.to_words(leaves)) if leaves or as_json else 0


def _missing(key: str, missing: Missing) -> int:
    complain(explain_missing(key, missing))
    return EXIT_MISSING


def _put_lines(lines: list[Any]) -> int:
    return put("\n".join(lines)) if lines else 0
