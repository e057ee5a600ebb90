"""The sink `http`: CloudEvents in batches or one by one, or a request of any shape, to any receiver that speaks HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.config.sinktypes import own_schema
from ww.sinks.base import Guarantee, SinkType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.sinks.base import Context, Sink
    from ww.types import Json


def make(settings: Mapping[str, Json], context: Context) -> Sink:
    """The sink; only now requests is imported. Raises ValueError."""
    from ww.sinks.http.sink import HttpSink

    return HttpSink(settings, context)


TYPE = SinkType(
    name="http",
    guarantee=Guarantee.EFFECTIVELY_ONCE,
    schema=own_schema("http"),
    make=make,
    summary="a receiver of CloudEvents, or any other, over HTTP",
)
