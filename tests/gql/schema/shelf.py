"""Records of a form with every sort of field, whatever a test puts there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from steward_core.forms.documents import fill
from steward_core.forms.indexing import index_record
from steward_core.forms.models import FormRecord
from steward_graphql.catalogue.forms import catalogue_of
from steward_graphql.declared.entities import Entity, Planning, Row
from steward_tenants.access.symbolic import Profile
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from tests.factories import TESTS
from tests.gql.schema.forms import INDUSTRY, Everything

KEY = "sorts.every_thing"
PHOTO = UUID("0197a4d0-0000-7000-8000-000000000001")
FULL: dict[str, Any] = {
    "name": '引号"与\\和换行\n',
    "note": "备注",
    "stars": 3,
    "big": 9007199254740993,
    "price": 123456,
    "weight": "12.500",
    "share": "33.3",
    "day": "2026-11-05",
    "moment": "2026-11-05T09:30:00+08:00",
    "open": True,
    "size": "very-large",
    "odd": "0.5",
    "sizes": ["small", "very-large"],
    "words": ["甲", "乙"],
    "days": ["2026-11-05", "2026-11-06"],
    "photo": str(PHOTO),
    "part": {"brand": "牌"},
    "rows": [{"brand": "牌"}],
    "phone": "13800001111",
    "mail": "li@example.test",
    "number": 12345678,
    "title": "标题",
}


def everything() -> Entity:
    """The type of the form that has every sort of field."""
    return catalogue_of(INDUSTRY).entities[0]


def _twice(big: Any) -> Any:
    return 2 * big if type(big) is int else big


@dataclass
class Shelf:
    """A tenant whose records hold what a test puts there."""

    database: Database
    tenant_id: UUID

    async def put(
        self, document: Mapping[str, Any], *, state: str = "filed", version: int = 2, indexed: bool = False
    ) -> UUID:
        """A record that holds this, whether or not the form would allow it."""
        async with self.database.write(self.tenant_id, TESTS) as session:
            filled = fill(Everything, document) if indexed else None
            record = FormRecord(
                id=new_id(),
                plugin="sorts",
                form=KEY,
                form_version=version,
                subject_kind="client",
                subject_id=new_id(),
                state=state,
                title="记录",
                document=dict(document) if filled is None else filled.document,
                computed={"twice": _twice(document.get("big"))} if filled is None else filled.computed,
                custom={},
                created_by=TESTS.id,
                updated_by=TESTS.id,
            )
            session.add(record)
            await session.flush()
            await index_record(session, Everything, record, valid=indexed)
        return record.id

    async def read(self, record_id: UUID, *names: str, as_json: bool = False) -> list[Any]:
        """Values of a record, in SQL's types or as the JSON of an answer."""
        async with self.database.read(self.tenant_id, TESTS) as session:
            row = Row(aliased(FormRecord), Planning(session, Profile(TESTS)))  # type: ignore[arg-type]
            found = [everything().value(name) for name in names]
            columns: list[ColumnElement[Any]] = [one.expression(row) for one in found]
            if as_json:
                columns = [one.kind.as_json(column) for one, column in zip(found, columns, strict=True)]
            rows = await session.rows(select(*columns).where(row.within(row.table), row.table.id == record_id))
        return list(rows[0])

    async def narrowed(self, name: str, operator: str, value: Any) -> set[UUID] | None:
        """The records that the index leaves for a comparison; None where it has nothing to say."""
        async with self.database.read(self.tenant_id, TESTS) as session:
            row = Row(aliased(FormRecord), Planning(session, Profile(TESTS)))  # type: ignore[arg-type]
            one = everything().value(name)
            assert one.narrow is not None
            kind: Any = ARRAY(one.kind.sql) if operator == "in" else one.kind.sql
            condition = one.narrow(row, operator, bindparam(None, value, type_=kind))
            if condition is None:
                return None
            rows = await session.rows(select(row.table.id).where(and_(row.within(row.table), condition)))
        return {found[0] for found in rows}
