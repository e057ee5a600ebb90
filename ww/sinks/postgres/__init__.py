"""The sink `postgres`: the events in a table of PostgreSQL. The driver (psycopg, LGPL-3) is an extra of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.config.sinktypes import own_schema
from ww.sinks.base import Guarantee, SinkType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.sinks.base import Context, Sink
    from ww.types import Json

MISSING = "the sink postgres needs psycopg, which is not installed: pip install 'whaleware[postgres]'"


def make(settings: Mapping[str, Json], context: Context) -> Sink:
    """The sink. Raises ValueError without the driver, and for names that PostgreSQL cannot have."""
    try:
        from ww.sinks.postgres.sink import PostgresSink
    except ImportError as error:
        raise ValueError(f"{MISSING} ({error})") from error
    return PostgresSink(settings, context)


TYPE = SinkType(
    name="postgres",
    guarantee=Guarantee.EFFECTIVELY_ONCE,
    schema=own_schema("postgres"),
    make=make,
    summary="a table in PostgreSQL",
)
