"""Reads a type of the catalogue the plain way: its declared expressions in one statement, marks filled in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm import aliased

from steward_graphql.declared.entities import Condition, Entity, Many, One, Planning, Row, Value
from steward_tenants.access.symbolic import (
    ACTOR,
    TENANT,
    TODAY,
    Standing,
    SymbolicSession,
    root_place,
    standing_of,
)
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database


class Reading:
    """What one actor sees of the catalogue, in one tenant on one day."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor, today: date) -> None:
        self.database, self.tenant_id, self.actor, self.today = database, tenant_id, actor, today
        self.standing: Standing = standing_of(actor)
        self.planning = Planning(SymbolicSession(self.standing.profile.actor), self.standing.profile)

    def row(self, entity: Entity) -> Row:
        """A reference to the type's table."""
        return Row(aliased(entity.table), self.planning)

    def conditions(self, entity: Entity, row: Row, *, listed: bool = True) -> list[Any]:
        """Everything that a row of a list meets."""
        found = [row.within(row.table)]
        if not self.standing.profile.may(entity.view):
            return [*found, row.table.tenant_id.is_(None)]
        if entity.kind is not None and entity.view is not None and entity.reach is None:
            found.append(entity.kind.reached(self.planning.session, entity.view, TODAY, row.table))
        rules = (entity.reach, entity.belongs, entity.always if listed else None)
        return [*found, *(rule(row) for rule in rules if rule is not None)]

    async def rows(self, entity: Entity, *names: str, where: Condition | None = None) -> Sequence[Any]:
        """The rows in reach, with the values of these fields."""
        row = self.row(entity)
        statement = select(*(entity.value(name).expression(row).label(name) for name in names))
        statement = statement.select_from(row.table).where(*self.conditions(entity, row))
        if where is not None:
            statement = statement.where(where(row))
        return await self.run(statement)

    async def linked(self, entity: Entity, link: str, target: Entity, row_id: UUID, *names: str) -> Sequence[Any]:
        """The rows of `target` in reach to which a field of one row leads."""
        source, other = self.row(entity), self.row(target)
        field = entity.by_name[link]
        assert isinstance(field, One | Many)
        reached = [] if field.granted else self.conditions(target, other, listed=isinstance(field, Many))
        statement = (
            select(*(target.value(name).expression(other).label(name) for name in names))
            .select_from(source.table)
            .join(other.table, field.link(source, other))
            .where(source.within(source.table), other.within(other.table), source.table.id == row_id, *reached)
        )
        return await self.run(statement)

    async def run(self, statement: Select[Any]) -> Sequence[Any]:
        """Execute, each mark replaced by what it stands for."""
        compiled = statement.compile(dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]
        filled = {name: self._real(value) for name, value in compiled.params.items() if self._real(value) is not None}
        async with self.database.read(self.tenant_id, self.actor) as session:
            return await session.rows(statement, filled)

    def _real(self, value: Any) -> Any:
        if not isinstance(value, UUID | date):
            return None
        marks = {TENANT: self.tenant_id, ACTOR: self.standing.actor_id, TODAY: self.today}
        if value in marks:
            return marks[value]
        place = root_place(value)
        return None if place is None else self.standing.roots[place]


def values_of(entity: Entity) -> list[str]:
    """The names of its plain fields."""
    return [one.name for one in entity.fields if isinstance(one, Value)]
