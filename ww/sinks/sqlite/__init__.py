"""The sink `sqlite`: the events in a table of a database file. The driver is imported when a sink is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.config.sinktypes import own_schema
from ww.sinks.base import Guarantee, SinkType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.sinks.base import Context, Sink
    from ww.types import Json


def make(settings: Mapping[str, Json], context: Context) -> Sink:
    """The sink. Raises ValueError for a table that SQLite cannot have."""
    from ww.sinks.sqlite.sink import SqliteSink

    return SqliteSink(settings, context)


TYPE = SinkType(
    name="sqlite",
    guarantee=Guarantee.EFFECTIVELY_ONCE,
    schema=own_schema("sqlite"),
    make=make,
    summary="a table in an SQLite file",
)
