"""The typed field index: writing a row's entries, and filtering and sorting by them.

Filters compare ranges of plain columns: JSON operators and LIKE never become index conditions under row-level
security.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, any_, bindparam, delete, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from steward_core.custom_fields.errors import (
    FieldBeingIndexed,
    FieldNotFilterable,
    FieldNotSortable,
    ValueOutsideIndex,
)
from steward_core.custom_fields.models import CustomField, FieldIndexEntry, FieldType
from steward_core.custom_fields.rules import LONGEST, Option, ValueRules, clean_value, from_json, rules_of
from steward_core.database.bulk import insert_many
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, invalid
from steward_tenants.people.rules import Unacceptable

INDEXED_CHARACTERS = 200
MILLION = 1_000_000
LARGEST_INTEGER = 2**63 - 1
MOST_VALUES = 200
"""Values that one `in` filter may name."""


class Op(StrEnum):
    """How a filter compares. `ne` and `is_null` include rows without a value; of a list, `eq` means: contains."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    BETWEEN = "between"
    IN = "in"
    STARTS_WITH = "starts_with"
    IS_NULL = "is_null"
    IS_NOT_NULL = "is_not_null"


@dataclass(frozen=True)
class IndexEntry:
    """One value of one row: text, bool, int, Decimal, date or datetime (without a zone: UTC)."""

    row_id: UUID
    field: str
    position: int
    value: Any


@dataclass(frozen=True)
class FilterField:
    """A field as filters know it. `path` is the field's whole path in the index, `key` what people call it;
    `ready` False: older rows are still being indexed. Empty `options`: any text."""

    path: str
    key: str
    kind: FieldType
    filterable: bool = True
    ready: bool = True
    options: Mapping[str, Option] = field(default_factory=dict)


Columns = tuple[str | None, int | None, datetime | None]


def as_entry_columns(field: str, value: Any) -> Columns:
    """Text, integer and time column of a value: exactly one is filled. Raises ValueOutsideIndex."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", str(value))[:INDEXED_CHARACTERS], None, None
    if isinstance(value, datetime):
        return None, None, value.astimezone(UTC) if value.utcoffset() is not None else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return None, None, datetime.combine(value, time(), UTC)
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 18:
            raise ValueOutsideIndex(field=field)
        value = int((value * MILLION).quantize(Decimal(1), ROUND_HALF_UP))
    elif not isinstance(value, int):
        raise TypeError(f"{field}: values of type {type(value).__name__} cannot be indexed")
    if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        raise ValueOutsideIndex(field=field)
    return None, int(value), None


async def write_index(
    session: WriteSession,
    entries: Sequence[IndexEntry],
    clear: Collection[UUID] = (),
    *,
    prefix: str | None = None,
    fields: Collection[str] | None = None,
) -> int:
    """Put entries into the index, after removing those of the rows `clear`; answers how many went in.

    `prefix` (`client.`, `telecom.vpn_group.`) or `fields` (whole paths) limit what is removed. Two statements for any
    number of rows. Raises ValueOutsideIndex.
    """
    if clear:
        conditions: list[ColumnElement[bool]] = [
            session.within(FieldIndexEntry),
            FieldIndexEntry.row_id == any_(bindparam(None, list(clear), type_=ARRAY(Uuid(as_uuid=True)))),
        ]
        if prefix is not None:
            conditions += [FieldIndexEntry.field >= prefix, FieldIndexEntry.field < after(prefix)]
        if fields is not None:
            conditions.append(FieldIndexEntry.field.in_(sorted(fields)))
        await session.execute(delete(FieldIndexEntry).where(*conditions).execution_options(synchronize_session=False))
    values = [as_entry_columns(entry.field, entry.value) for entry in entries]
    return await insert_many(
        session,
        FieldIndexEntry,
        {
            "row_id": [entry.row_id for entry in entries],
            "field": [entry.field for entry in entries],
            "position": [entry.position for entry in entries],
            "text_value": [text for text, _, _ in values],
            "integer_value": [number for _, number, _ in values],
            "time_value": [moment for _, _, moment in values],
        },
    )


def after(start: str) -> str:
    """The least text that is greater than every text beginning with `start` (collation C, by code points)."""
    kept = start.rstrip("\U0010ffff")
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)


def path_of(target: str, key: str) -> str:
    """Where a custom field stands in the index: `client.custom.<key>`, `<form key>.custom.<key>`."""
    return f"{target.removeprefix('form:')}.custom.{key}"


def entries_of_custom(
    fields: Iterable[CustomField], target_prefix: str, row_id: UUID, values: Mapping[str, Any]
) -> list[IndexEntry]:
    """The index entries of a row's custom values (JSON form, as `check_custom` answers them).

    `target_prefix` is the target: `client`, `contact`, or a form's full key (with or without `form:`).
    """
    entries = []
    for known in fields:
        stored = values.get(known.key)
        if not known.filterable or stored is None:
            continue
        path, kind = path_of(target_prefix, known.key), FieldType(known.type)
        listed = stored if isinstance(stored, list) else [stored]
        entries += [IndexEntry(row_id, path, place, from_json(kind, item)) for place, item in enumerate(listed)]
    return entries


def filter_field(custom: CustomField) -> FilterField:
    """A custom field as filters know it."""
    kind = FieldType(custom.type)
    return FilterField(
        path_of(custom.target, custom.key),
        custom.key,
        kind,
        filterable=custom.filterable,
        ready=custom.indexed_at is not None,
        options=rules_of(kind, custom.rules).options,
    )


_TEXTUAL = frozenset({FieldType.TEXT, FieldType.CHOICE, FieldType.CHOICES})
_TIMED = frozenset({FieldType.DATE, FieldType.DATETIME})
_ANY = frozenset({Op.EQ, Op.NE, Op.IN, Op.IS_NULL, Op.IS_NOT_NULL})
_ORDERED = _ANY | {Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN}


def operators(kind: FieldType) -> frozenset[Op]:
    """The operators that filters on fields of a type may use."""
    if kind in (FieldType.BOOLEAN, FieldType.CHOICE, FieldType.CHOICES):
        return _ANY
    return _ORDERED | {Op.STARTS_WITH} if kind is FieldType.TEXT else _ORDERED


def condition(
    session: TenantSession, field: FilterField, op: Op | str, value: Any, row_id_column: Any
) -> ColumnElement[bool]:
    """The condition that the row whose id is `row_id_column` meets a filter.

    `value` is a Python value or its JSON form: one; a pair for `between` (both inclusive); a list for `in`; None for
    `is_null` and `is_not_null`. Raises FieldNotFilterable, FieldBeingIndexed, InvalidInput (paths `op`, `value`).
    """
    _usable(field)
    known = _operator(field, op)
    entry = aliased(FieldIndexEntry)
    column = _column(field.kind, entry)
    exists = _entries(session, entry, field, row_id_column)
    if known in (Op.IS_NULL, Op.IS_NOT_NULL):
        if value is not None:
            raise invalid("value", "unexpected", "此运算符不带值。", "This operator takes no value.")
        found = exists.where(column.is_not(None)).exists()
        return ~found if known is Op.IS_NULL else found
    if known is Op.BETWEEN:
        low, high = _pair(value)
        compared = and_(column >= _encoded(field, low), column <= _encoded(field, high))
    elif known is Op.IN:
        compared = column.in_([_encoded(field, item) for item in _list(value)])
    elif known is Op.STARTS_WITH:
        start = _encoded(field, value)
        compared = and_(column >= start, column < after(start))
    else:
        compared = _COMPARE[known](column, _encoded(field, value))
    found = exists.where(compared).exists()
    return ~found if known is Op.NE else found


def order_column(session: TenantSession, field: FilterField, row_id_column: Any) -> ColumnElement[Any]:
    """The field's value of the row whose id is `row_id_column`, to sort by (None where there is none).

    Raises FieldNotFilterable, FieldBeingIndexed, FieldNotSortable.
    """
    _usable(field)
    if field.kind is FieldType.CHOICES:
        raise FieldNotSortable(key=field.key)
    entry = aliased(FieldIndexEntry)
    column = _column(field.kind, entry)
    return (
        select(column)
        .where(session.within(entry), entry.row_id == row_id_column, entry.field == field.path, entry.position == 0)
        .correlate_except(entry)
        .scalar_subquery()
    )


def _usable(field: FilterField) -> None:
    if not field.filterable:
        raise FieldNotFilterable(key=field.key)
    if not field.ready:
        raise FieldBeingIndexed(key=field.key)


def _operator(field: FilterField, op: Op | str) -> Op:
    allowed = operators(field.kind)
    known = next((one for one in allowed if one == op), None)
    if known is None:
        listed = ", ".join(sorted(allowed))
        raise invalid(
            "op",
            "operator",
            f"字段“{field.key}”可用的运算符：{listed}。",
            f"Field “{field.key}” takes these operators: {listed}.",
        )
    return known


def _entries(session: TenantSession, entry: Any, field: FilterField, row_id_column: Any) -> Select[Any]:
    return (
        select(entry.row_id)
        .where(session.within(entry), entry.field == field.path, entry.row_id == row_id_column)
        .correlate_except(entry)
    )


def _column(kind: FieldType, entry: Any) -> Any:
    if kind in _TEXTUAL:
        return entry.text_value
    return entry.time_value if kind in _TIMED else entry.integer_value


_COMPARE: Mapping[Op, Any] = {
    Op.EQ: lambda column, value: column == value,
    Op.NE: lambda column, value: column == value,
    Op.LT: lambda column, value: column < value,
    Op.LE: lambda column, value: column <= value,
    Op.GT: lambda column, value: column > value,
    Op.GE: lambda column, value: column >= value,
}


def _encoded(field: FilterField, value: Any) -> Any:
    """A filter's value as its column holds it. A value that was cut in the index has 200 characters, so that shorter
    ones compare exactly."""
    rules = ValueRules(longest=LONGEST, options={**field.options})
    try:
        if field.kind in (FieldType.CHOICE, FieldType.CHOICES):
            clean: Any = _option(field, value)
        else:
            clean = clean_value(field.kind, rules, value)
    except Unacceptable as refused:
        raise InvalidInput(problems=[FieldProblem(("value",), refused.code, refused.message)]) from None
    if isinstance(clean, str) and len(clean) >= INDEXED_CHARACTERS:
        most = INDEXED_CHARACTERS - 1
        raise invalid("value", "length", f"筛选值最多 {most} 个字符。", f"Filter by at most {most} characters.")
    return next(part for part in as_entry_columns(field.path, clean) if part is not None)


def _option(field: FilterField, value: Any) -> str:
    """A retired option may still be asked for: rows keep it."""
    if not isinstance(value, str) or (field.options and value not in field.options):
        raise Unacceptable("option", "不在可选项中。", "It is not among the options.")
    return str(clean_value(FieldType.TEXT, ValueRules(), value))


def _pair(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise invalid("value", "pair", "请给出下限和上限两个值。", "Give two values: the lowest and the highest.")
    return value


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_VALUES:
        raise invalid("value", "list", f"请给出 1 到 {MOST_VALUES} 个值。", f"Give 1 to {MOST_VALUES} values.")
    return value
