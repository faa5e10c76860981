"""Fields that industry plugins compute for clients, contacts and people, as fields of those types.

They hang on the tenant's settings of the plugin and on the day, so they are asked for after the statement, for the
rows of its answer alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from steward_core.industry.declarations import FieldDescriptor, Industry
from steward_core.industry.evaluation import computed_values
from steward_core.industry.registry import full_key
from steward_graphql.declared.entities import Batched, camel
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, DECIMAL, FEN, LONG, STRING, Kind
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

ENTITIES = {"client": "Client", "contact": "Contact", "user": "Person"}
KINDS: Mapping[str, Kind] = {
    "text": STRING,
    "integer": LONG,
    "decimal": DECIMAL,
    "money": FEN,
    "date": DATE,
    "datetime": DATETIME,
    "boolean": BOOLEAN,
}


def plugin_fields(industry: Industry) -> Mapping[str, tuple[Batched, ...]]:
    """A plugin's computed fields by the name of the type that they belong to: `telecomCallMinutes` on Client."""
    return {
        entity: tuple(_field(industry, one) for one in industry.fields if one.on == on)
        for on, entity in ENTITIES.items()
        if any(one.on == on for one in industry.fields)
    }


def _field(industry: Industry, one: FieldDescriptor) -> Batched:
    name = camel(f"{industry.key}_{one.key}")
    title = one.title
    if one.type == "money":
        title = Bilingual(f"{title.zh}（分）", f"{title.en}, in fen")
    return Batched(name, KINDS[one.type], title, _values(one, full_key(industry.key, one.key)))


def _values(
    one: FieldDescriptor, key: str
) -> Callable[[ReadSession, Sequence[UUID], date], Awaitable[Mapping[UUID, Any]]]:
    async def values(session: ReadSession, ids: Sequence[UUID], today: date) -> Mapping[UUID, Any]:
        found = await computed_values(session, one.on, ids, today, [key])
        return {row_id: _as_json(one.type, row[key]) for row_id, row in found.items() if row.get(key) is not None}

    return values


def _as_json(kind: str, value: Any) -> Any:
    """The value as its kind travels in JSON: numbers that may be large as text."""
    if isinstance(value, bool):
        return value
    if kind in ("integer", "money"):
        return str(int(value))
    if kind == "decimal":
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
