"""The sink `elasticsearch`: events as documents, by `_bulk`, into Elasticsearch or OpenSearch."""

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
    from ww.sinks.elasticsearch.sink import ElasticsearchSink

    return ElasticsearchSink(settings, context)


TYPE = SinkType(
    name="elasticsearch",
    guarantee=Guarantee.EFFECTIVELY_ONCE,
    schema=own_schema("elasticsearch"),
    make=make,
    summary="documents in Elasticsearch or OpenSearch, an index per month or a data stream",
)
