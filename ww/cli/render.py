"""`ww render`: a file from a template and the configuration."""

from __future__ import annotations

import os
import sys

import click

from ww.cli.options import root_option
from ww.config.atomic import rewrite
from ww.config.reading import load
from ww.config.render import RenderError
from ww.config.render import render as render_text
from ww.home.layout import layout_for

EPILOG = """\b
Examples:
  ww render /ww/files/my.cnf.j2 /etc/mysql/my.cnf
  ww render --mode 0640 app.ini.j2 /etc/app.ini
  echo 'memory is {{ memory }}' > t && ww render t -

\b
In the template:
  {{ db.host }}  {{ cfg["a-b"] }}    the configuration, secrets in place
  {{ ww.service }}                   the settings of ww, with their defaults
  {{ env.HOME }}                     the environment, without CFG and its like
  {{ db | tojson }}  {{ db.host | shquote }}

\b
Exit codes: 0 written; 2 wrong usage, or DEST could not be made (and is kept).
"""


def _mode(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:  # noqa: ARG001
    """An octal file mode; click calls this with its own three arguments."""
    if value is None:
        return None
    try:
        mode = int(value, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise click.BadParameter(f"{value!r} is not an octal file mode such as 0640")
    return mode


@click.command(epilog=EPILOG, short_help="Make a file from a template and the configuration.")
@click.argument("template")
@click.argument("dest")
@click.option("--mode", callback=_mode, metavar="MODE", help="File mode of DEST, octal.")
@root_option()
def render(template: str, dest: str, mode: int | None, root: str | None) -> int:
    """Make a file from a template and the configuration.

    DEST is replaced at once or not at all, and keeps its owner and mode; - is standard output. A new file is 0644,
    or 0600 if a secret is in it. A name that the configuration does not have is an error.
    """
    layout = layout_for(root, os.environ)
    rendered = render_text(template, load(layout, os.environ), layout, os.environ)
    data = rendered.text.encode()
    if dest == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return 0
    try:
        rewrite(dest, data, mode, 0o600 if rendered.secret else 0o644)
    except OSError as error:
        raise RenderError(f"cannot write {dest}: {error.strerror}") from None
    return 0
