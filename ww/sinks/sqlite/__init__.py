"""The sink `sqlite`: the events in a table of a database file. The driver is imported when a sink is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.config.sinktypes import own_schema
from ww.sinks.base import Guarantee, SinkType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.sinks.base import Context, Sink
    from ww.types import Json


MISSING = "the sink sqlite needs Python's module sqlite3, which this Python has been built or packed without"


def make(settings: Mapping[str, Json], context: Context) -> Sink:
    """The sink. Raises ValueError without the driver, and for a table that SQLite cannot have."""
    try:
        from ww.sinks.sqlite.sink import SqliteSink
    except ImportError as error:
        raise ValueError(f"{MISSING} ({error})") from error
    return SqliteSink(settings, context)


TYPE = SinkType(
    name="sqlite",
    guarantee=Guarantee.EFFECTIVELY_ONCE,
    schema=own_schema("sqlite"),
    make=make,
    summary="a table in an SQLite file",
)
