"""Filters on a form's fields, narrowed down by the field index.

Comparing a document's value means reading every record of the form. The index finds the rows that can meet a
comparison; the comparison itself decides. Records that the index does not hold as they stand (drafts, and those
that an older version wrote) are always among the rows that can meet it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Numeric,
    Text,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy import column as table_column
from sqlalchemy.orm import aliased

from steward_core.custom_fields.index import INDEXED_CHARACTERS, MILLION
from steward_core.custom_fields.models import FieldIndexEntry
from steward_core.forms.form import Form
from steward_core.forms.indexing import index_path
from steward_core.forms.models import FormRecord
from steward_core.forms.states import is_draft
from steward_graphql.declared.entities import Narrowing, Row
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, DECIMAL, FEN, INT, LONG, Kind

_LARGEST = Decimal(2**63 - 1)
_WHOLE = (INT, LONG, FEN)


def narrowed_by_index(form: type[Form], full_key: str, field: str, kind: Kind) -> Narrowing:
    """The condition that a record can meet a comparison of this field with a bound value; None for comparisons that
    rows without a value meet as well, and for parts of texts."""
    path = index_path(full_key, field)
    drafts = [state.key for state in form.about.flow.states if is_draft(state)]

    def narrow(row: Row, operator: str, bound: ColumnElement[Any]) -> ColumnElement[bool] | None:
        entry: Any = aliased(FieldIndexEntry)
        compared = _compared(_column(entry, kind), kind, operator, bound)
        if compared is None:
            return None
        other: Any = aliased(FormRecord)
        indexed = select(entry.row_id).where(row.within(entry), entry.field == literal(path, Text()), compared)
        unindexed = select(other.id).where(
            row.within(other),
            other.form == literal(full_key, Text()),
            or_(
                other.form_version != literal(form.about.version, BigInteger()),
                *(other.state == literal(key, Text()) for key in drafts),
            ),
        )
        found: ColumnElement[bool] = row.table.id.in_(
            union_all(indexed.correlate_except(entry), unindexed.correlate_except(other))
        )
        return found

    return narrow


def _column(entry: Any, kind: Kind) -> ColumnElement[Any]:
    column: ColumnElement[Any]
    if kind in (DATE, DATETIME):
        column = entry.time_value
    elif kind in (BOOLEAN, DECIMAL, *_WHOLE):
        column = entry.integer_value
    else:
        column = entry.text_value
    return column


def _compared(
    column: ColumnElement[Any], kind: Kind, operator: str, bound: ColumnElement[Any]
) -> ColumnElement[bool] | None:
    """At least the rows that meet the comparison: the index rounds decimals and cuts long texts."""
    if operator == "in":
        items: Any = func.unnest(bound).table_valued(table_column("value", kind.sql), name="item").render_derived()
        return column.in_(select(_encoded(kind, items.c.value)))
    compare = _COMPARED.get(operator)
    return None if compare is None else compare(column, _encoded(kind, bound))


_COMPARED: dict[str, Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]] = {
    "eq": lambda column, value: column == value,
    "has": lambda column, value: column == value,
    "gt": lambda column, value: column >= value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column <= value,
    "lte": lambda column, value: column <= value,
}


def _encoded(kind: Kind, bound: ColumnElement[Any]) -> ColumnElement[Any]:
    """A bound value as the index holds it."""
    if kind is DECIMAL:
        # The driver renders no type with a decimal, and beside a whole number it would be taken for one.
        scaled = func.round(cast(bound, Numeric()) * literal(MILLION, Integer()))
        return cast(
            func.greatest(func.least(scaled, literal(_LARGEST, Numeric())), literal(-_LARGEST, Numeric())), BigInteger()
        )
    if kind is BOOLEAN:
        return case((bound, 1), else_=0)
    if kind in _WHOLE:
        return cast(bound, BigInteger())
    if kind is DATE:
        return func.timezone(literal("UTC", Text()), cast(bound, DateTime()))
    if kind is DATETIME:
        return bound
    return func.left(func.normalize(cast(bound, Text())), INDEXED_CHARACTERS)
