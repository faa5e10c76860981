"""Records as tables, for plugins' triggers and indicators and for reports: selectables only, nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Numeric, Select, Subquery, Uuid, case, cast, func, literal
from sqlalchemy import select as sql_select

from steward_core.database.context import QueryContext
from steward_core.forms.declared import FormField, ValueType, field_by_name
from steward_core.forms.models import FormRecord
from steward_core.forms.states import counting_states
from steward_core.industry.registry import form_of

_SQL: Mapping[ValueType, tuple[str, Any]] = {
    ValueType.INTEGER: ("bigint", BigInteger()),
    ValueType.MONEY: ("bigint", BigInteger()),
    ValueType.DECIMAL: ("numeric", Numeric()),
    ValueType.PERCENT: ("numeric", Numeric()),
    ValueType.DATE: ("date", Date()),
    ValueType.DATETIME: ("timestamptz", DateTime(timezone=True)),
    ValueType.BOOLEAN: ("boolean", Boolean()),
    ValueType.IDENTIFIER: ("uuid", Uuid(as_uuid=True)),
}
_TEXTS = frozenset({ValueType.TEXT, ValueType.BODY, ValueType.CHOICE})


def record_fields(ctx: QueryContext, full_key: str, *names: str) -> Subquery:
    """The records of a form in states that count, one row each: `record_id`, `client_id`, `subject_id`, `state`,
    `period`, `created_at`, and each named field (computed ones too) in its type; lists as jsonb.

    Records of older versions of the form are among them, as their JSON has it: a value that is none of the field's
    type is null. Raises FormNotFound, KeyError for a name that is no field.
    """
    return _records(ctx, full_key, names).subquery()


def records_of_period(ctx: QueryContext, full_key: str, period: str, *names: str) -> Subquery:
    """`record_fields` of one period."""
    return _records(ctx, full_key, names).where(FormRecord.period == period).subquery()


def ranked_records(ctx: QueryContext, full_key: str, *names: str) -> Subquery:
    """`record_fields` with `place`: 1 is a subject's record of the latest period (without periods: the latest made),
    2 the one before it, and so on."""
    place = func.row_number().over(
        partition_by=FormRecord.subject_id,
        order_by=(FormRecord.period.desc().nulls_last(), FormRecord.created_at.desc(), FormRecord.id.desc()),
    )
    return _records(ctx, full_key, names).add_columns(place.label("place")).subquery()


def current_period_records(ctx: QueryContext, full_key: str, *names: str) -> Subquery:
    """`record_fields`, of each subject only the record of its latest period."""
    ranked = ranked_records(ctx, full_key, *names)
    columns = [column for column in ranked.c if column.name != "place"]
    return sql_select(*columns).where(ranked.c.place == 1).subquery()


def _records(ctx: QueryContext, full_key: str, names: tuple[str, ...]) -> Select[Any]:
    form = form_of(full_key)
    fields = field_by_name(form)
    return sql_select(
        FormRecord.id.label("record_id"),
        FormRecord.client_id,
        FormRecord.subject_id,
        FormRecord.state,
        FormRecord.period,
        FormRecord.created_at,
        *(_column(fields[name]).label(name) for name in names),
    ).where(ctx.within(FormRecord), FormRecord.form == full_key, FormRecord.state.in_(counting_states(form)))


def _column(one: FormField) -> Any:
    document: Any = FormRecord.computed if one.computed else FormRecord.document
    if one.type in _TEXTS:
        return document[one.name].astext
    if one.type not in _SQL:
        return document[one.name]
    name, kind = _SQL[one.type]
    text = document[one.name].astext
    return case((func.pg_input_is_valid(text, literal(name)), cast(text, kind)))
