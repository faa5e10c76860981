"""Looking at custom fields: lists, headings of spreadsheets, JSON Schema, filters by key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select

from steward_core.custom_fields.errors import FieldNotFound
from steward_core.custom_fields.index import Op, condition, filter_field, order_column
from steward_core.custom_fields.models import CustomField, FieldType
from steward_core.custom_fields.rules import (
    LARGEST,
    LARGEST_DECIMAL,
    LINE,
    Option,
    ValueRules,
    display,
    rules_of,
)
from steward_core.custom_fields.service import fields_of
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual, Locale

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FRACTION = r"^[+-]?[0-9]{1,40}(\.[0-9]{1,40})?$"
Schema = dict[str, Any]


@dataclass(frozen=True)
class CustomFilter:
    """One filter by a custom field: its key, how to compare, with what (JSON values)."""

    key: str
    op: Op | str
    value: Any = None


async def custom_fields(
    session: TenantSession, target: str | None = None, *, retired: bool = False
) -> tuple[CustomField, ...]:
    """Fields of one target or of all, in their order; with `retired`, those too."""
    statement = select(CustomField).where(session.within(CustomField))
    if target is not None:
        statement = statement.where(CustomField.target == target)
    if not retired:
        statement = statement.where(CustomField.retired.is_(False))
    rows = await session.scalars(statement.order_by(CustomField.target, CustomField.place, CustomField.key))
    return tuple(rows)


def title_of(field: CustomField) -> Bilingual:
    """The field's title."""
    return Bilingual(field.title_zh, field.title_en)


def headings(fields: Iterable[CustomField]) -> dict[str, str]:
    """Keys of fields by the column headings under which a file may name them: key, Chinese and English title.

    A title that two fields share names neither; a key always names its own field.
    """
    known = list(fields)
    titles = Counter(title for field in known for title in {field.title_zh, field.title_en})
    named = {title: field.key for field in known for title in title_of(field) if titles[title] == 1}
    return {**named, **{field.key: field.key for field in known}}


def column_titles(fields: Iterable[CustomField], locale: Locale) -> dict[str, str]:
    """The heading of each field's column in an export, by key; titles that are shared carry the key."""
    known = list(fields)
    titles = {field.key: title_of(field).in_locale(locale) for field in known}
    times = Counter(titles.values())
    return {key: title if times[title] == 1 else f"{title} ({key})" for key, title in titles.items()}


def displayed(field: CustomField, values: Mapping[str, Any], locale: Locale) -> str:
    """A row's value of a field as people read it."""
    kind = FieldType(field.type)
    return display(kind, rules_of(kind, field.rules), values.get(field.key), locale)


async def custom_conditions(
    session: TenantSession, target: str, filters: Sequence[CustomFilter], row_id_column: Any
) -> list[ColumnElement[bool]]:
    """The conditions of several filters by custom fields, all of which a row must meet.

    Raises InvalidInput (paths `custom.<n>.key`, `.op`, `.value`), FieldNotFilterable, FieldBeingIndexed.
    """
    known = {field.key: field for field in await fields_of(session, target)}
    conditions: list[ColumnElement[bool]] = []
    problems: list[FieldProblem] = []
    for place, wanted in enumerate(filters):
        field = known.get(wanted.key)
        if field is None:
            text = Bilingual("没有此自定义字段。", "No such custom field.")
            problems.append(FieldProblem(("custom", str(place), "key"), "unknown", text))
            continue
        try:
            conditions.append(condition(session, filter_field(field), wanted.op, wanted.value, row_id_column))
        except InvalidInput as refused:
            problems += (FieldProblem(("custom", str(place), *p.path), p.code, p.message) for p in refused.problems)
    if problems:
        raise InvalidInput(problems=problems)
    return conditions


async def custom_order(session: TenantSession, target: str, key: str, row_id_column: Any) -> ColumnElement[Any]:
    """What rows are sorted by for one custom field. Raises FieldNotFound, FieldNotFilterable, FieldBeingIndexed,
    FieldNotSortable."""
    for field in await fields_of(session, target):
        if field.key == key:
            return order_column(session, filter_field(field), row_id_column)
    raise FieldNotFound


def json_schema(fields: Iterable[CustomField], locale: Locale | None = None) -> Schema:
    """The schema of a row's `custom` object (2020-12). `title` and `description` are Chinese unless `locale` asks for
    English; `x-title` and `x-hint` hold both. Retired fields are `readOnly`."""
    known = list(fields)
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": {field.key: _property(field, locale or "zh-CN") for field in known},
        "required": [field.key for field in known if field.rules.get("required") and not field.retired],
        "additionalProperties": False,
    }


def _property(field: CustomField, locale: Locale) -> Schema:
    kind = FieldType(field.type)
    schema: Schema = {**_titled(title_of(field), locale), "x-type": kind.value}
    if field.hint_zh or field.hint_en:
        hint = Bilingual(field.hint_zh or field.hint_en or "", field.hint_en or field.hint_zh or "")
        schema |= {"description": hint.in_locale(locale), "x-hint": {"zh-CN": hint.zh, "en": hint.en}}
    if field.filterable and field.indexed_at is not None:
        schema["x-filterable"] = True
    if field.retired:
        schema["readOnly"] = True
    return schema | _value(kind, rules_of(kind, field.rules), locale)


def _titled(title: Bilingual, locale: Locale) -> Schema:
    return {"title": title.in_locale(locale), "x-title": {"zh-CN": title.zh, "en": title.en}}


def _value(kind: FieldType, rules: ValueRules, locale: Locale) -> Schema:
    match kind:
        case FieldType.TEXT:
            several = {"x-widget": "body"} if rules.longest > LINE else {}
            return {"type": "string", "minLength": 1, "maxLength": rules.longest, **several}
        case FieldType.INTEGER | FieldType.MONEY:
            least = -LARGEST if rules.least is None else rules.least
            return {"type": "integer", "minimum": least, "maximum": LARGEST if rules.most is None else rules.most}
        case FieldType.DECIMAL:
            least = float(-LARGEST_DECIMAL if rules.least is None else rules.least)
            most = float(LARGEST_DECIMAL if rules.most is None else rules.most)
            return {"type": ["number", "string"], "pattern": FRACTION, "minimum": least, "maximum": most}
        case FieldType.DATE:
            return {"type": "string", "format": "date"}
        case FieldType.DATETIME:
            return {"type": "string", "format": "date-time"}
        case FieldType.BOOLEAN:
            return {"type": "boolean"}
        case FieldType.CHOICE:
            return {"oneOf": _options(rules.options.values(), locale)}
        case FieldType.CHOICES:
            limits = {"minItems": rules.least or 1, **({} if rules.most is None else {"maxItems": rules.most})}
            items = {"oneOf": _options(rules.options.values(), locale)}
            return {"type": "array", "items": items, "uniqueItems": True, **limits}


def _options(options: Iterable[Option], locale: Locale) -> list[Schema]:
    return [
        {"const": option.key, **_titled(option.title, locale), **({"readOnly": True} if option.retired else {})}
        for option in options
    ]
