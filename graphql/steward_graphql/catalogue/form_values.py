"""Values of a form's document in SQL: typed, and NULL where what is stored is not of the type.

Drafts may hold anything, and an older version of the form may have written another type; neither may fail a statement.
Conditions stand in CASE, which PostgreSQL evaluates in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, and_, any_, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array

from steward_core.forms.declared import FormField, ValueType
from steward_graphql.declared.fragments import Constant
from steward_graphql.declared.scalars import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    FEN,
    ID,
    INT,
    INT_MOST,
    JSON,
    LONG,
    STRING,
    EnumKind,
    Kind,
)
from steward_graphql.declared.scalars import enum_name as graphql_name
from steward_tenants.access.queries import hidden
from steward_tenants.texts import Bilingual

Read = Callable[[ColumnElement[Any]], ColumnElement[Any]]
"""From a jsonb value to SQL of the kind."""

_DECIMAL = r"^-?[0-9]{1,30}([.][0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"
_ZONE = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"


def member(document: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """A member of a document, as jsonb. `name` is declared by a form."""
    return document.op("->", return_type=JSONB())(Constant(name))


def kind_of_field(one: FormField, enum_name: str) -> Kind | None:
    """The kind of a field's value, or of each of a list's; None for what the API does not show.

    A whole number whose limits leave it within 32 bits is Int. A closed list whose keys are no GraphQL names is text.
    """
    if one.type is ValueType.INTEGER:
        return INT if _within_32_bits(one) else LONG
    if one.type in (ValueType.CHOICE, ValueType.CHOICES):
        return _enum(one, enum_name)
    if one.type is ValueType.LIST and one.items is not None:
        return kind_of_field(one.items, enum_name)
    return _KINDS.get(one.type)


_KINDS: Mapping[ValueType, Kind] = {
    ValueType.TEXT: STRING,
    ValueType.BODY: STRING,
    ValueType.MONEY: FEN,
    ValueType.DECIMAL: DECIMAL,
    ValueType.PERCENT: DECIMAL,
    ValueType.DATE: DATE,
    ValueType.DATETIME: DATETIME,
    ValueType.BOOLEAN: BOOLEAN,
    ValueType.IDENTIFIER: ID,
    ValueType.GROUP: JSON,
    ValueType.ROWS: JSON,
}


_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")


def _within_32_bits(one: FormField) -> bool:
    limits = one.limits
    least = limits.least if limits.least is not None else limits.above
    most = limits.most if limits.most is not None else limits.below
    return least is not None and most is not None and least >= -INT_MOST and most <= INT_MOST


def _enum(one: FormField, name: str) -> Kind:
    return _closed_list(name, one.title, tuple((option.value, option.title) for option in one.choices))


@cache
def _closed_list(name: str, title: Bilingual, members: tuple[tuple[str, Bilingual], ...]) -> Kind:
    """The kind of a closed list: the same object each time, for inputs and outputs share the type."""
    kind = EnumKind(name, title, members)
    names = [graphql_name(key) for key, _ in kind.members]
    usable = names and len(set(names)) == len(names) and all(_NAME.fullmatch(name) for name in names)
    return kind if usable else STRING


def read_as(kind: Kind) -> Read:
    """How a jsonb value is read as a kind."""
    if isinstance(kind, EnumKind):
        return _member_of([key for key, _ in kind.members])
    return _READ[kind.name]


def listed(value: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
    """A list as an SQL array, without the items that are not of the kind; NULL where no list is stored."""
    item: Any = func.jsonb_array_elements(value, type_=JSONB()).column_valued("item")
    read = select(read_as(kind)(item).label("value")).select_from(item.scalar_alias).subquery("items")
    found = select(func.array_agg(read.c.value)).where(read.c.value.is_not(None)).scalar_subquery()
    empty = cast(Constant("{}"), ARRAY(kind.sql))
    return case((_is(value, "array"), func.coalesce(found, empty)))


def mask_of(value: ColumnElement[Any], *, keep: int, domain: bool) -> ColumnElement[Any]:
    """The mask of a stored value. What is no text disappears whole."""
    shown = case(
        (_is(value, "string"), hidden(_text(value), keep=keep, domain=domain)),
        else_=hidden(literal("", Text()), keep=keep, domain=domain),
    )
    return case((_is(value, "null"), None), (value.is_not(None), shown))


def _is(value: ColumnElement[Any], sort: str) -> ColumnElement[bool]:
    return func.jsonb_typeof(value) == Constant(sort)


def _text(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The text of a value that is no list and no object."""
    return value.op("#>>", return_type=Text())(Constant("{}"))


def _valid(text: ColumnElement[Any], sort: str) -> ColumnElement[bool]:
    return func.pg_input_is_valid(text, Constant(sort), type_=Boolean())


def _matches(text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    return text.op("~", is_comparison=True)(Constant(pattern))


def _constants(*texts: str) -> Any:
    return array([Constant(text) for text in texts])


def _string(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((_is(value, "string"), _text(value)))


def _whole(kind: Kind, sort: str) -> Read:
    def read(value: ColumnElement[Any]) -> ColumnElement[Any]:
        usable = and_(_is(value, "number"), _valid(_text(value), sort))
        return case((usable, cast(_text(value), kind.sql)))

    return read


def _decimal(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Stored as text; an older version may have stored a number."""
    plain = func.jsonb_typeof(value) == any_(_constants("string", "number"))
    usable = and_(plain, _matches(_text(value), _DECIMAL))
    return case((usable, cast(_text(value), DECIMAL.sql)))


def _boolean(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((_is(value, "boolean"), cast(_text(value), Boolean())))


def _day(value: ColumnElement[Any]) -> ColumnElement[Any]:
    usable = and_(_is(value, "string"), _matches(_text(value), _DAY), _valid(_text(value), "date"))
    return case((usable, cast(_text(value), DATE.sql)))


def _moment(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A time that was stored without a zone is UTC, as the field index takes it."""
    text = case((_matches(_text(value), _ZONE), _text(value)), else_=_text(value).concat(Constant("Z")))
    shaped = and_(_is(value, "string"), _matches(_text(value), _MOMENT))
    usable = and_(shaped, _valid(text, "timestamp with time zone"))
    return case((usable, cast(text, DATETIME.sql)))


def _identifier(value: ColumnElement[Any]) -> ColumnElement[Any]:
    usable = and_(_is(value, "string"), _valid(_text(value), "uuid"))
    return case((usable, cast(_text(value), ID.sql)))


def _document(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Nested documents as they are stored."""
    return case((func.jsonb_typeof(value) == any_(_constants("object", "array")), value))


def _member_of(keys: Sequence[str]) -> Read:
    def read(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((and_(_is(value, "string"), _text(value) == any_(_constants(*keys))), _text(value)))

    return read


_READ: Mapping[str, Read] = {
    STRING.name: _string,
    INT.name: _whole(INT, "integer"),
    LONG.name: _whole(LONG, "bigint"),
    FEN.name: _whole(FEN, "bigint"),
    DECIMAL.name: _decimal,
    BOOLEAN.name: _boolean,
    DATE.name: _day,
    DATETIME.name: _moment,
    ID.name: _identifier,
    JSON.name: _document,
}
