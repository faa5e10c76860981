"""The results of gradings as form records, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    Text,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from steward_core.custom_fields.index import INDEXED_CHARACTERS
from steward_core.custom_fields.models import FieldIndexEntry
from steward_core.forms.bulk import NewRecords, insert_records
from steward_core.forms.declared import FRACTIONS, WHOLE, FormField, ValueType, fields_of
from steward_core.forms.form import Form
from steward_core.forms.models import FormRecord
from steward_core.gradings.form import BOUND, PREVIEW, SUPERSEDED
from steward_core.gradings.models import Grading
from steward_tenants.database.session import WriteSession

ROWS_AT_ONCE = 5000
_MILLION = 1_000_000


@dataclass(frozen=True)
class Result:
    """One client's result, ready to be kept."""

    client_id: UUID
    document: dict[str, Any]
    computed: dict[str, Any]


async def write_results(
    session: WriteSession, grading: Grading, full_key: str, form: type[Form], parts: Iterable[Sequence[Result]]
) -> None:
    """Insert the records of a grading as a preview, in the order given: pages by id show them in that order."""
    for part in parts:
        await _insert(session, grading, full_key, form, part)


async def _insert(
    session: WriteSession, grading: Grading, full_key: str, form: type[Form], part: Sequence[Result]
) -> None:
    clients = [result.client_id for result in part]
    records = NewRecords(
        subject_ids=clients,
        client_ids=clients,
        documents=[result.document for result in part],
        computed=[result.computed for result in part],
        periods=[grading.period] * len(part),
        state=PREVIEW.key,
        batch_id=grading.id,
    )
    await insert_records(session, form, full_key, records, indexed=False)


async def supersede_records(session: WriteSession, gradings: Sequence[UUID]) -> None:
    """Have the records of former revisions no longer count, and leave the field index."""
    if not gradings:
        return
    await session.execute(
        delete(FieldIndexEntry)
        .where(
            session.within(FieldIndexEntry),
            FieldIndexEntry.row_id.in_(
                select(FormRecord.id).where(session.within(FormRecord), FormRecord.batch_id.in_(gradings))
            ),
        )
        .execution_options(synchronize_session=False)
    )
    await _set_state(session, gradings, SUPERSEDED.key, None)


async def bind_records(session: WriteSession, grading: Grading, full_key: str, form: type[Form]) -> None:
    """Have a grading's records count: one for each client and period, in the field index. Of clients that were merged
    since, the better result counts. Raises IntegrityError when a client has another one of the period."""
    better = aliased(FormRecord)
    twice = (
        select(better.id)
        .where(
            session.within(better),
            better.batch_id == grading.id,
            better.subject_id == FormRecord.subject_id,
            better.id < FormRecord.id,
        )
        .correlate(FormRecord)
        .exists()
    )
    await _set_state(session, [grading.id], SUPERSEDED.key, None, twice)
    await _set_state(session, [grading.id], BOUND.key, grading.period, FormRecord.state == PREVIEW.key)
    for field in fields_of(form):
        if field.filterable and (column := _index_column(field)):
            await _index(session, grading.id, f"{full_key}.{field.name}", field, column)


async def _set_state(
    session: WriteSession, gradings: Sequence[UUID], state: str, slot: str | None, *conditions: ColumnElement[bool]
) -> None:
    await session.execute(
        update(FormRecord)
        .where(session.within(FormRecord), FormRecord.batch_id.in_(gradings), *conditions)
        .values(
            state=state,
            slot=slot,
            updated_at=func.now(),
            updated_by=session.actor.id,
            version=FormRecord.version + 1,
        )
        .execution_options(synchronize_session=False)
    )


def _index_column(field: FormField) -> str | None:
    if field.type in WHOLE | FRACTIONS | {ValueType.BOOLEAN}:
        return "integer_value"
    if field.type in (ValueType.DATE, ValueType.DATETIME):
        return "time_value"
    return "text_value" if field.type in (ValueType.TEXT, ValueType.CHOICE, ValueType.IDENTIFIER) else None


async def _index(session: WriteSession, grading_id: UUID, path: str, field: FormField, column: str) -> None:
    held = FormRecord.computed if field.computed else FormRecord.document
    value = _index_value(field, held[field.name].astext)
    rows = select(
        bindparam("tenant_id", session.tenant_id, unique=True),
        FormRecord.id,
        bindparam(None, path, type_=Text()),
        value,
    ).where(
        session.within(FormRecord),
        FormRecord.batch_id == grading_id,
        FormRecord.state == BOUND.key,
        value.is_not(None),
    )
    await session.execute(
        insert(FieldIndexEntry).from_select(["tenant_id", "row_id", "field", column], rows, include_defaults=False)
    )


def _index_value(field: FormField, text: ColumnElement[Any]) -> ColumnElement[Any]:
    """A field's value as `custom_fields.index` holds it."""
    if field.type in WHOLE:
        return sql_cast(text, BigInteger)
    if field.type in FRACTIONS:
        return sql_cast(func.round(sql_cast(text, Numeric) * _MILLION), BigInteger)
    if field.type is ValueType.BOOLEAN:
        return case((text == "true", 1), (text == "false", 0))
    if field.type is ValueType.DATE:
        return func.timezone("UTC", sql_cast(text, DateTime()))
    if field.type is ValueType.DATETIME:
        return sql_cast(text, DateTime(timezone=True))
    return func.left(text, INDEXED_CHARACTERS)
