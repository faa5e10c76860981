"""Runs statements built from declared types as plans are: marks become parameters, sent as PostgreSQL's text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Select, Text, cast, literal, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from steward_graphql.catalogue import (
    clients,
    custom_fields,
    facts,
    gradings,
    hand_overs,
    holdings,
    imports,
    organisation,
    people,
    records,
    runs,
)
from steward_graphql.compiler.references import Reference
from steward_graphql.declared.entities import Entity, Planning, Row
from steward_tenants.access.symbolic import ACTOR, TENANT, TODAY, Standing, SymbolicSession, root_place, standing_of
from steward_tenants.database.actor import Actor
from steward_tenants.database.session import TenantSession

MODULES = (clients, holdings, hand_overs, facts, records, gradings, imports, custom_fields, runs)
ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        *(entity for module in MODULES for entity in module.CATALOGUE.entities),
        *records.family(()),
    )
}
ALL: dict[str, Entity] = {
    **ENTITIES,
    **{one.name: one for module in (people, organisation) for one in module.CATALOGUE.entities},
}


_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class Place:
    """Where one actor's statements are built."""

    def __init__(self, actor: Actor) -> None:
        self.standing: Standing = standing_of(actor)
        self.planning = Planning(SymbolicSession(self.standing.profile.actor), self.standing.profile)
        self._made = 0

    def row(self, entity: Entity) -> Row:
        """A new reference to the entity's table."""
        self._made += 1
        return Row(Reference(entity.table, f"t{self._made}"), self.planning)

    def in_reach(self, entity: Entity, row: Row) -> list[Any]:
        """What makes a row one of this type, and within the actor's reach."""
        conditions = [row.within(row.table)]
        if entity.belongs is not None:
            conditions.append(entity.belongs(row))
        if not self.standing.profile.may(entity.view):
            conditions.append(literal(False))
        if entity.reach is not None:
            conditions.append(entity.reach(row))
        elif entity.kind is not None:
            assert entity.view is not None
            conditions.append(entity.kind.reached(self.planning.session, entity.view, TODAY, row.table))
        return conditions

    async def run(
        self, session: TenantSession, statement: Select[*tuple[Any, ...]], today: date
    ) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement, its marks filled in for the actor."""
        compiled: Any = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        values = [self._filled(session, compiled.params[name], today) for name in compiled.positiontup]
        connection: Any = (await (await session.connection()).get_raw_connection()).driver_connection
        cursor = psycopg.AsyncRawCursor(connection)
        await cursor.execute(compiled.string, values)
        return await cursor.fetchall()

    def _filled(self, session: TenantSession, value: Any, today: date) -> Any:
        known: dict[Any, Any] = {TENANT: session.tenant_id, ACTOR: self.standing.actor_id, TODAY: today}
        if isinstance(value, UUID | date) and value in known:
            return known[value]
        place = root_place(value)
        return value if place is None else self.standing.roots[place]

    async def keys(
        self, session: TenantSession, entity: Entity, today: date, *more: Any, listed: bool = True
    ) -> set[Any]:
        """The keys of the entity's rows in reach (as text); `more`: further conditions on the row."""
        row = self.row(entity)
        conditions = [*self.in_reach(entity, row), *(condition(row) for condition in more)]
        if listed and entity.always is not None:
            conditions.append(entity.always(row))
        columns = [cast(getattr(row.table, name), Text) for name in entity.key]
        found = await self.run(session, select(*columns).where(*conditions), today)
        return {one[0] if len(one) == 1 else tuple(one) for one in found}
