"""Which rows of a type an actor reaches, and which rows are of the type at all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, literal, true

from steward_graphql.compiler.building import Building, forbidden
from steward_graphql.declared.entities import Entity, Row, Value
from steward_tenants.access.symbolic import TODAY

Condition = ColumnElement[bool]


def reach(building: Building, entity: Entity, row: Row) -> Condition | None:
    """The condition that a row is in the actor's reach; None when every row is. Never true without `view`."""
    if not building.profile.may(entity.view):
        return literal(False)
    if entity.reach is not None:
        return entity.reach(row)
    if entity.kind is not None and entity.view is not None:
        return entity.kind.reached(building.planning.session, entity.view, TODAY, row.table)
    return None


def belonging(building: Building, entity: Entity, row: Row) -> list[Condition | None]:
    """The conditions that make a row one of this type."""
    if entity.belongs is not None:
        return [entity.belongs(row)]
    part = building.index.parts.get(entity.name)
    if part is None:
        return []
    siblings, place = part
    if place < len(siblings) - 1:
        return [siblings[place].is_it(row)]
    return [not_told(one.is_it(row)) for one in siblings[:place]]


def not_told(condition: Condition) -> Condition:
    """That a condition does not hold, or is not known to."""
    return condition.is_not(true())


def base(
    building: Building, entity: Entity, row: Row, *, listed: bool, granted: bool = False
) -> list[Condition | None]:
    """Wall 2, the type and the actor's reach (not for `granted` links); with `listed` what lists leave out."""
    if granted or building.profile.may(entity.view):
        building.reads(entity)
    conditions: list[Condition | None] = [row.within(row.table), *belonging(building, entity, row)]
    if not granted:
        conditions.append(reach(building, entity, row))
    if listed and entity.always is not None:
        conditions.append(entity.always(row))
    return conditions


def usable(building: Building, value: Value, row: Row) -> ColumnElement[Any]:
    """A value's SQL, to filter, sort, group or sum by. Raises Forbidden without the field's permission."""
    if value.permission is not None and not building.profile.may(value.permission):
        raise forbidden(value.permission)
    return value.expression(row)
