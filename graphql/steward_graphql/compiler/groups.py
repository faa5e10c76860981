"""Figures of a whole list: sums, averages, extremes, and the same by groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Text, cast, func, select, true

from steward_graphql.compiler.access import usable
from steward_graphql.compiler.building import Building
from steward_graphql.compiler.fragments import COMMA, EMPTY, ONE, ZERO, Part, joined, json_object
from steward_graphql.compiler.given import Leaf, refused
from steward_graphql.compiler.paging import MOST_ROWS, Page
from steward_graphql.compiler.references import Where, bare
from steward_graphql.compiler.selection import Asked
from steward_graphql.declared.entities import Entity, Row, Value, snake
from steward_graphql.declared.fragments import NULL, Constant, or_null, quoted
from steward_graphql.declared.scalars import DATE, DATETIME, INT, Kind
from steward_graphql.schema.names import figures, kind_of_figure

AVERAGE_DIGITS = 6
_FIGURES = ("sum", "average", "min", "max")
_PERIODS = {"DAY": "YYYY-MM-DD", "MONTH": "YYYY-MM", "YEAR": "YYYY"}
_FORMATS = {name: Constant(shown) for name, shown in _PERIODS.items()}
_DIGITS: ColumnElement[int] = cast(Constant(str(AVERAGE_DIGITS)), Integer)

Column = Callable[[Value], ColumnElement[Any]]


def aggregate_json(
    building: Building, entity: Entity, row: Row, where: Where, asked: Asked, *, at: tuple[str, ...]
) -> Part:
    """The figures of all rows that meet `where`, as one JSON object."""

    def column(value: Value) -> ColumnElement[Any]:
        return value.expression(row)

    fields = building.selections.of(asked.selections, frozenset((f"{entity.name}Aggregate",)))
    members = [
        (one.key, one.name, _figure(building, entity, one, column, at=(*at, one.key), owner=f"{entity.name}Aggregate"))
        for one in fields
    ]
    text = json_object(building, members)
    # HAVING makes it one row also where no figure is asked.
    return select(text.label("j")).select_from(row.table).where(where).having(true()).scalar_subquery()


def _figure(
    building: Building, entity: Entity, asked: Asked, column: Column, *, at: tuple[str, ...], owner: str
) -> Part:
    if asked.name == "__typename":
        return Constant(f'"{owner}"')
    if asked.name == "count":
        return cast(func.count(), Text)
    name = figures(entity.name, asked.name)
    members: list[tuple[str, str, Part]] = []
    for one in building.selections.of(asked.selections, frozenset((name,))):
        if one.name == "__typename":
            members.append((one.key, one.name, Constant(f'"{name}"')))
            continue
        value = entity.value(one.name)
        if not building.profile.may(value.permission):
            building.notice(value.permission, (*at, one.key))
            members.append((one.key, one.name, Constant("null")))
            continue
        members.append((one.key, one.name, _number(asked.name, value.kind, column(value))))
    return json_object(building, members)


def _number(word: str, kind: Kind, column: ColumnElement[Any]) -> Part:
    if word == "average":
        return or_null(quoted(func.trim_scale(func.round(func.avg(column), _DIGITS))))
    found: ColumnElement[Any] = getattr(func, word)(column)
    return or_null(kind_of_figure(kind, word).as_json(found))


@dataclass(frozen=True, eq=False)
class _Key:
    """A key of groups: its field, and the period it is cut down to."""

    value: Value
    period: str | None
    column: str

    def expression(self, building: Building, row: Row) -> ColumnElement[Any]:
        found = usable(building, self.value, row)
        if self.period is None:
            return found
        if self.value.kind is DATETIME:
            zone = building.parameters.runtime(lambda execution: execution.zone, Text(), "zone")
            found = func.timezone(zone, found)
        return func.to_char(found, _FORMATS[self.period])

    def json(self, column: ColumnElement[Any]) -> Part:
        return or_null(quoted(column) if self.period else self.value.kind.as_json(column))


def _known_keys(entity: Entity) -> Iterator[tuple[str, Value, str | None]]:
    for value in entity.fields:
        if isinstance(value, Value) and value.group:
            if value.kind in (DATE, DATETIME):
                yield from ((f"{snake(value.name)}_{period}", value, period) for period in _PERIODS)
            else:
                yield snake(value.name), value, None


def groups_json(
    building: Building, entity: Entity, row: Row, where: Where, asked: Asked, *, at: tuple[str, ...]
) -> Part:
    """Groups of the rows that meet `where`, the largest first, as a JSON list. Raises InvalidVariables, Forbidden."""
    keys = _keys(building, entity, asked, at)
    name = f"{entity.name}Group"
    fields = building.selections.of(asked.selections, frozenset((name,)))
    summed = list(_summed(building, entity, fields))
    columns: list[Any] = [key.expression(building, row).label(key.column) for key in keys]
    columns += [value.expression(row).label(f"v{place}") for place, value in enumerate(summed)]
    rows = select(*columns or [ONE.label("one")]).select_from(row.table).where(where).subquery(building.name())
    by = [bare(key.column, columns[place].type, rows) for place, key in enumerate(keys)]

    def column(value: Value) -> ColumnElement[Any]:
        return bare(f"v{summed.index(value)}", value.kind.sql, rows)

    members = []
    for one in fields:
        if one.name == "key":
            part = _key_json(building, entity, one, keys, rows)
        else:
            part = _figure(building, entity, one, column, at=(*at, one.key), owner=name)
        members.append((one.key, one.name, part))
    grouped = select(json_object(building, members).label("j")).select_from(rows)
    grouped = grouped.group_by(*by) if by else grouped.having(func.count() > ZERO)
    first = building.argument(asked, "first", at)
    leaf = first.leaf(INT) if first is not None else Leaf(lambda _variables: MOST_ROWS, True, ())
    page = Page(leaf, False, None, ".".join(at))
    listed = grouped.order_by(func.count().desc(), *by).limit(page.limit(building)).subquery(building.name())
    items = func.coalesce(func.string_agg(bare("j", Text(), listed), COMMA), EMPTY)
    text = joined([Constant("["), items, Constant("]")])
    return select(text.label("j")).select_from(listed).scalar_subquery()


def _keys(building: Building, entity: Entity, asked: Asked, at: tuple[str, ...]) -> list[_Key]:
    known = {name: (value, period) for name, value, period in _known_keys(entity)}
    given = building.argument(asked, "by", at)
    found: dict[str, _Key] = {}
    for item in given.items() if given is not None else ():
        name = item.name()
        if name not in known:
            raise refused(item.at, "不能按此字段分组。", "This field cannot be grouped by.")
        found.setdefault(name, _Key(*known[name], f"k{len(found)}"))
    return list(found.values())


def _summed(building: Building, entity: Entity, fields: list[Asked]) -> Iterator[Value]:
    """The values that a group's figures need, each once."""
    seen: set[str] = set()
    for one in fields:
        if one.name not in _FIGURES:
            continue
        name = figures(entity.name, one.name)
        for inner in building.selections.of(one.selections, frozenset((name,))):
            if inner.name != "__typename" and inner.name not in seen:
                seen.add(inner.name)
                value = entity.value(inner.name)
                if building.profile.may(value.permission):
                    yield value


def _key_json(building: Building, entity: Entity, asked: Asked, keys: list[_Key], rows: FromClause) -> Part:
    name = f"{entity.name}GroupKey"
    members: list[tuple[str, str, Part]] = []
    for one in building.selections.of(asked.selections, frozenset((name,))):
        if one.name == "__typename":
            members.append((one.key, one.name, Constant(f'"{name}"')))
            continue
        key = next((key for key in keys if key.value.name == one.name), None)
        if key is None:
            members.append((one.key, one.name, NULL))
            continue
        kind = Text() if key.period else key.value.kind.sql
        members.append((one.key, one.name, key.json(bare(key.column, kind, rows))))
    return json_object(building, members)
