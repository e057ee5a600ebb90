"""Sink types by name: ww's own, imported when they are used, and plugins (`ww.config.plugins`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ww.config import plugins
from ww.config.sinktypes import BUILT_IN, Unusable
from ww.sinks.base import SinkType

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = {name: f"ww.sinks.{name}:TYPE" for name in BUILT_IN}
"""Where each of ww's own types is."""


def sink_type(name: str, etc: str) -> SinkType | Unusable:
    """The type `name`; in words, as the end of a sentence about `ww.sinks.NAME.type`, why it cannot be had.

    `etc` is where an image has its table of plugins.
    """
    if name in MODULES:
        return _imported(MODULES[name], "whaleware")
    found = plugins.find(name, etc)
    return found if isinstance(found, Unusable) else _imported(found.target, found.origin)


def every(etc: str) -> Iterator[tuple[str, str, SinkType | Unusable]]:
    """Each type that is known here: its name, which package it comes from, and itself."""
    for name in sorted(MODULES):
        yield name, "whaleware", _imported(MODULES[name], "whaleware")
    for name, found in sorted(plugins.installed(etc).items()):
        if isinstance(found, Unusable):
            yield name, "", found
        else:
            yield name, found.origin, _imported(found.target, found.origin)


def _imported(target: str, origin: str) -> SinkType | Unusable:
    module, _, attribute = target.partition(":")
    try:
        made: object = importlib.import_module(module)
        for part in attribute.split("."):
            made = getattr(made, part)
    except ModuleNotFoundError as error:
        if origin == "whaleware" and error.name == module:
            return Unusable(f"this ww comes without {module}")
        return Unusable(f"{origin}: importing {target} failed: {error}")
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything when it is imported
        return Unusable(f"{origin}: importing {target} failed: {type(error).__name__}: {error}")
    if not isinstance(made, SinkType):
        return Unusable(f"{origin}: {target} is no SinkType but a {type(made).__name__}")
    return made
