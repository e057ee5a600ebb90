"""`ww explain`: what `ww run` would do here and now, as one object. It starts nothing and writes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ww.authoring import policies
from ww.authoring.configuration import settings_of
from ww.authoring.datafacts import look_at_data
from ww.authoring.plans import Plans, enabled_sinks
from ww.authoring.refusals import everything_against
from ww.authoring.services import definitions, describe, signal_table
from ww.config.compiled import build
from ww.config.inputs import collect
from ww.config.secrets import Masker
from ww.errors import problem_text
from ww.home.datadir import volume_id
from ww.home.image import image_version
from ww.home.layout import refused_run_directory
from ww.home.places import given_up, spots
from ww.instance.hookset import hook_problems
from ww.instance.masking import mask_value
from ww.instance.signaltable import SignalTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.config.compiled import Compiled
    from ww.home.layout import Layout
    from ww.instance.settings import Settings
    from ww.types import JsonObject

FORMAT = 1


def explain(layout: Layout, environ: Mapping[str, str], sets: Sequence[str]) -> JsonObject:
    """The document of `ww explain --json`; docs/writing-a-service.md says what its members are."""
    inputs = collect(layout, environ, sets)
    compiled = build(inputs, layout.etc)
    settings = settings_of(compiled)
    services = definitions(layout.usr, settings)
    table = SignalTable(settings.signals, wrapping=False)
    data = look_at_data(layout)
    version = image_version(layout.etc)
    places = spots(layout, environ, settings.flag("data.shared"))
    plans = Plans(layout, settings, data, version)
    told = [*hook_problems(layout.usr), *services.problems, *table.problems]
    refusals = everything_against(layout, compiled, told, data, places)
    return {
        "format": FORMAT,
        "root": layout.root or "/",
        "service": settings.text("service"),
        "instance": _instance(layout, settings),
        "would_start": not refusals,
        "exit_code": refusals[0].exit_code if refusals else None,
        "refusals": [{"exit_code": item.exit_code, "why": item.why} for item in refusals],
        "versions": {"image": version, "data": data.version},
        "first_boot": None if data.marked is None else not data.marked,
        "backup": plans.backs_up(),
        "configuration": {
            "layers": [layer.name for layer in compiled.layers],
            "schema": inputs.schema.file if inputs.schema is not None else None,
            "warnings": [problem_text(item) for item in compiled.warnings],
        },
        "states": list(plans.all()),
        "recovery": plans.recovery(),
        "services": _masked([describe(service) for service in services.services], compiled),
        "sinks": [*enabled_sinks(settings)],
        "kill_grace_s": policies.seconds(settings.ms("kill_grace_s")),
        "monitor": policies.monitor(settings),
        "restart": policies.restart(settings),
        "stop": policies.stop(settings),
        "signals": signal_table(settings),
        "places": {spot.name: spot.record() for spot in places},
        "given_up": [word for word in (refused_run_directory(layout, environ), *given_up(layout, places)) if word],
    }


def _masked(services: list[JsonObject], compiled: Compiled) -> Any:
    """An image may mark values of its services writeOnly."""
    return mask_value(services, Masker(compiled.private_texts()).mask)


def _instance(layout: Layout, settings: Settings) -> str:
    """Configured, else the volume's id, else the host name; shared data names nobody."""
    try:
        volume = "" if settings.flag("data.shared") else volume_id(f"{layout.data}/.ww")
    except OSError:
        volume = ""
    return settings.text("instance") or volume or os.uname().nodename
