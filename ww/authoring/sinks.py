"""What the schema of a sink cannot see: each one is made, which connects to nothing, and its type says what it minds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.authoring.configuration import at_setting
from ww.authoring.finding import WARNING, Finding
from ww.config.settings import KEY, pick
from ww.config.sinktypes import SINKS, Unusable
from ww.sinks.base import Context, Origin
from ww.sinks.setup import make_sink, places, secret_reader

if TYPE_CHECKING:
    from ww.authoring.place import Place
    from ww.config.compiled import Compiled


def check_sinks(place: Place, compiled: Compiled) -> list[Finding]:
    """Sinks with valid settings that cannot be made all the same, as the image says them and as this machine is."""
    found = []
    given = pick(compiled.cfg, [KEY, SINKS], {})
    wrong = {str(item.get("path", "")) for item in compiled.problems}
    for name, settings in given.items() if isinstance(given, dict) else ():
        key = f"{KEY}.{SINKS}.{name}"
        if not isinstance(settings, dict) or any(path == key or path.startswith(f"{key}.") for path in wrong):
            continue
        if settings.get("enabled") is False:
            continue
        context = Context(
            name=name,
            origin=Origin("service", "instance", "boot"),
            secret=secret_reader(place.layout, {}),
            advise=lambda _: None,
            log=lambda _: None,
            place=places(place.layout),
        )
        made = make_sink(name, settings, context, place.layout.etc)
        if isinstance(made, Unusable):
            finding = Finding(WARNING, "", made.words, "correct it: ww run would go on without this sink")
            found.append(at_setting(place, compiled, finding, (KEY, SINKS, name)))
    return found
