"""The order of a list: its keys, what stands behind a cursor, and cursors themselves in SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Text, and_, func, literal_column, or_, tuple_

from steward_graphql.compiler.access import usable
from steward_graphql.compiler.building import Building
from steward_graphql.compiler.cursors import CursorReader
from steward_graphql.compiler.fragments import COMMA, joined
from steward_graphql.compiler.given import Given, Leaf, refused
from steward_graphql.declared.entities import Entity, Row, Value, kind_of, snake
from steward_graphql.declared.fragments import Constant, json_of, or_null
from steward_graphql.declared.scalars import EnumKind, Kind

MOST_ORDERS = 5
_BASE64 = literal_column("'base64'", Text)
_UTF8 = literal_column("'UTF8'", Text)
_NEW_LINE = literal_column("chr(10)", Text)


@dataclass(frozen=True, eq=False)
class OrderKey:
    """One key of an order. Empty values come last when ascending, first when descending."""

    name: str
    kind: Kind
    column: ColumnElement[Any]
    descending: bool
    nullable: bool


@dataclass(frozen=True, eq=False)
class Order:
    """The keys of a list, the last of which tell any two rows apart."""

    keys: tuple[OrderKey, ...]
    signature: str


def order_of(building: Building, entity: Entity, row: Row, given: Given | None) -> Order:
    """The order that a list is asked for in, or the type's own. Raises InvalidVariables, Forbidden."""
    asked = _asked(entity, given) if given is not None else []
    wanted = asked or [(entity.value(name), descending) for name, descending in entity.order]
    keys = []
    for value, descending in wanted:
        column = usable(building, value, row)
        keys.append(OrderKey(value.name, value.kind, column, descending, not row.table.never_null(column)))
    last = wanted[0][1] if wanted else False
    for name in entity.key:
        column = getattr(row.table, name)
        kind = kind_of(getattr(entity.table, name).property.columns[0])
        keys.append(OrderKey(f"#{name}", kind, column, last, False))
    told = ",".join(f"{key.name}{'-' if key.descending else '+'}" for key in keys)
    signature = hashlib.sha256(f"{entity.name}:{told}".encode()).hexdigest()[:12]
    return Order(tuple(keys), signature)


def _asked(entity: Entity, given: Given) -> list[tuple[Value, bool]]:
    known = {snake(one.name): one for one in entity.fields if isinstance(one, Value) and one.order}
    found: list[tuple[Value, bool]] = []
    items = given.items()
    if len(items) > MOST_ORDERS:
        raise refused(given.at, f"最多 {MOST_ORDERS} 项。", f"Give at most {MOST_ORDERS}.", "too_many")
    for item in items:
        members = item.members()
        name = members["field"].name() if "field" in members else ""
        if name not in known:
            raise refused(item.at, "不能按此字段排序。", "This field cannot be sorted by.")
        direction = members.get("direction")
        descending = direction is not None and not direction.null and direction.name() == "DESC"
        if all(one.name != known[name].name for one, _ in found):
            found.append((known[name], descending))
    return found


def sorting(order: Order, *, backward: bool) -> list[ColumnElement[Any]]:
    """The ORDER BY. PostgreSQL's own place for NULLs is the one that orders promise."""
    return [key.column.desc() if key.descending is not backward else key.column.asc() for key in order.keys]


def cursor_text(order: Order) -> ColumnElement[str]:
    """The cursor of a row: base64 of the JSON [signature, value…]."""
    parts: list[ColumnElement[Any]] = [Constant(f'["{order.signature}"')]
    for key in order.keys:
        # An enum's stored key, and not the name that answers show: only the first can be compared.
        shown = json_of(key.column) if isinstance(key.kind, EnumKind) else key.kind.as_json(key.column)
        parts += [COMMA, or_null(shown) if key.nullable else shown]
    parts.append(Constant("]"))
    encoded = func.encode(func.convert_to(joined(parts), _UTF8), _BASE64)
    return func.translate(encoded, _NEW_LINE, Constant(""))


def beyond(building: Building, order: Order, cursor: Leaf, *, backward: bool) -> ColumnElement[bool]:
    """That a row comes after a cursor (before it, with `backward`)."""
    reader = CursorReader(cursor.read, order.signature, tuple((key.kind, key.nullable) for key in order.keys))
    bound = [building.parameters.runtime(reader.value(place), key.kind.sql) for place, key in enumerate(order.keys)]
    down = [key.descending is not backward for key in order.keys]
    if not any(key.nullable for key in order.keys) and len(set(down)) == 1:
        if len(bound) == 1:
            return _strictly(order.keys[0], bound[0], down[0])
        row, values = tuple_(*(key.column for key in order.keys)), tuple_(*bound)
        compared: Any = row < values if down[0] else row > values
        return and_(compared)
    condition = _strictly(order.keys[-1], bound[-1], down[-1])
    for key, value, descending in reversed(list(zip(order.keys, bound, down, strict=True))[:-1]):
        same = key.column.is_not_distinct_from(value) if key.nullable else key.column == value
        condition = or_(_strictly(key, value, descending), and_(same, condition))
    first = order.keys[0]
    if first.nullable:
        return condition
    # Says nothing new, but tells the index where to start.
    return and_(first.column <= bound[0] if down[0] else first.column >= bound[0], condition)


def _strictly(key: OrderKey, value: BindParameter[Any], descending: bool) -> ColumnElement[bool]:
    """That the key lies behind the value. NULL is the greatest value of all."""
    if not key.nullable:
        return (key.column < value) if descending else (key.column > value)
    if descending:
        return or_(key.column < value, and_(value.is_(None), key.column.is_not(None)))
    return or_(key.column > value, and_(value.is_not(None), key.column.is_(None)))
