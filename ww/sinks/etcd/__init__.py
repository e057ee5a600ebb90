"""The sink `etcd`: the present state of an instance under a lease. The client is imported when a sink is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.config.sinktypes import own_schema
from ww.sinks.base import Guarantee, SinkType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.sinks.base import Context, Sink
    from ww.types import Json


def make(settings: Mapping[str, Json], context: Context) -> Sink:
    """The sink. Raises ValueError for settings that do not go together."""
    from ww.sinks.etcd.sink import EtcdSink

    return EtcdSink(settings, context)


TYPE = SinkType(
    name="etcd",
    guarantee=Guarantee.CURRENT_STATE,
    schema=own_schema("etcd"),
    make=make,
    summary="a key in etcd with the state of the instance, gone when the instance is",
)
