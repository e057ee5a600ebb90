"""What the sinks to SQL databases share: the columns of an event, names in statements, and numbered steps of the schema.

Knows no driver. A table of events has a second one beside it, NAME_schema, with one row per step that was done; the
steps are never changed, only added to. What a newer ww has made is refused in words, not written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.sinks.base import Item
    from ww.types import Json

NAME_BYTES = 50
"""PostgreSQL cuts names at 63 bytes, and indexes and the table of versions are named after the table."""


class SchemaError(Exception):
    """A newer ww made the table, or it is not there and may not be made; the message says which and what to do."""


class Row(NamedTuple):
    """One event as the table has it; `event` is the CloudEvent as JSON text."""

    boot: str
    seq: int
    kind: str
    type: str
    service: str
    instance: str
    state: str | None
    time: str
    event: str


COLUMNS = ", ".join(Row._fields)


def row_of(item: Item) -> Row:
    """The row of an event; what the event does not say is empty."""
    event = item.event
    data = event.get("data")
    members: Mapping[str, Json] = data if isinstance(data, dict) else {}
    service, instance = _origin(_text(event, "source"))
    return Row(
        item.boot,
        item.seq,
        item.kind,
        _text(event, "type"),
        service,
        _text(event, "subject") or instance,
        _text(members, "state") or None if item.kind == "state" else None,
        _text(event, "time"),
        item.text.decode(),
    )


def _text(members: Mapping[str, Json], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _origin(source: str) -> tuple[str, str]:
    """Service and instance of `/instances/SERVICE/INSTANCE/boots/BOOT`."""
    parts = source.split("/")
    return (unquote(parts[2]), unquote(parts[3])) if len(parts) > 3 else ("", "")


def quoted(name: str) -> str:
    """A name as an identifier in a statement, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def check_name(name: str, setting: str) -> str:
    """The name of a schema or a table. Raises ValueError where no database could have it."""
    if "\0" in name or len(name.encode()) > NAME_BYTES:
        raise ValueError(f"{setting}: a name has at most {NAME_BYTES} bytes, and no NUL among them")
    return name


def newer(table: str, version: int, known: int) -> SchemaError:
    """The refusal of a table that a newer ww has migrated."""
    return SchemaError(
        f"the table {table} has schema version {version}, this ww knows {known}: use a ww that knows it, or another table"
    )
