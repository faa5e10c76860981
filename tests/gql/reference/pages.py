"""Order, pages, figures and groups, over Python values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from steward_graphql.declared.entities import Entity, Value, snake
from steward_graphql.declared.scalars import DATE, DATETIME
from steward_graphql.schema.names import kind_of_figure
from tests.gql.reference.conditions import shown
from tests.gql.reference.tables import Key, Record

CURSOR = "\ue000cursor\ue000"
AVERAGE = "\ue000average\ue000"
"""What stands before texts that are compared otherwise than letter by letter."""
DEFAULT_PAGE = 20
Order = tuple[tuple[str, bool], ...]


def cursor_of(record: Record, order: Order) -> str:
    """The reference's own cursor of a row; it says what list it is of, then which row."""
    way = ",".join(f"{name} {'desc' if descending else 'asc'}" for name, descending in order)
    return f"{CURSOR}{record.entity.name}|{way}|{'/'.join(str(part) for part in record.key)}"


def order_of(entity: Entity, given: Sequence[Mapping[str, Any]] | None) -> Order:
    """Fields to sort by, each with whether it descends."""
    if not given:
        return entity.order
    by_constant = {snake(one.name): one.name for one in entity.fields if isinstance(one, Value) and one.order}
    return tuple((by_constant[_name(one["field"])], _name(one.get("direction") or "ASC") == "DESC") for one in given)


def _name(value: Any) -> str:
    return value if isinstance(value, str) else str(getattr(value, "name", value))


def in_order(records: Sequence[Record], order: Order) -> list[Record]:
    """Sorted: rows without the value last, or first where it descends; then by key, as the first field goes."""
    found = sorted(records, key=lambda one: one.key, reverse=bool(order) and order[0][1])
    for name, descending in reversed(order):
        found = sorted(found, key=lambda one: _sortable(one.values[name]), reverse=descending)
    return found


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is None, 0 if value is None else value)


@dataclass(frozen=True)
class Page:
    """Rows of a page, and whether there are more on either side."""

    rows: list[Record]
    before: bool
    after: bool


def page_of(everything: dict[Key, Record], records: list[Record], order: Order, given: Mapping[str, Any]) -> Page:
    """A page of sorted rows. `everything`: all rows of the table, where a cursor's row is looked up."""
    first, after, last, before = (given.get(name) for name in ("first", "after", "last", "before"))
    cursor = after or before
    remaining, skipped = records, False
    if cursor is not None:
        known = next(one for one in everything.values() if cursor_of(one, order) == cursor)
        merged = in_order([*[one for one in records if one is not known], known], order)
        side = merged.index(known)
        remaining = merged[side + 1 :] if after is not None else merged[:side]
        skipped = True
    if last is not None:
        size = last
        rows = remaining[-size:] if size else []
        return Page(rows, len(remaining) > size, skipped)
    size = DEFAULT_PAGE if first is None else first
    return Page(remaining[:size], skipped, len(remaining) > size)


def figures(values: Sequence[Value], records: Sequence[Record], what: str) -> dict[str, Any]:
    """One kind of figure of every summable field; null where no row has the field."""
    return {one.name: _figure(one, [r.values[one.name] for r in records], what) for one in values}


def _figure(one: Value, values: list[Any], what: str) -> Any:
    held = [value for value in values if value is not None]
    if not held:
        return None
    if what == "average":
        return f"{AVERAGE}{sum(map(Decimal, held)) / len(held)}"
    ways: Mapping[str, Callable[[list[Any]], Any]] = {"sum": sum, "min": min, "max": max}
    return shown(kind_of_figure(one.kind, what), ways[what](held))


def grouped(
    entity: Entity, names: Sequence[str], records: Sequence[Record], zone: ZoneInfo
) -> list[tuple[dict[str, Any], list[Record]]]:
    """Rows by what they have in the fields named, the largest group first; the keys as JSON has them."""
    takes = [_grouping(entity, name) for name in names]
    found: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        found.setdefault(tuple(_part(record.values[one.name], part, zone) for one, part in takes), []).append(record)
    order = sorted(found, key=lambda key: tuple(_sortable(value) for value in key))
    order.sort(key=lambda key: -len(found[key]))
    return [
        (
            {
                one.name: value if part else shown(one.kind, value)
                for (one, part), value in reversed(list(zip(takes, key, strict=True)))
            },
            found[key],
        )
        for key in order
    ]


def _grouping(entity: Entity, name: str) -> tuple[Value, str]:
    for one in entity.fields:
        if isinstance(one, Value) and one.group:
            constant = snake(one.name)
            if name == constant:
                return one, ""
            if one.kind in (DATE, DATETIME) and name in {f"{constant}_{part}" for part in ("DAY", "MONTH", "YEAR")}:
                return one, name.rpartition("_")[2]
    raise KeyError(name)


def _part(value: Any, part: str, zone: ZoneInfo) -> Any:
    if value is None or not part:
        return value
    day: date = value.astimezone(zone).date() if isinstance(value, datetime) else value
    return {"DAY": f"{day:%Y-%m-%d}", "MONTH": f"{day:%Y-%m}", "YEAR": f"{day:%Y}"}[part]
