"""The sink `zookeeper`: the present state of an instance in an ephemeral node. kazoo is imported when a sink is made."""

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
    from ww.sinks.zookeeper.sink import ZooKeeperSink

    return ZooKeeperSink(settings, context)


TYPE = SinkType(
    name="zookeeper",
    guarantee=Guarantee.CURRENT_STATE,
    schema=own_schema("zookeeper"),
    make=make,
    summary="a node in ZooKeeper with the state of the instance, gone when the instance is",
)
