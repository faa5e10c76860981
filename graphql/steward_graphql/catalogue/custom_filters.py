"""The tenant's own fields on clients, contacts, visits and form records: their values, and the filter by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, any_, column, func, literal_column, null, select, true
from sqlalchemy.dialects.postgresql import JSONB

from steward_core.clients.queries import MOST_CUSTOM
from steward_core.custom_fields.index import Op, condition, filter_field
from steward_core.custom_fields.queries import CustomFilter, custom_conditions
from steward_core.custom_fields.service import fields_of
from steward_graphql.declared.entities import Condition, Row, Special, Value
from steward_graphql.declared.scalars import JSON, STRING, enum_of
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

OPERATOR = enum_of(
    Op,
    "CustomFieldOperator",
    "自定义字段的比较方式",
    "How a filter compares a custom field",
    {
        "eq": ("等于；多选字段为包含", "Equal to; of several choices: has"),
        "ne": ("不等于，含空值", "Not equal to, empty ones included"),
        "lt": ("小于", "Less than"),
        "le": ("小于或等于", "At most"),
        "gt": ("大于", "Greater than"),
        "ge": ("大于或等于", "At least"),
        "between": ("介于两值之间（均含）", "Between two values, both included"),
        "in": ("为列表中的任意一个", "One of a list"),
        "starts_with": ("以此开头", "Begins with"),
        "is_null": ("为空", "Empty"),
        "is_not_null": ("不为空", "Not empty"),
    },
)
_SHAPE = (
    ("key", STRING, True, Bilingual("自定义字段的标识", "Key of the custom field")),
    ("op", OPERATOR, True, Bilingual("比较方式", "How to compare")),
    (
        "value",
        JSON,
        False,
        Bilingual(
            "比较值：一个值；between 为两个值，in 为列表，is_null 和 is_not_null 不填",
            "What to compare with: one value; a pair for between, a list for in, none for is_null and is_not_null",
        ),
    ),
)
_NOTHING = literal_column("'{}'::jsonb", JSONB)


def custom_values() -> Value:
    """The field `customFields(keys: [String!])`: all of a row's own values, or those of the named keys."""
    return Value(
        "customFields",
        JSON,
        Bilingual(
            "自定义字段的值，按字段标识；不给 keys 时返回全部。金额以分为单位",
            "Values of the tenant's own fields by key; all of them without keys. Money in fen",
        ),
        lambda row: row.table.custom,
        nullable=False,
        argument="keys",
        expression_by=_of_keys,
    )


def _of_keys(row: Row, keys: ColumnElement[Any]) -> ColumnElement[Any]:
    entry: Any = func.jsonb_each(row.table.custom).table_valued(
        column("key", Text()), column("value", JSONB()), name="entry"
    )
    return (
        select(func.coalesce(func.jsonb_object_agg(entry.c.key, entry.c.value), _NOTHING, type_=JSONB()))
        .where(entry.c.key == any_(keys))
        .correlate(row.table)
        .scalar_subquery()
    )


def custom_filter(target: str) -> Special:
    """The filter by the tenant's own fields of a target: `client`, `contact`, `visit` or `form:<full key>`."""

    async def prepare(session: ReadSession, given: Sequence[Mapping[str, Any]], _today: date) -> Condition:
        if len(given) > MOST_CUSTOM:
            raise invalid("custom", "length", f"最多 {MOST_CUSTOM} 项。", f"Give at most {MOST_CUSTOM}.")
        wanted = [CustomFilter(str(one["key"]), Op(one["op"]), one.get("value")) for one in given]
        # Whatever is wrong with a filter is said here, while there is somebody to answer; any column serves for that.
        await custom_conditions(session, target, wanted, null())
        known = {one.key: filter_field(one) for one in await fields_of(session, target)}

        def holds(row: Row) -> ColumnElement[bool]:
            built = (condition(row.planning.session, known[one.key], one.op, one.value, row.table.id) for one in wanted)
            return and_(true(), *built)

        return holds

    return Special(
        "custom",
        Bilingual("按自定义字段筛选；须全部满足", "By the tenant's own filterable fields; all must hold"),
        prepare,
        shape=_SHAPE,
        shape_name="CustomFieldCondition",
        listed=True,
    )
