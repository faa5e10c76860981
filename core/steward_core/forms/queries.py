"""Reading form records: within the actor's reach, masked, filtered and sorted by declared fields, by keyset pages.

A `ReadSession` gets every masked field masked. `reveal` shows what the actor's scope allows, and is for callers that
record it, as `reveal_record` does.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, tuple_

from steward_core.custom_fields.index import FilterField, condition, filter_field, order_column
from steward_core.custom_fields.models import FieldType
from steward_core.custom_fields.rules import Option
from steward_core.forms.declared import FormField, ValueType, field_by_name, fields_of
from steward_core.forms.declared_queries import (
    current_period_records,
    ranked_records,
    record_fields,
    records_of_period,
)
from steward_core.forms.documents import hidden
from steward_core.forms.errors import FieldNotFilterable, RecordNotFound
from steward_core.forms.form import Form
from steward_core.forms.indexing import fields_here, index_path
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.row_kind import records_in_reach
from steward_core.industry.registry import form_of
from steward_core.permissions import FORMS_VIEW
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, invalid

__all__ = [
    "RecordFilter",
    "RecordLine",
    "RecordsPage",
    "RecordsQuery",
    "RevisionLine",
    "current_period_records",
    "masked_fields",
    "ranked_records",
    "record_fields",
    "record_of",
    "records_of_period",
    "records_page",
    "reveal_record",
    "revisions_of",
]

LARGEST_PAGE = 200
MOST_FILTERS = 20
"""Each looks into the index for itself."""
CREATED = "created"
CUSTOM = "custom."


@dataclass(frozen=True)
class RecordFilter:
    """A condition on a filterable field (`custom.<key>` for the tenant's own); `op` as in the field index: eq, ne, lt,
    le, gt, ge, between, in, starts_with, is_null, is_not_null."""

    field: str
    op: str
    value: Any = None


@dataclass(frozen=True)
class RecordsQuery:
    """Which records of a form, in which order, which page.

    `created_from` (inclusive) to `created_until` (exclusive). `sort` is `created` or a filterable field; records
    without a value come last. `after` is the `next_cursor` of the page before, asked with the same sort.
    """

    filters: tuple[RecordFilter, ...] = ()
    states: frozenset[str] = frozenset()
    subject_id: UUID | None = None
    client_id: UUID | None = None
    period: str | None = None
    batch_id: UUID | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    sort: str = CREATED
    descending: bool = True
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True)
class RecordLine:
    """A record as the actor may see it. `revealed` names the masked fields that stand here unmasked."""

    id: UUID
    plugin: str
    form: str
    form_version: int
    subject_kind: str
    subject_id: UUID
    client_id: UUID | None
    owner_id: UUID | None
    unit_id: UUID | None
    slot: str | None
    period: str | None
    state: str
    title: str
    document: Mapping[str, Any]
    computed: Mapping[str, Any]
    custom: Mapping[str, Any]
    batch_id: UUID | None
    created_at: datetime
    created_by: UUID
    updated_at: datetime
    updated_by: UUID
    version: int
    revealed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RecordsPage:
    """One page; `next_cursor` None: the last. `total` of all pages, where it was asked for."""

    records: tuple[RecordLine, ...]
    next_cursor: str | None
    total: int | None = None


@dataclass(frozen=True)
class RevisionLine:
    """What a record was until it was replaced; newest first in lists."""

    revision: int
    form_version: int
    state: str
    document: Mapping[str, Any]
    computed: Mapping[str, Any]
    custom: Mapping[str, Any]
    cause: str
    replaced_by: UUID
    replaced_at: datetime


_LINE = tuple(name for name in RecordLine.__dataclass_fields__ if name not in ("document", "revealed"))


def masked_fields(form: type[Form]) -> tuple[FormField, ...]:
    """The fields of a form that are masked."""
    return tuple(one for one in fields_of(form) if one.text is not None and one.text.masked is not None)


def _reveals(form: type[Form]) -> dict[str, Permission]:
    """The permissions that reveal something of a form, by key."""
    found = {}
    for one in masked_fields(form):
        if one.text is not None and one.text.masked is not None:
            found[one.text.masked.reveal.key] = one.text.masked.reveal
    return found


def _selection(session: TenantSession, form: type[Form], today: date, reveal: bool) -> list[ColumnElement[bool]]:
    """For each permission that reveals something: whether it reaches the record."""
    return [
        records_in_reach(session, permission, today).label(key) if reveal else false().label(key)
        for key, permission in sorted(_reveals(form).items())
    ]


def _line(form: type[Form], row: FormRecord, seen: Sequence[bool]) -> RecordLine:
    open_to_actor = {key for key, allowed in zip(sorted(_reveals(form)), seen, strict=True) if allowed}
    document, revealed = _masked(form, row.document, open_to_actor)
    return RecordLine(document=document, revealed=revealed, **{name: getattr(row, name) for name in _LINE})


def _masked(
    form: type[Form], document: Mapping[str, Any], open_to_actor: set[str]
) -> tuple[dict[str, Any], frozenset[str]]:
    shown, revealed = dict(document), set()
    for one in masked_fields(form):
        if shown.get(one.name) is None or one.text is None or one.text.masked is None:
            continue
        if one.text.masked.reveal.key in open_to_actor:
            revealed.add(one.name)
        else:
            shown[one.name] = hidden(one, shown[one.name])
    return shown, frozenset(revealed)


async def _found(session: TenantSession, record_id: UUID, today: date) -> tuple[FormRecord, type[Form]]:
    require(session.actor, FORMS_VIEW)
    row = await session.find(FormRecord, FormRecord.id == record_id, records_in_reach(session, FORMS_VIEW, today))
    if row is None:
        raise RecordNotFound
    return row, form_of(row.form)


async def _seen(session: TenantSession, form: type[Form], record_id: UUID, today: date, reveal: bool) -> list[bool]:
    columns = _selection(session, form, today, reveal)
    if not columns:
        return []
    statement = select(*columns).select_from(FormRecord).where(session.within(FormRecord), FormRecord.id == record_id)
    return list((await session.rows(statement))[0])


async def record_of(session: TenantSession, record_id: UUID, *, today: date, reveal: bool = False) -> RecordLine:
    """One record. `reveal` only where the caller records it. Raises Forbidden, RecordNotFound, FormNotFound."""
    row, form = await _found(session, record_id, today)
    return _line(form, row, await _seen(session, form, record_id, today, reveal))


async def reveal_record(session: WriteSession, record_id: UUID, *, today: date) -> RecordLine:
    """One record, masked fields in full where the actor's scope allows; the audit log says which were shown."""
    line = await record_of(session, record_id, today=today, reveal=True)
    await record(
        session, "read.form_record", Subject("form_record", record_id), after={"revealed": sorted(line.revealed)}
    )
    return line


async def revisions_of(
    session: TenantSession, record_id: UUID, *, today: date, limit: int = 50, before: int | None = None
) -> list[RevisionLine]:
    """What a record was, newest first, masked; `before` is the last revision of the page before. Raises Forbidden,
    RecordNotFound."""
    _, form = await _found(session, record_id, today)
    statement = select(FormRevision).where(session.within(FormRevision), FormRevision.record_id == record_id)
    if before is not None:
        statement = statement.where(FormRevision.revision < before)
    rows = await session.scalars(
        statement.order_by(FormRevision.revision.desc()).limit(max(1, min(limit, LARGEST_PAGE)))
    )
    names = [name for name in RevisionLine.__dataclass_fields__ if name != "document"]
    return [
        RevisionLine(document=_masked(form, row.document, set())[0], **{name: getattr(row, name) for name in names})
        for row in rows
    ]


async def records_page(
    session: TenantSession,
    full_key: str,
    query: RecordsQuery | None = None,
    *,
    today: date,
    reveal: bool = False,
    with_total: bool = False,
) -> RecordsPage:
    """One page of a form's records; also of a form whose plugin is off here.

    Raises Forbidden, FormNotFound, FieldNotFilterable naming the fields that can be used, InvalidInput.
    """
    require(session.actor, FORMS_VIEW)
    query = query or RecordsQuery()
    if not 1 <= query.limit <= LARGEST_PAGE:
        raise invalid("limit", "range", f"每页 1 到 {LARGEST_PAGE} 条。", f"A page has 1 to {LARGEST_PAGE} rows.")
    if len(query.filters) > MOST_FILTERS:
        raise invalid("filters", "length", f"最多 {MOST_FILTERS} 个筛选条件。", f"Use at most {MOST_FILTERS} filters.")
    form = form_of(full_key)
    conditions = await _conditions(session, form, full_key, query, today)
    sort = await _sort_column(session, form, full_key, query)
    columns = _selection(session, form, today, reveal)
    statement = select(FormRecord, sort.label("sort"), *columns).where(*conditions)
    rows = await session.rows(_paged(statement, sort, query).limit(query.limit + 1))
    total = await _count(session, conditions) if with_total else None
    page, more = rows[: query.limit], len(rows) > query.limit
    lines = tuple(_line(form, row[0], row[2:]) for row in page)
    return RecordsPage(lines, _cursor(query, page[-1]) if more else None, total)


async def _conditions(
    session: TenantSession, form: type[Form], full_key: str, query: RecordsQuery, today: date
) -> list[ColumnElement[bool]]:
    conditions = [
        session.within(FormRecord),
        FormRecord.form == full_key,
        records_in_reach(session, FORMS_VIEW, today),
    ]
    for column, value in (
        (FormRecord.subject_id, query.subject_id),
        (FormRecord.client_id, query.client_id),
        (FormRecord.period, query.period),
        (FormRecord.batch_id, query.batch_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if query.states:
        conditions.append(FormRecord.state.in_(sorted(query.states)))
    if query.created_from is not None:
        conditions.append(FormRecord.created_at >= query.created_from)
    if query.created_until is not None:
        conditions.append(FormRecord.created_at < query.created_until)
    for one in query.filters:
        known = await _filter_field(session, form, full_key, one.field)
        try:
            conditions.append(condition(session, known, one.op, one.value, FormRecord.id))
        except InvalidInput as refused:
            raise InvalidInput(
                problems=[FieldProblem((one.field, *p.path), p.code, p.message) for p in refused.problems]
            ) from None
    return conditions


async def _count(session: TenantSession, conditions: list[ColumnElement[bool]]) -> int:
    return int(await session.scalar(select(func.count()).select_from(FormRecord).where(*conditions)))


_INDEX_TYPES: Mapping[ValueType, FieldType] = {
    ValueType.TEXT: FieldType.TEXT,
    ValueType.IDENTIFIER: FieldType.TEXT,
    ValueType.INTEGER: FieldType.INTEGER,
    ValueType.MONEY: FieldType.MONEY,
    ValueType.DECIMAL: FieldType.DECIMAL,
    ValueType.PERCENT: FieldType.DECIMAL,
    ValueType.DATE: FieldType.DATE,
    ValueType.DATETIME: FieldType.DATETIME,
    ValueType.BOOLEAN: FieldType.BOOLEAN,
    ValueType.CHOICE: FieldType.CHOICE,
}


async def _filter_field(session: TenantSession, form: type[Form], full_key: str, name: str) -> FilterField:
    """A field as filters know it. Raises FieldNotFilterable."""
    custom = await fields_here(session, full_key)
    if name.startswith(CUSTOM):
        own = next((one for one in custom if f"{CUSTOM}{one.key}" == name), None)
        if own is not None and own.filterable:
            return filter_field(own)
    one = field_by_name(form).get(name)
    if one is not None and one.filterable:
        options = {option.value: Option(option.value, option.title) for option in one.choices}
        return FilterField(index_path(full_key, name), name, _INDEX_TYPES[one.indexed], options=options)
    usable = [field.name for field in fields_of(form) if field.filterable]
    usable += [f"{CUSTOM}{field.key}" for field in custom if field.filterable]
    raise FieldNotFilterable(field=name[:100], known=", ".join(usable) or "-")


async def _sort_column(session: TenantSession, form: type[Form], full_key: str, query: RecordsQuery) -> Any:
    if query.sort == CREATED:
        return FormRecord.created_at
    one = field_by_name(form).get(query.sort)
    if one is not None and one.type in (ValueType.LIST, ValueType.CHOICES):
        usable = [
            field.name
            for field in fields_of(form)
            if field.filterable and field.type not in (ValueType.LIST, ValueType.CHOICES)
        ]
        raise FieldNotFilterable(field=query.sort, known=", ".join([CREATED, *usable]))
    return order_column(session, await _filter_field(session, form, full_key, query.sort), FormRecord.id)


def _paged(statement: Select[Any], sort: Any, query: RecordsQuery) -> Select[Any]:
    down = query.descending
    if query.after is not None:
        statement = statement.where(_beyond(sort, query))
    if query.sort == CREATED:
        order = (sort.desc(), FormRecord.id.desc()) if down else (sort, FormRecord.id)
        return statement.order_by(*order)
    first = sort.desc().nulls_last() if down else sort.asc().nulls_last()
    return statement.order_by(first, FormRecord.id.desc() if down else FormRecord.id)


def _beyond(sort: Any, query: RecordsQuery) -> ColumnElement[bool]:
    """The condition that a row comes after the cursor's. Rows without a value come last."""
    value, last_id = _read_cursor(query)
    after_id = FormRecord.id < last_id if query.descending else FormRecord.id > last_id
    if query.sort == CREATED:
        place, key = tuple_(literal(value), literal(last_id)), tuple_(sort, FormRecord.id)
        return key < place if query.descending else key > place
    if value is None:
        return and_(sort.is_(None), after_id)
    beyond = sort < value if query.descending else sort > value
    return or_(beyond, and_(sort == value, after_id), sort.is_(None))


def _cursor(query: RecordsQuery, row: Any) -> str:
    value = row[1]
    kind, plain = ("t", value.isoformat()) if isinstance(value, datetime) else ("v", value)
    parts = [query.sort, query.descending, kind, plain, str(row[0].id)]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode()


def _read_cursor(query: RecordsQuery) -> tuple[Any, UUID]:
    refused = invalid("after", "cursor", "翻页位置无效，请从第一页重新开始。", "Start again from the first page.")
    try:
        raw = base64.b64decode((query.after or "").encode(), altchars=b"-_", validate=True)
        sort, descending, kind, value, last_id = json.loads(raw)
        place = datetime.fromisoformat(value) if kind == "t" else value
        known_id = UUID(last_id)
    except (binascii.Error, ValueError, TypeError, AttributeError, RecursionError):
        raise refused from None
    usable = place is None or isinstance(place, datetime) or type(place) in (int, str)
    if (sort, descending) != (query.sort, query.descending) or not usable or "\0" in str(place):
        raise refused
    return place, known_id
