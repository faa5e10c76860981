"""Rows as JSON objects: single values, related rows, lists, and which concrete type a row is of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, or_, select

from steward_graphql.compiler.access import base
from steward_graphql.compiler.building import Building
from steward_graphql.compiler.connections import Listed, connection_json
from steward_graphql.compiler.fragments import Part, joined, json_object, listed_json
from steward_graphql.compiler.references import Where
from steward_graphql.compiler.selection import Asked
from steward_graphql.declared.entities import Batched, Entity, Many, One, Row, Value
from steward_graphql.declared.fragments import Constant, or_null
from steward_graphql.declared.scalars import STRING

MOST_KEYS = 100
_NULL = Constant("null")


def node_json(building: Building, entity: Entity, row: Row, asked: Asked, at: tuple[str, ...]) -> Part:
    """The JSON text of a row as a field asks for it. Never NULL."""
    if not entity.concrete:
        return _object(building, entity, row, _fields(building, entity, asked), at=at)
    by_type = [(part, _fields(building, building.entity(part.entity), asked)) for part in entity.concrete]
    different: dict[tuple[Any, ...], list[int]] = {}
    for place, (_, fields) in enumerate(by_type):
        different.setdefault(_told(fields), []).append(place)
    rest = different.pop(_told(by_type[-1][1]))
    branches = []
    for places in different.values():
        is_one = [by_type[place][0].is_it(row) for place in places]
        fields = by_type[places[0]][1]
        branches.append((or_(*is_one), _concrete(building, entity, row, fields, at=at, places=places)))
    otherwise = _concrete(building, entity, row, by_type[-1][1], at=at, places=rest)
    return case(*branches, else_=otherwise) if branches else otherwise


def _told(fields: list[Asked]) -> tuple[Any, ...]:
    """What tells two selections apart."""
    return tuple((one.key, *(id(node) for node in one.nodes)) for one in fields)


def _fields(building: Building, entity: Entity, asked: Asked) -> list[Asked]:
    return building.selections.of(asked.selections, building.types(entity))


def _concrete(
    building: Building, interface: Entity, row: Row, fields: list[Asked], *, at: tuple[str, ...], places: list[int]
) -> Part:
    """The object of those concrete types that are asked the same."""
    parts = [interface.concrete[place] for place in places]
    typename = Constant(f'"{parts[0].entity}"') if len(parts) == 1 else _typename(interface, row)
    # What several are asked alike is the interface's to say: a type may have an expression of its own for a field.
    whose = building.entity(parts[0].entity) if len(parts) == 1 else interface
    return _object(building, whose, row, fields, at=at, typename=typename)


def _typename(interface: Entity, row: Row) -> Part:
    *told, last = interface.concrete
    names = [(part.is_it(row), Constant(f'"{part.entity}"')) for part in told]
    return case(*names, else_=Constant(f'"{last.entity}"'))


def _object(
    building: Building,
    entity: Entity,
    row: Row,
    fields: list[Asked],
    *,
    at: tuple[str, ...],
    typename: Part | None = None,
) -> Part:
    members: list[tuple[str, str, Part]] = []
    for one in fields:
        if one.name == "__typename":
            value: Part = Constant(f'"{entity.name}"') if typename is None else typename
        else:
            value = _field(building, entity, row, one, (*at, one.key))
        members.append((one.key, one.name, value))
    return json_object(building, members)


def _field(building: Building, entity: Entity, row: Row, asked: Asked, at: tuple[str, ...]) -> Part:
    field = entity.by_name[asked.name]
    if isinstance(field, Value):
        if not building.profile.may(field.permission):
            building.notice(field.permission, at)
            return _NULL
        return _value(building, field, row, asked, at)
    if isinstance(field, Batched):
        return _batched(building, entity, field, row)
    target = building.entity(field.target)
    if not field.granted and not building.profile.may(target.view):
        building.notice(target.view, at)
        return _NULL
    if isinstance(field, Many):
        return connection_json(building, Listed(target, row, field.link, field.granted), asked, at, node_json)
    return _one(building, field, row, asked, at)


def _value(building: Building, field: Value, row: Row, asked: Asked, at: tuple[str, ...]) -> Part:
    keys = building.argument(asked, field.argument, at) if field.argument else None
    if keys is not None and field.expression_by is not None:
        found = field.expression_by(row, building.bound_list(keys.leaves(STRING, MOST_KEYS), Text()))
    else:
        found = field.expression(row)
    text = listed_json(field.kind, found) if field.listed else field.kind.as_json(found)
    # NULL would make the whole row NULL, so only a column that the database keeps from it goes without.
    return text if row.table.never_null(found) else or_null(text)


def _batched(building: Building, entity: Entity, field: Batched, row: Row) -> Part:
    if field not in building.batches:
        building.batches.append(field)
    place = building.batches.index(field)
    key: ColumnElement[Any] = getattr(row.table, entity.key[0])
    return joined([building.nonce, Constant(f"{place}:"), cast(key, Text), building.nonce])


def _one(building: Building, field: One, row: Row, asked: Asked, at: tuple[str, ...]) -> Part:
    target = building.entity(field.target)
    other = building.row(target)
    conditions = [
        *base(building, target, other, listed=False, granted=field.granted),
        field.link(row, other),
    ]
    return or_null(row_json(building, target, other, Where(conditions, (row.table,)), asked, at=at))


def row_json(building: Building, entity: Entity, row: Row, where: Where, asked: Asked, *, at: tuple[str, ...]) -> Part:
    """The JSON text of the one row that meets `where`; NULL when there is none."""
    text = node_json(building, entity, row, asked, at)
    return select(text.label("j")).select_from(row.table).where(where).scalar_subquery()
