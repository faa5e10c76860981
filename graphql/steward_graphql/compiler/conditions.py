"""Filters: typed comparisons of fields, filters of related rows, and special filters."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from sqlalchemy import ColumnElement, all_, and_, any_, func, literal, or_, select, true
from sqlalchemy.types import Boolean

from steward_graphql.compiler.access import base, not_told, usable
from steward_graphql.compiler.building import Building
from steward_graphql.compiler.fragments import ONE, ZERO
from steward_graphql.compiler.given import Given, refused
from steward_graphql.compiler.references import Where
from steward_graphql.declared.entities import Entity, Field, Many, One, Row, Special, Value
from steward_graphql.declared.scalars import BOOLEAN

MOST_LISTED = 100
Condition = ColumnElement[bool]
Place = tuple[Hashable, ...]
"""Where a filter stands: the field's node in the document, and members down from there."""
_COMPARE: dict[str, Callable[[Any, Any], Condition]] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column.is_distinct_from(value),
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "contains": lambda column, value: func.strpos(column, value) > ZERO,
    "startsWith": lambda column, value: func.starts_with(column, value, type_=Boolean),
    "endsWith": lambda column, value: func.right(column, func.length(value)) == value,
}


def filter_condition(building: Building, entity: Entity, row: Row, given: Given, place: Place) -> Condition:
    """The condition of a filter object on a row."""
    parts: list[Condition] = []
    for name, member in given.members().items():
        if member.null:
            continue
        inner = (*place, name)
        if name in ("and", "or"):
            several = [
                filter_condition(building, entity, row, one, (*inner, str(number)))
                for number, one in enumerate(member.items())
            ]
            parts.append(_all(several) if name == "and" else _any(several))
        elif name == "not":
            parts.append(not_told(filter_condition(building, entity, row, member, inner)))
        elif name in entity.specials_by_name:
            special = entity.specials_by_name[name]
            parts.append(building.special(inner, special, special_value(special, member), row))
        else:
            parts.append(_of_field(building, row, entity.by_name.get(name), member, inner))
    return _all(parts)


def _all(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else and_(*parts) if parts else true()


def _any(parts: list[Condition]) -> Condition:
    # A constant FALSE would swallow the tenant's condition next to it; a bound one leaves wall 2 standing.
    return parts[0] if len(parts) == 1 else or_(*parts) if parts else literal(False)


def _of_field(building: Building, row: Row, field: Field | None, given: Given, place: Place) -> Condition:
    if isinstance(field, Value) and field.filter:
        column = usable(building, field, row)
        compare = _of_list if field.listed else _of_value
        return compare(building, field, row, column, given)
    if isinstance(field, One) and field.filter:
        return related(building, row, field, given, place)
    if isinstance(field, Many) and field.filter:
        parts = []
        for word, member in given.members().items():
            if not member.null:
                found = related(building, row, field, member, (*place, word))
                parts.append(found if word == "some" else not_told(found))
        return _all(parts)
    raise refused(given.at, "不能按此字段过滤。", "This field cannot be filtered by.")


def related(building: Building, row: Row, field: One | Many, given: Given | None, place: Place) -> Condition:
    """That a related row which the actor reaches meets a filter."""
    entity = building.entity(field.target)
    other = building.row(entity)
    conditions = [
        *base(building, entity, other, listed=isinstance(field, Many), granted=field.granted),
        field.link(row, other),
        None if given is None else filter_condition(building, entity, other, given, place),
    ]
    return select(ONE).select_from(other.table).where(Where(conditions, (row.table,))).exists()


def _narrowed(field: Value, row: Row, word: str, bound: ColumnElement[Any], comparison: Condition) -> Condition:
    """A comparison, beside what an index can answer of it."""
    narrow = None if field.narrow is None else field.narrow(row, word, bound)
    return comparison if narrow is None else and_(narrow, comparison)


def _of_value(building: Building, field: Value, row: Row, column: Any, given: Given) -> Condition:
    parts: list[Condition] = []
    for word, member in given.members().items():
        if member.null:
            if word == "eq":
                raise refused(member.at, "请用 isNull。", "Use isNull.")
            continue
        if word == "isNull":
            parts.append(column.is_(None) == building.bound(member.leaf(BOOLEAN), Boolean()))
        elif word in ("in", "notIn"):
            values = building.bound_list(member.leaves(field.kind, MOST_LISTED), field.kind.sql)
            if word == "in":
                parts.append(_narrowed(field, row, word, values, column == any_(values)))
            else:
                parts.append(or_(column.is_(None), column != all_(values)))
        else:
            value = building.bound(member.leaf(field.kind), field.kind.sql)
            parts.append(_narrowed(field, row, word, value, _COMPARE[word](column, value)))
    return _all(parts)


def _of_list(building: Building, field: Value, row: Row, column: Any, given: Given) -> Condition:
    parts: list[Condition] = []
    for word, member in given.members().items():
        if member.null:
            continue
        if word == "has":
            value = building.bound(member.leaf(field.kind), field.kind.sql)
            parts.append(_narrowed(field, row, word, value, value == any_(column)))
        else:
            empty = func.coalesce(func.cardinality(column), ZERO) == ZERO
            parts.append(empty == building.bound(member.leaf(BOOLEAN), Boolean()))
    return _all(parts)


def special_value(special: Special, given: Given) -> Any:
    """The value of a special filter as it is prepared with: read leaves, dicts of them by name, lists."""
    if special.listed:
        return [_special_item(special, one) for one in given.items()]
    return _special_item(special, given)


def _special_item(special: Special, given: Given) -> Any:
    if special.kind is not None:
        return given.concrete(special.kind)
    kinds = {name: kind for name, kind, _, _ in special.shape}
    return {name: None if one.null else one.concrete(kinds[name]) for name, one in given.members().items()}
