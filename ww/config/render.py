"""Files made from templates: Jinja2, sandboxed and strict, so that hooks need no sed."""

from __future__ import annotations

import os

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from ww.config import settings
from ww.config.query import to_text
from ww.config.secrets import Masker, references, resolve, resolve_all
from ww.config.shell import quote
from ww.errors import EXIT_LOOKUP, WwError
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ww.home.layout import Layout
    from ww.types import Json

RESERVED = ("cfg", "env", "ww")
"""Names in a template that a key of the configuration does not take over."""


class RenderError(WwError):
    """The template cannot be rendered; nothing was written."""

    exit_code = EXIT_LOOKUP


class Rendered(Value):
    """The text, and whether a secret's value is in it."""

    __slots__ = ("text", "secret")

    def __init__(self, text: str, secret: bool) -> None:
        self.text = text
        self.secret = secret


def render(template: str, cfg: dict[str, Json], layout: Layout, environ: Mapping[str, str]) -> Rendered:
    """Render the file `template` with the configuration. Raises RenderError, SecretError."""
    values = [resolve(reference, layout, environ) for reference in references(cfg)]
    masker = Masker(values)
    path = os.path.abspath(template)
    variables = _variables(cfg, layout, environ)
    try:
        text = _environment(path).get_template(os.path.basename(path)).render(variables)
    except TemplateNotFound as error:
        raise RenderError(f"cannot render {template}: there is no template {error.name}") from None
    except TemplateSyntaxError as error:
        where = f"{error.filename or template}, line {error.lineno}"
        raise RenderError(f"cannot render {where}: {masker.mask(str(error.message))}") from None
    except UnicodeDecodeError:
        raise RenderError(f"cannot render {template}: it is not UTF-8 text") from None
    except OSError as error:
        raise RenderError(f"cannot render {template}: {error.strerror}") from None
    except (
        TemplateError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        where = f"{template}, line {_line(error, path)}"
        raise RenderError(f"cannot render {where}: {masker.mask(str(error))}") from None
    return Rendered(text, any(value in text for value in values if value))


def _environment(path: str) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(os.path.dirname(path)),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["shquote"] = _shquote
    return environment


def _shquote(value: Any) -> str:
    """A value as one word of a shell; anything but a string as compact JSON. An undefined name stays an error."""
    return quote(str(value) if isinstance(value, str | StrictUndefined) else to_text(value))


def _variables(cfg: dict[str, Json], layout: Layout, environ: Mapping[str, str]) -> dict[str, Any]:
    resolved: dict[str, Any] = resolve_all(cfg, layout, environ)  # type: ignore[assignment]
    plain = {name: value for name, value in resolved.items() if name.isidentifier() and name not in RESERVED}
    env = {name: value for name, value in environ.items() if not name.startswith("CFG")}
    return {**plain, "cfg": resolved, "env": env, "ww": settings.nested(settings.fill(cfg))}


def _line(error: BaseException, path: str) -> int:
    """The template line that raised: Jinja2 puts template frames into the traceback."""
    line = 0
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == path:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line
